"""Scenes 1 to 5 of tools/demo: attested calls, two attackers, and an ordinary phone."""
import pathlib
import shutil
import socket
import subprocess
import time
import wave

from phones import BIN, ROLES, Failed, Phone, badge, expect, free_port, free_port_pair, milliseconds, progress, quality, reasons

MIN_ESTOI = 0.80
MIN_ESTOI_ORDINARY = 0.60


def phases(caller, callee):
    return {
        "dial_to_ring_ms": milliseconds(caller.phase("dialled"), callee.phase("ringing")),
        "channel_ms": milliseconds(caller.phase("dialled"), callee.phase("channel_open")),
        "accept_to_secure_ms": milliseconds(callee.phase("answered"), max(caller.phase("secure") or 0, callee.phase("secure") or 0)),
        "accept_to_first_sound_ms": milliseconds(callee.phase("answered"),
                                                 max(caller.phase("first_audio_in") or 0, callee.phase("first_audio_in") or 0)),
    }


def check_attested_call(lab, caller, callee, heard_there, heard_here):
    """What scenes 1 and 2 promise of a call that has ended."""
    there, here = callee.all("card")[0], caller.all("card")[0]
    expect(there["level"] == "2" and there["lab"], f"bob saw {badge(there)} of alice")
    expect(here["level"] == "2" and here["lab"], f"alice saw {badge(here)} of bob")
    order = [e.get("phase") or e.get("event") for e in callee.events if e.get("event") in ("card", "phase")]
    expect(order.index("card") <= order.index("ringing") + 1 and order.index("peer_appraised") < order.index("ringing"),
           "it rang before bob saw alice's level")
    expect(caller.phase("peer_appraised") < caller.phase("secure"), "media began before alice saw bob's level")
    life = [k["what"] for k in caller.all("key")]
    expect(life == ["created", "sealed", "wiped", "unsealed", "rekeyed", "wiped", "destroyed", "unseal_refused"],
           f"the life of alice's call secret was {life}")
    result = {"bob_saw": badge(there), "alice_saw": badge(here), "reasons": reasons(there), "key_life": life,
              "unseal_refused_rc": hex(caller.all("key")[-1]["tpm_rc"]), "phases": phases(caller, callee)}
    for name, phone, path, said in (("alice_to_bob", callee, heard_there, "alice"), ("bob_to_alice", caller, heard_here, "bob")):
        stats, q = phone.last("media"), quality(lab.path(f"{said}-says.wav"), path)
        expect(q["estoi"] >= MIN_ESTOI, f"{name}: intelligibility {q['estoi']:.2f} is below {MIN_ESTOI}")
        expect(stats["received"] > 400, f"{name}: only {stats['received']} packets came")
        result[name] = {"received": stats["received"], "lost": stats["lost"], "longest_gap_ms": q["longest_gap_ms"],
                        "estoi": round(q["estoi"], 3), "wav": str(path), "srtp": stats["srtp_profile"]}
    return result


def tell_attested(r):
    p = r["phases"]
    lines = [f"bob saw of alice before it rang, alice of bob before any sound: {r['bob_saw']}, {r['alice_saw']}",
             f"why: {r['reasons']}",
             f"dial to ring {p['dial_to_ring_ms']} ms (both phones attested), accept to secure {p['accept_to_secure_ms']} ms, "
             f"to first sound {p['accept_to_first_sound_ms']} ms"]
    for way in ("alice_to_bob", "bob_to_alice"):
        d = r[way]
        lines.append(f"{way.replace('_', ' ')}: {d['received']} packets {d['srtp']}, {d['lost']} lost, longest gap {d['longest_gap_ms']} ms, "
                     f"ESTOI {d['estoi']}  {d['wav']}")
    lines.append("call secret: " + ", ".join(k for k in r["key_life"] if k != "rekeyed").replace(
        "unseal_refused", f"copied blob refused by the TPM ({r['unseal_refused_rc']})"))
    return lines


