"""Scenes of an administrator's policy: who may talk about what, and an older policy that somebody puts back."""
import json
import shutil

from evidence import bob_ready
from phones import Phone, badge, expect, free_port

POLICY = """
[policy]
name = "Example Corp, demo"

[organisations.corp]
domains = ["example.com"]

[[rules]]
name = "Restricted matters need an approved boot"
label = "restricted"
level = 3
lab = true
answer = "allow"

[[rules]]
name = "The rest, among ourselves"
peer = "corp"
label_to = "internal"
level = 2
lab = true
answer = "allow"
"""


def decided(decision):
    return f"{decision['action']} ({decision['name'] or decision['sentence']})"


def sign(lab, text):
    """The administrator checks a policy and signs it into the next bundle; that bundle's bytes."""
    file, store = lab.path("policy.toml"), lab.path("references")
    file.write_text(text)
    lab.sealcall("policy", "check", file, "--strict")
    lab.sealcall("policy", "sign", file, lab.path("authority"), *(("--store", store) if store.exists() else ()))
    return lab.path("authority", "bundle.bin").read_bytes()


def withdraw(lab):
    """What bob's phone has from now on says nothing about calls: the scenes after these are about other things."""
    store = lab.path("references")
    lab.sealcall("policy", "sign", "--withdraw", lab.path("authority"), *(("--store", store) if store.exists() else ()))
    lab.sealcall("bundle", "install", lab.path("authority", "bundle.bin"), profile="bob")


def labelled(lab, bob, label):
    """alice calls bob about something of this label, and hangs up; her phone, and what bob saw of her."""
    cards, ended = len(bob.all("card")), len(bob.all("state", state="ended"))
    alice = Phone(lab, "alice", "call", f"sip:bob@127.0.0.1:{lab.port}", "--label", label, "--in", lab.path("alice-says.wav"), "--out",
                  lab.path("alice-heard.wav"), "--hang-up-after", "0.5")
    alice.wait("exit", 40)
    alice.process.wait(15)  # its profile is free for the next one
    expect(len(bob.all("card")) > cards, f"bob's phone saw nothing; alice's said {alice.last('state')}")
    bob.wait_for(lambda: len(bob.all("state", state="ended")) > ended, 10, "the end of the call")
    return alice, bob.all("card")[cards]


def scene_label(lab):
    sign(lab, POLICY)
    lab.sealcall("policy", "install", lab.path("authority", "bundle.bin"), profile="bob")
    lab.configure("alice", free_port())
    bob = bob_ready(lab)
    alice, restricted = labelled(lab, bob, "restricted")
    expect(restricted["decision"]["action"] == "refuse" and restricted["label"] == "restricted", f"bob's phone decided {restricted['decision']}")
    expect(not bob.all("state", state="ringing"), "bob's phone rang")
    reads = alice.last("state")["sentence"]
    _, internal = labelled(lab, bob, "internal")
    expect(internal["decision"]["action"] == "allow" and bob.all("state", state="media"), f"bob's phone decided {internal['decision']}")
    explained = json.loads(lab.sealcall("--json", "policy", "explain", "sip:alice@example.com", "--direction", "incoming", "--label", "restricted",
                                        "--level", "2", "--lab", profile="bob", check=False).stdout)
    bob.stop()
    withdraw(lab)
    expect(explained["answer"] == "refuse", f"policy explain says {explained}")
    logged = [e for e in lab.audit("bob") if e["event"] == "decided"]
    return ({"restricted": restricted["decision"], "internal": internal["decision"], "alice_reads": reads, "explain": explained, "audit": logged[-2:]},
            [f"alice, {badge(restricted)}, calls about something restricted, for which the policy asks for level 3: {decided(restricted['decision'])}. "
             f"It never rang; alice reads: \"{reads}\"",
             f"the same call about something internal: {decided(internal['decision'])}"])


def scene_rollback(lab):
    lax = sign(lab, POLICY.replace("level = 3", "level = 2"))
    lab.sealcall("policy", "install", lab.path("authority", "bundle.bin"), profile="bob")
    strict = sign(lab, POLICY)
    lab.sealcall("policy", "install", lab.path("authority", "bundle.bin"), profile="bob")
    lab.configure("alice", free_port())
    old, place = lab.path("old-bundle.bin"), lab.path("state", "sealcall", "bob", "bundle.bin")
    old.write_bytes(lax)
    expect(place.read_bytes() == strict, "policy install did not put the newest bundle in place")
    told = [f"`sealcall policy install` of last week's policy, genuine and signed: \"{refused(lab, old)}\""]
    bob = bob_ready(lab)
    shutil.copy(old, place.with_suffix(".new"))
    place.with_suffix(".new").rename(place)  # whoever owns the disk needs no command
    notice = bob.wait("notice", 15, kind="bundle")["text"]
    _, card = labelled(lab, bob, "restricted")
    expect(card["decision"]["action"] == "refuse", f"the old policy counts: {card['decision']}")
    bob.stop()
    told.append(f"put into the profile under the running phone: \"{notice}\" A restricted call: {decided(card['decision'])}")
    bob = bob_ready(lab)
    _, card = labelled(lab, bob, "restricted")
    expect(card["decision"]["action"] == "refuse" and not bob.all("state", state="ringing"), f"the old policy counts after a restart: {card['decision']}")
    bob.stop()
    told.append(f"and started with it: {badge(card)}, {decided(card['decision'])}. Its number in the TPM is higher.")
    shutil.copy(lab.path("authority", "bundle.bin"), place)
    withdraw(lab)
    return {"notice": notice, "after_restart": card["decision"]}, told


def refused(lab, bundle):
    done = lab.sealcall("policy", "install", bundle, profile="bob", check=False)
    expect(done.returncode != 0, f"policy install took an older bundle: {done.stdout.strip()}")
    return done.stderr.strip().splitlines()[0]


SCENES = [("Restricted label", scene_label), ("Policy rollback", scene_rollback)]
