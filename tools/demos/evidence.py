"""Scenes of tools/demo about what a computer's boot and its programs are worth."""
import json
import time

from machines import GOOD_BOOT, Booted, machine
from managed import Managed
from phones import Phone, Skipped, badge, expect, free_port

ROGUE = "a boot loader of the attacker's"
SHOWN = ["log_replays", "secure_boot_on", "secure_boot_off", "boot_approved", "boot_not_approved", "runtime_approved",
         "runtime_not_approved", "runtime_not_known", "component_forbidden", "attestation_key_revoked"]


def codes(card):
    return [r["code"] for r in card["reasons"]]


def seen(card, level, *wanted):
    """Fails unless the card shows this level for these reasons; what it says about boot and programs."""
    expect(card["level"] == level, f"bob saw {badge(card)}, not [{level}]: {codes(card)}")
    for code in wanted:
        expect(code in codes(card), f"bob saw {badge(card)} for {codes(card)}, without {code}")
    return f"{badge(card)}: " + " ".join(r["sentence"] for r in card["reasons"] if r["code"] in (wanted or SHOWN))


def approve_golden_boot(lab):
    """Once: an administrator approves the boot and the programs of a golden machine; bob's phone believes the authority's bundle."""
    store = lab.path("references")
    if store.exists():
        return
    golden = lab.path("golden")
    machine("make", golden, "--once", *GOOD_BOOT)
    lab.sealcall("reference", "import", "--store", store, "--log", golden / "binary_bios_measurements", "--ima",
                 golden / "binary_runtime_measurements", "--pcrs", "0,2,4,7")
    lab.sealcall("reference", "approve", "--store", store, "--all", "--authority", lab.path("authority"))
    lab.sealcall("enroll", "--authority", lab.path("authority"), profile="bob")


def publish(lab):
    """The authority signs its next bundle, and bob's phone takes it."""
    lab.sealcall("authority", "bundle", lab.path("authority"), "--store", lab.path("references"))
    lab.sealcall("bundle", "install", lab.path("authority", "bundle.bin"), profile="bob")


def bob_ready(lab, policy="", minimum=2):
    lab.port = free_port()
    lab.configure("bob", lab.port, policy="answer_automatically = true\n" + policy, minimum=minimum)
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("bob-heard.wav"))
    bob.ready()
    return bob


def call_of(lab, name, bob, seconds="0.5"):
    """A call to bob from its beginning to its end; the caller's phone and the card that bob saw."""
    before = len(bob.all("card")), len(bob.all("state", state="ended"))
    caller = Phone(lab, name, "call", f"sip:bob@127.0.0.1:{lab.port}", "--in", lab.path("alice-says.wav"), "--out",
                   lab.path(f"{name}-heard.wav"), "--hang-up-after", seconds)
    caller.wait("exit", 40)
    expect(len(bob.all("card")) > before[0], f"bob's phone saw nothing; {name}'s said {caller.last('state')}")
    bob.wait_for(lambda: len(bob.all("state", state="ended")) > before[1], 10, "the end of the call")
    return caller, bob.all("card")[before[0]]


def boot_difference(lab, directory):
    """What `reference diff` says about the boot of a machine: the event that nobody approved, in words."""
    done = lab.sealcall("--json", "reference", "diff", "--store", lab.path("references"), directory / "binary_bios_measurements", check=False)
    found = json.loads(done.stdout)["differences"]
    expect(done.returncode == 3 and len(found) == 1 and found[0]["pcr"] == 4, f"reference diff found {found}")
    return found[0]


def forbid(lab, digest, directory):
    """The administrator has looked at it, and wants nobody in a call with it."""
    store = lab.path("references")
    lab.sealcall("reference", "import", "--store", store, "--log", directory / "binary_bios_measurements")
    entries = [json.loads(line) for line in (store / "references.jsonl").read_text().splitlines()]
    number = next(e["id"] for e in entries if e["digest"] == digest)
    lab.sealcall("reference", "approve", "--store", store, "--forbid", number)
    publish(lab)


def scene_measured(lab):
    approve_golden_boot(lab)
    bob = bob_ready(lab)
    with Booted(lab, "alice", *GOOD_BOOT, "--secure-boot", "off"):
        alice, card = call_of(lab, "alice", bob)
    bob.stop()
    said = seen(card, "2", "log_replays", "secure_boot_off")
    expect(card["lab"], "LAB is missing")
    here = alice.all("card")[0]
    return ({"bob_saw": badge(card), "alice_saw": badge(here), "reasons": codes(card)},
            [f"alice's computer started with Secure Boot off. bob saw {said}", f"alice saw of bob: {badge(here)}"])


def scene_rogue(lab):
    approve_golden_boot(lab)
    with Booted(lab, "alice", *GOOD_BOOT, "--boot-loader", ROGUE) as rogue:
        bob = bob_ready(lab)
        _, unknown = call_of(lab, "alice", bob)
        bob.stop()
        said = seen(unknown, "2", "secure_boot_on", "boot_not_approved")
        difference = boot_difference(lab, rogue)
        forbid(lab, difference["digest"], rogue)
    with Booted(lab, "alice", *GOOD_BOOT, "--boot-loader", ROGUE):
        bob = bob_ready(lab)
        caller, forbidden = call_of(lab, "alice", bob)
        bob.stop()
    then = seen(forbidden, "X", "component_forbidden")
    expect(not bob.all("state", state="ringing"), "bob's phone rang")
    reads = caller.last("state")["sentence"]
    return ({"bob_saw": badge(unknown), "reasons": codes(unknown), "difference": difference, "forbidden": badge(forbidden),
             "alice_reads": reads},
            [f"a boot loader that nobody knows. bob saw {said}", f"sealcall reference diff: {difference['sentence']}",
             f"the administrator forbids it. bob saw {then} It never rang; alice reads: \"{reads}\""])