CALL = ["--hang-up-after", "11.6", "--hold-after", "5", "--hold-for", "1"]


def scene_attested(lab):
    a_port, b_port = free_port(), free_port()
    lab.configure("alice", a_port)
    lab.configure("bob", b_port, policy="answer_automatically = true\n")
    there, here = lab.path("scene1-bob-heard.wav"), lab.path("scene1-alice-heard.wav")
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", there)
    bob.ready()
    alice = Phone(lab, "alice", "call", f"sip:bob@127.0.0.1:{b_port}", "--in", lab.path("alice-says.wav"), "--out", here, *CALL)
    alice.wait("exit", 60, status=0)
    bob.wait("state", 10, state="ended")
    bob.stop()
    r = check_attested_call(lab, alice, bob, there, here)
    answered = [e for e in lab.audit("bob") if e["event"] == "answered"]
    expect(answered and answered[-1]["by"] == "policy", "the audit log does not say that policy answered")
    return r, tell_attested(r)


KAMAILIO = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
tcp_children=2
enable_tls=yes
disable_tcp=no
listen=tls:127.0.0.1:{port}
alias="example.com"
tcp_connection_lifetime=3605
mpath="{modules}"
{loads}
modparam("tls","certificate","{dir}/cert.pem")
modparam("tls","private_key","{dir}/key.pem")
modparam("tls","ca_list","{dir}/ca.pem")
modparam("tls","tls_method","TLSv1.2+")
modparam("tls","verify_certificate",1)
modparam("tls","require_certificate",1)
modparam("auth","algorithm","SHA-256")
modparam("xlog","buf_size",32768)
modparam("nathelper|registrar","received_avp","$avp(rcv)")
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483","Too Many Hops"); exit; }}
  force_rport();
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (is_method("INFO")) xlog("L_NOTICE","ATTESTATION from $fU body $(rb{{s.encode.hexa}})\\n");
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404","Not here"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("example.com","{password}","0")) {{ www_challenge("example.com","1"); exit; }}
    consume_credentials(); fix_nated_register(); save("location"); exit; }}
  record_route();
  if (!lookup("location")) {{ sl_send_reply("404","Not Found"); exit; }}
  t_relay();
}}
"""


def start_kamailio(lab, port, password):
    modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"), None)
    expect(modules and shutil.which("kamailio"), "kamailio is not installed (tools/bootstrap installs it)")
    directory = lab.path("kamailio")
    lab.hop_certificate(directory, "DNS:sip.example.com,DNS:localhost,IP:127.0.0.1")
    names = "tls sl tm rr pv maxfwd usrloc registrar textops siputils xlog nathelper auth".split()
    (directory / "kamailio.cfg").write_text(KAMAILIO.format(port=port, modules=str(modules) + "/", dir=directory, password=password,
                                                            loads="\n".join(f'loadmodule "{m}.so"' for m in names)))
    log = directory / "kamailio.log"
    lab.spawn(["kamailio", "-f", directory / "kamailio.cfg", "-DD", "-E", "-m", "64", "-M", "8", "-Y", directory], log)
    wait_for_port(port, log)
    return log


def wait_for_port(port, log):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Failed(f"nothing listens at port {port}; see {log}")


def only_ciphertext(lab, log):
    """Every byte of the attestation that the proxy relayed, as the proxy logged it."""
    bodies = [bytes.fromhex(line.split(" body ")[1].split()[0]) for line in log.read_text(errors="replace").splitlines()
              if "ATTESTATION from" in line and " body " in line]
    expect(len(bodies) >= 5, f"the proxy saw only {len(bodies)} attestation messages")
    seen = b"".join(b[4:] for b in bodies)
    for name in ("alice", "bob"):
        certificate = lab.path("state", "sealcall", name, "enrolment", "identity.der").read_bytes()
        ak = lab.path("state", "sealcall", name, "enrolment", "ak.der").read_bytes()
        for secret, what in ((certificate[60:92], "certificate"), (ak[60:92], "AK certificate"), (f"sip:{name}@".encode(), "name")):
            expect(secret not in seen, f"the proxy could read {name}'s {what}")
    clear = sum(1 for b in bodies if b[4:5] == b"\x16")
    return {"messages": len(bodies), "bytes": len(seen), "starting_with_a_handshake_record": clear}


def scene_server(lab):
    """Kamailio 5.6 with OpenSSL 3 loses a child by signal 11 now and then: that is its failure, said aloud, and tried again."""
    for attempt in (1, 2, 3):
        try:
            return try_scene_server(lab)
        except Failed as problem:
            log = lab.path("kamailio", "kamailio.log")
            if attempt == 3 or not log.exists() or "exited by a signal" not in log.read_text(errors="replace"):
                raise
            progress(f"    the proxy crashed ({problem}); once more")
            lab.end()
            shutil.rmtree(lab.path("kamailio"))


def try_scene_server(lab):
    port, password = free_port(), "a-lab-password"
    log = start_kamailio(lab, port, password)
    for name in ("alice", "bob"):
        lab.configure(name, free_port(), policy="answer_automatically = true\n" if name == "bob" else "",
                      sip=f'proxy = "sip:127.0.0.1:{port};transport=tls"\nproxy_name = "sip.example.com"\nregister = true\n')
        lab.sealcall("vault", "login", profile=name, said=password + "\n")
    there, here = lab.path("scene2-bob-heard.wav"), lab.path("scene2-alice-heard.wav")
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", there)
    bob.wait("host", 20, registration="registered")
    alice = Phone(lab, "alice", "call", "sip:bob@example.com", "--in", lab.path("alice-says.wav"), "--out", here, *CALL)
    alice.wait("exit", 60, status=0)
    bob.wait("state", 10, state="ended")
    bob.stop()
    r = check_attested_call(lab, alice, bob, there, here)
    r["proxy_saw"] = only_ciphertext(lab, log)
    saw = r["proxy_saw"]
    return r, ["both registered with SHA-256 digest over verified TLS"] + tell_attested(r)[:-1] + [
        f"the proxy relayed {saw['messages']} messages, {saw['bytes']} bytes of attestation: no name, certificate or Evidence readable  {log}"]


def tampered_roles(lab):
    """A copy of the programs in which one byte of the enclave differs."""
    roles = lab.path("mallory-programs")
    roles.mkdir()
    for name in ROLES:
        shutil.copy2(BIN / name, roles / name)
    program = roles / "sealcall-enclave"
    data = bytearray(program.read_bytes())
    at = data.rfind(b"GCC: (Debian")
    expect(at > 0, "no place to change a byte was found")
    data[at] ^= 0x20
    program.write_bytes(data)
    return roles


def scene_tampered(lab):
    b_port = free_port()
    lab.configure("mallory", free_port())
    lab.configure("bob", b_port, policy="answer_automatically = true\n")
    before = len(lab.audit("bob"))
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("scene3-bob.wav"))
    bob.ready()
    mallory = Phone(lab, "mallory", "call", f"sip:bob@127.0.0.1:{b_port}", "--in", lab.path("alice-says.wav"), "--out",
                    lab.path("scene3-mallory.wav"), roles=tampered_roles(lab))
    end = mallory.wait("state", 30, state="ended")
    expect(end["reason"] == "own_tpm_refused", f"mallory's call ended with {end['reason']}")
    bob.wait("notice", 10, kind="incoming_refused")
    expect(not bob.all("state", state="ringing") and not bob.all("card"), "bob's phone rang")
    bob.stop()
    attempt = [e for e in lab.audit("bob")[before:] if e["event"] in ("attempt_abandoned", "channel_failed")]
    expect(attempt, "bob's audit log does not have the attempt")
    return ({"mallory_reads": end["sentence"], "detail": end["detail"], "bob_rang": False, "audit": attempt[-1]},
            [f"mallory reads: \"{end['sentence']}\" ({end['detail']})",
             f"bob never rang; his audit log, record {attempt[-1]['seq']}: {attempt[-1]['event']}, {attempt[-1]['from_hearsay']}"])


def scene_relayed(lab):
    roles = lab.path("relay-programs")
    roles.mkdir()
    for name in ROLES:
        shutil.copy2(BIN / name, roles / name)
    shutil.copy2(BIN / "sealcall-relay-enclave", roles / "sealcall-enclave")
    a_port, b_port, m_port = free_port(), free_port(), free_port()
    lab.configure("alice", a_port)
    lab.configure("bob", b_port, policy="answer_automatically = true\n")
    lab.configure("mallory", m_port)
    made = subprocess.run([str(BIN / "sealcall-relay-identity"), "--authority", str(lab.path("authority")), "--state",
                           str(lab.path("state", "sealcall", "mallory"))], capture_output=True, text=True, env=lab.environment)
    expect(made.returncode == 0, f"the attacker got no certificate: {made.stderr.strip()}")
    speech = lab.path("alice-says.wav")
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("scene4-bob.wav"))
    bob.ready()
    mallory = Phone(lab, "mallory", "call", f"sip:bob@127.0.0.1:{b_port}", "--in", speech, "--out", lab.path("scene4-mallory.wav"),
                    roles=roles)
    mallory.wait("host", 20)
    alice = Phone(lab, "alice", "call", f"sip:mallory@127.0.0.1:{m_port}", "--in", speech, "--out", lab.path("scene4-alice.wav"))
    card = bob.wait("card", 30)
    bob.wait("state", 10, state="ended")
    expect(card["level"] == "X", f"bob saw {badge(card)}")
    expect("not_bound_to_channel" in [r["code"] for r in card["reasons"]], f"the reasons were {card['reasons']}")
    expect(not bob.all("state", state="ringing"), "bob's phone rang")
    for phone in (alice, mallory):
        phone.stop()
    bob.stop()
    expect(not alice.all("state", state="media"), "alice talked to the attacker's relay")
    return ({"bob_saw": badge(card), "reasons": [r["code"] for r in card["reasons"]], "bob_rang": False},
            [f"the attacker ends TLS itself, with a certificate of the same authority, and passes on alice's genuine Evidence",
             f"bob saw {badge(card)}: {reasons(card, 1)} Refused; it never rang"])


def start_baresip(lab, command=None):
    expect(shutil.which("baresip"), "baresip is not installed (tools/bootstrap installs it)")
    port = free_port_pair()
    directory = lab.path(f"baresip-{port}")
    lab.hop_certificate(directory, "IP:127.0.0.1,DNS:localhost")
    (directory / "agent.pem").write_text((directory / "key.pem").read_text() + (directory / "cert.pem").read_text())
    speech = directory / "speech.wav"
    subprocess.run(["sox", str(lab.path("alice-says.wav")), "-c", "2", str(speech)], check=True, capture_output=True)
    (directory / "config").write_text(
        f"poll_method epoll\nsip_listen 127.0.0.1:{port}\nsip_certificate {directory}/agent.pem\nsip_cafile {directory}/ca.pem\n"
        f"audio_player aubridge,heard\naudio_source aufile,{speech}\naudio_alert aubridge,alert\nsnd_path {directory}\n"
        "module_path /usr/lib/baresip/modules\nmodule opus.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n"
        "module dtls_srtp.so\n"
        "module_app account.so\nmodule_app menu.so\n")
    (directory / "accounts").write_text("<sip:carol@127.0.0.1;transport=tls>;regint=0;answermode=auto;mediaenc=dtls_srtp;"
                                        "audio_codecs=opus/48000/2\n")
    (directory / "contacts").write_text("")
    arguments = ["baresip", "-f", directory, "-v"] + (["-e", command] if command else [])
    lab.spawn(arguments, directory / "baresip.log")
    wait_for_port(port + 1, directory / "baresip.log")
    return port + 1, directory


def heard(path, sent, lowest):
    with wave.open(str(path)) as w:
        expect(w.getnframes() > 48000, f"{path.name} holds no sound")
    q = quality(sent, path)
    expect(q["estoi"] >= lowest, f"{path.name}: intelligibility {q['estoi']:.2f} is below {lowest}")
    return round(q["estoi"], 3)


def scene_ordinary(lab):
    b_port = free_port()
    policy = 'ordinary_phones = "warn"\nanswer_automatically = true\n'
    lab.configure("bob", b_port, policy=policy)
    # baresip calls bob
    there = lab.path("scene5-bob-heard-in.wav")
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", there)
    bob.ready()
    _, carol = start_baresip(lab, f"/dial sip:bob@127.0.0.1:{b_port};transport=tls")
    bob.wait("state", 15, state="media")
    incoming = bob.all("card")[-1]
    time.sleep(6)
    bob.lab.sealcall("hangup", profile="bob")
    bob.wait("state", 10, state="ended")
    bob.stop()
    lab.end()
    expect(incoming["level"] == "0" and incoming["ordinary"] and incoming["protection"] == "hop", f"bob saw {badge(incoming)}")
    expect(incoming["decision"]["action"] == "warn", "the policy did not warn")
    says = {n: cut(lab, n) for n in ("alice", "bob")}
    r = {"incoming": {"bob_saw": badge(incoming), "warning": incoming["decision"]["sentence"],
                      "estoi_in": heard(there, says["alice"], MIN_ESTOI_ORDINARY),
                      "estoi_out": heard(dumped(carol), says["bob"], MIN_ESTOI_ORDINARY)}}
    # bob calls baresip
    here = lab.path("scene5-bob-heard-out.wav")
    lab.configure("bob", free_port(), policy=policy)
    port, carol = start_baresip(lab)
    bob = Phone(lab, "bob", "call", f"sip:carol@127.0.0.1:{port}", "--in", lab.path("bob-says.wav"), "--out", here,
                "--hang-up-after", "6")
    bob.wait("exit", 40, status=0)
    outgoing = bob.all("card")[-1]
    time.sleep(0.3)
    lab.end()
    expect(outgoing["level"] == "0" and outgoing["ordinary"] and outgoing["protection"] == "hop", f"bob saw {badge(outgoing)}")
    r["outgoing"] = {"bob_saw": badge(outgoing), "estoi_in": heard(here, says["alice"], MIN_ESTOI_ORDINARY),
                     "estoi_out": heard(dumped(carol), says["bob"], MIN_ESTOI_ORDINARY)}
    i, o = r["incoming"], r["outgoing"]
    return r, [f"baresip calls bob: {i['bob_saw']}, encrypted but not proven end to end; policy: {i['warning']}",
               f"  intelligibility {i['estoi_in']} in, {i['estoi_out']} out",
               f"bob calls baresip: 420, then as an ordinary call: {o['bob_saw']}; intelligibility {o['estoi_in']} in, {o['estoi_out']} out"]


def dumped(directory):
    """What baresip's sndfile module wrote of the sound that it decoded."""
    found = sorted(directory.glob("dump-*-dec.wav"))
    expect(found, f"baresip recorded nothing in {directory}")
    return found[-1]


def cut(lab, name):
    """The first five seconds of what somebody says: the ordinary calls are shorter."""
    out = lab.path(f"{name}-says-short.wav")
    subprocess.run(["sox", str(lab.path(f"{name}-says.wav")), str(out), "trim", "0", "5"], check=True, capture_output=True)
    return out


SCENES = [("Attested", scene_attested), ("Through a server", scene_server), ("Tampered", scene_tampered),
          ("Relayed", scene_relayed), ("Ordinary phone", scene_ordinary)]
