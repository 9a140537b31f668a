"""The scene about the audit log: somebody deletes the line of a call, and it is found."""
import hashlib
import json

from phones import Phone, expect, free_port


def chain_anew(lines):
    """What whoever can write the file can do: numbers and hashes made anew, so that the chain is whole."""
    out, prev = [], "0" * 64
    for seq, line in enumerate(lines):
        body = line[line.index(',"wall_ms":'):line.rindex(',"prev":"')]
        out.append(f'{{"seq":{seq}{body},"prev":"{prev}"}}')
        prev = hashlib.sha256(out[-1].encode()).hexdigest()
    return out


def findings(done):
    return {f["name"]: f for f in json.loads(done.stdout)["findings"]}


def scene_audit_line(lab):
    a_port, b_port = free_port(), free_port()
    lab.configure("alice", a_port)
    lab.configure("bob", b_port, policy="answer_automatically = true\n")
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("audit-bob-heard.wav"))
    bob.ready()
    alice = Phone(lab, "alice", "call", f"sip:bob@127.0.0.1:{b_port}", "--in", lab.path("alice-says.wav"),
                  "--out", lab.path("audit-alice-heard.wav"), "--hang-up-after", "3")
    alice.wait("exit", 60, status=0)
    bob.wait("state", 10, state="ended")
    bob.stop()

    trust = ["--authority", lab.path("authority")]
    log = lab.path("state", "sealcall", "bob", "audit.log")
    good = lab.sealcall("audit", "verify", *trust, "--live", "--json", profile="bob")
    expect(json.loads(good.stdout)["ok"], f"bob's log does not hold: {good.stdout}")
    lab.path("alice-keeps.jsonl").write_text(lab.sealcall("audit", "export", "--witnesses", profile="alice").stdout)
    witnessed = lab.sealcall("audit", "verify", *trust, "--witness", lab.path("alice-keeps.jsonl"), "--json", profile="bob")
    expect(findings(witnessed)["witness"]["verdict"] == "ok", witnessed.stdout)

    proof = lab.path("proof.json")
    lab.sealcall("keys", "proof", "last", "--out", proof, profile="bob")
    dead = lab.sealcall("keys", "verify-proof", proof, *trust, "--json")
    expect(json.loads(dead.stdout)["ok"], dead.stdout)
    page = lab.path("keys.html")
    lab.sealcall("audit", "timeline", *trust, "--html", page, profile="bob")
    expect("<svg" in page.read_text(), "the page has no picture")

    whole = log.read_text().splitlines()
    opened = max(i for i, line in enumerate(whole) if '"event":"open"' in line)
    gone = lab.path("audit-without-the-call.log")
    gone.write_text("\n".join(chain_anew(whole[:opened] + whole[opened + 1:])) + "\n")
    bad = lab.sealcall("audit", "verify", *trust, "--file", gone, "--json", check=False)
    found = findings(bad)
    expect(bad.returncode == 3 and found["chain"]["verdict"] == "ok", f"a chain made anew: {bad.returncode} {bad.stdout}")
    expect(found["anchors"]["verdict"] == "failed", bad.stdout)

    cut = lab.path("audit-cut.log")
    cut.write_text("\n".join(whole[:opened - 4]) + "\n")
    late = lab.sealcall("audit", "verify", *trust, "--file", cut, "--live", "--json", profile="bob", check=False)
    expect(late.returncode == 3 and findings(late)["live"]["verdict"] == "failed", late.stdout)
    return ({"records": len(whole), "removed": opened, "found": found["anchors"]["text"], "cut_found": findings(late)["live"]["text"],
             "proof": findings(dead)["end"]["text"], "page": str(page)},
            [f"{len(whole)} records; the line of the call is deleted and the chain made anew, so that it is whole",
             f"verify: {found['anchors']['text']}",
             f"the tail cut off instead: {findings(late)['live']['text']}",
             f"the key of the call: {findings(dead)['end']['text']}"])


SCENES = [("Audit line deleted", scene_audit_line)]