def managed(lab):
    """dora's computer, made once. The programs of sealcall that its guard measures are approved by their list."""
    approve_golden_boot(lab)
    found = [kept for kept in lab.keep if isinstance(kept, Managed)]
    if found:
        expect(found[0].whole, "dora's computer could not be made; the first scene that needs it says why")
        return found[0]
    if "--predict-programs" not in lab.sealcall("reference", "approve", "--help").stdout:
        raise Skipped("this build's `sealcall reference approve` cannot approve sealcall's own programs (--predict-programs)")
    made = Managed(lab)
    lab.sealcall("reference", "approve", "--store", lab.path("references"), "--predict-programs", made.place / "approved", "--authority",
                 lab.path("authority"))
    lab.sealcall("bundle", "install", lab.path("authority", "bundle.bin"), profile="bob")
    made.whole = True
    return made


def scene_trusted_boot(lab):
    managed(lab).boot(*GOOD_BOOT, "--run", "/usr/games/chess")
    bob = bob_ready(lab, minimum=3)
    dora, card = call_of(lab, "dora", bob)
    bob.stop()
    said = seen(card, "3", "boot_approved", "measurement_approved", "runtime_not_approved")
    expect(card["decision"]["action"] == "allow", f"a policy that asks for level 3 said {card['decision']}")
    return ({"bob_saw": badge(card), "reasons": codes(card), "dora_saw": badge(dora.all("card")[0])},
            [f"dora's computer is managed; its boot is approved, one of its programs is not. bob, whose policy asks for level 3, saw {said}",
             f"dora saw of bob, whose phone is an ordinary program: {badge(dora.all('card')[0])}"])


def scene_trusted_runtime(lab):
    managed(lab).boot(*GOOD_BOOT)
    bob = bob_ready(lab, minimum=4)
    dora, card = call_of(lab, "dora", bob)
    bob.stop()
    said = seen(card, "4", "boot_approved", "measurement_approved", "runtime_approved")
    return ({"bob_saw": badge(card), "reasons": codes(card), "dora_saw": badge(dora.all("card")[0])},
            [f"every program is approved too. bob, whose policy asks for level 4, saw {said}"])


def scene_unapproved_program(lab):
    computer = managed(lab)
    computer.boot(*GOOD_BOOT)
    bob = bob_ready(lab, 'on_worse = "mute"\n', minimum=4)
    dora = Phone(lab, "dora", "call", f"sip:bob@127.0.0.1:{lab.port}", "--in", lab.path("alice-says.wav"), "--out",
                 lab.path("dora-heard.wav"), "--hang-up-after", "30")
    bob.wait("state", 20, state="media")
    before = bob.all("card")[-1]
    seen(before, "4", "runtime_approved")
    machine("run", computer.dir, "/tmp/listens-in", "--text", "a program that nobody approved")
    started = time.monotonic()
    lab.sealcall("recheck", profile="bob", check=False)  # the protocol asks at most every 10 s
    fell = bob.wait("recheck", 20, outcome="worse")
    seconds = round(time.monotonic() - started, 1)
    card, there = bob.all("card")[-1], dora.wait("recheck", 10, outcome="seen_worse")
    said = seen(card, "3", "runtime_not_approved")
    expect(fell["before"] == "4" and fell["level"] == "3" and fell["done"] == "muted", f"bob's phone did {fell}")
    lab.sealcall("hangup", profile="bob")
    dora.wait("exit", 20)
    bob.stop()
    logged = [e for e in lab.audit("bob") if e["event"] == "rechecked" and e.get("outcome") == "worse"]
    expect(logged, "bob's audit log does not have the fall")
    return ({"before": badge(before), "bob_saw": badge(card), "reasons": codes(card), "bob_reads": fell["sentence"],
             "dora_reads": there["sentence"], "seconds_to_fall": seconds, "audit": logged[-1]},
            [f"before: {badge(before)}. Then dora's computer starts a program that nobody approved. bob saw {said}",
             f"after {seconds} s bob reads: \"{fell['sentence']}\"  dora reads: \"{there['sentence']}\""])


def scene_revoked(lab):
    approve_golden_boot(lab)
    lab.configure("alice", free_port())
    bob = bob_ready(lab)
    _, before = call_of(lab, "alice", bob)
    bob.stop()
    seen(before, "2", "device_enrolled")
    lab.sealcall("authority", "revoke", lab.path("authority"), "--user", "sip:alice@example.com", "--reason", "stolen")
    publish(lab)
    bob = bob_ready(lab)
    alice, card = call_of(lab, "alice", bob)
    bob.stop()
    said, reads = seen(card, "X", "attestation_key_revoked"), alice.last("state")["sentence"]
    expect(not bob.all("state", state="ringing"), "bob's phone rang")
    return ({"before": badge(before), "bob_saw": badge(card), "reasons": codes(card), "alice_reads": reads},
            [f"before: {badge(before)}. Then the authority strikes alice's device off, and bob's phone has the next bundle.",
             f"bob saw {said} It never rang; alice reads: \"{reads}\""])


SCENES = [("Measured", scene_measured), ("Rogue boot loader", scene_rogue), ("Trusted boot", scene_trusted_boot),
          ("Trusted runtime", scene_trusted_runtime), ("Unapproved program", scene_unapproved_program), ("Revoked", scene_revoked)]
