"""Demo scene 4 with real processes: alice calls mallory, who ends TLS herself and passes on to bob all that alice says,
Evidence included. Bob must refuse it as Failed (X), not bound to this channel, without ringing; alice gets no sound either.

First alice calls bob directly with the same profiles: that must succeed, or the refusal would prove nothing.

Usage: relay_test.py BIN (the directory of the built executables)"""

import array
import ctypes
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import wave
from pathlib import Path

BIN = Path()
ROLES = ["sealcall-audio", "sealcall-enclave", "sealcall-host", "sealcall-ui", "sealcall-verifier"]
PEOPLE = ["alice", "bob", "mallory"]
LEVEL_X = 0  # rats::Level::failed, as the audit log writes it
ENDED_BY_SIGINT = 130
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_us():
    """A test that is killed takes its phones with it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Phone:
    """One `sealcall` that runs, its JSON events in a file."""

    def __init__(self, scene, name, *words):
        self.scene, self.name = scene, name
        self.out = scene.dir / f"{name}.json"
        self.err = scene.dir / f"{name}.err"
        self.process_log = scene.state(name) / "phone.log"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(BIN / "sealcall"), *words, "--profile", name, "--json"], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, env=scene.environment, preexec_fn=end_with_us)

    def events(self, kind=None):
        lines = self.out.read_bytes().split(b"\n")[:-1]
        return [e for e in map(json.loads, lines) if kind in (None, e["event"])]

    def log(self):
        """What `sealcall` and its processes wrote for whoever looks for a fault."""
        return "".join(f.read_text(errors="replace") for f in (self.err, self.process_log) if f.exists())

    def wait_for(self, what, condition, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := condition():
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        if found := condition():
            return found
        raise AssertionError(f"never: {what}\n{self.out.read_text()}\n{self.log()}")

    def port(self):
        """Where it listens; waits until it does. Asked over the control socket: an event could be over before ui tells."""
        return self.wait_for("listening", self.ask_port)

    def ask_port(self):
        done = subprocess.run([str(BIN / "sealcall"), "status", "--profile", self.name, "--json"], env=self.scene.environment,
                              capture_output=True, text=True, timeout=20, check=False, preexec_fn=end_with_us)
        listening = re.search(r'"listening": ?"[^"]*:(\d+)"', done.stdout)
        return int(listening[1]) if listening else None

    def states(self):
        return [e["state"] for e in self.events("state")]

    def end(self):
        """Exit status, after SIGINT if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Scene:
    """An authority, three enrolled phones, and a roles directory in which the enclave is the relay."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": str(self.dir),
                            "XDG_CONFIG_HOME": str(self.dir / "config"), "XDG_STATE_HOME": str(self.dir / "state"),
                            "XDG_RUNTIME_DIR": str(self.dir / "run")}
        (self.dir / "run").mkdir(mode=0o700)
        self.authority = self.dir / "authority"
        self.roles = self.dir / "roles"
        for name in PEOPLE:
            self.run("init", "--profile", name, "--tpm", "swtpm", "--lab-ek", str(self.dir / "ek"), "--uri", f"sip:{name}@example.com")
        self.run("authority", "init", str(self.authority), "--name", "Example Corp", "--domain", "example.com",
                 "--lab-ek-root", str(self.dir / "ek" / "lab-ek-root.pem"))
        for name in PEOPLE:
            self.run("enroll", "--profile", name, "--authority", str(self.authority))
            self.configure(name)
        self.roles.mkdir()
        for role in ROLES:
            shutil.copy2(BIN / role, self.roles / role)
        shutil.copy2(BIN / "sealcall-relay-enclave", self.roles / "sealcall-enclave")
        self.run_tool("sealcall-relay-identity", "--authority", str(self.authority), "--state", str(self.state("mallory")))
        self.speak("tone.wav")

    def run_tool(self, tool, *words):
        done = subprocess.run([str(BIN / tool), *words], env=self.environment, capture_output=True, text=True, timeout=60,
                              check=False, preexec_fn=end_with_us)
        if done.returncode != 0:
            raise AssertionError(f"{tool} {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, *words):
        return self.run_tool("sealcall", *words)

    def state(self, name):
        return self.dir / "state" / "sealcall" / name

    def configure(self, name):
        """Any free port, the laboratory counts, and the policy answers."""
        file = self.dir / "config" / "sealcall" / name / "config.toml"
        text = file.read_text()
        for key, value in (("port", "0"), ("lab", "true"), ("answer_automatically", "true")):
            text, n = re.subn(rf"(?m)^(?:# )?{key} = \S+", f"{key} = {value}", text)
            if n != 1:
                raise AssertionError(f"{key} is not in the configuration once")
        file.write_text(text)

    def speak(self, name):
        """Ten seconds of a tone."""
        samples = array.array("h", (int(8000 * math.sin(i * 2 * math.pi * 440 / 48000)) for i in range(480000)))
        with wave.open(str(self.dir / name), "wb") as out:
            out.setparams((1, 2, 48000, 0, "NONE", ""))
            out.writeframes(samples.tobytes())

    def sound(self, name):
        return ["--in", str(self.dir / "tone.wav"), "--out", str(self.dir / f"{name}-heard.wav")]

    def audit(self, name):
        """Records of the audit log; a key that repeats (reason) gives a list under its plural."""
        def pairs(items):
            record = dict(items)
            record["reasons"] = [v for k, v in items if k == "reason"]
            return record
        lines = (self.state(name) / "audit.log").read_text().splitlines()
        return [json.loads(line, object_pairs_hook=pairs) for line in lines]


def reason_number(name):
    """The audit log writes rats::Reason as numbers, in the order of its enumeration."""
    text = (Path(__file__).resolve().parents[2] / "include/sealcall/rats/types.h").read_text()
    body = re.sub(r"//.*", "", re.search(r"enum class Reason[^{]*\{(.*?)\}", text, re.S)[1])
    return [word.strip() for word in body.split(",")].index(name)


class Relayed(unittest.TestCase):
    maxDiff = None

    def start(self, name, *words):
        phone = Phone(self.scene, name, *words)
        self.phones.append(phone)
        return phone

    def setUp(self):
        self.phones = []
        place = tempfile.TemporaryDirectory(prefix="sealcall-relay-")
        self.addCleanup(place.cleanup)
        self.addCleanup(self.end_phones)
        self.scene = Scene(place.name)

    def end_phones(self):
        for phone in reversed(self.phones):
            if phone.process.poll() is None:
                phone.end()

    def call_directly(self):
        bob = self.start("bob", "phone", "--headless", *self.scene.sound("bob"))
        alice = self.start("alice", "call", f"sip:bob@127.0.0.1:{bob.port()}", "--hang-up-after", "1", *self.scene.sound("alice"))
        self.assertEqual(alice.process.wait(timeout=30), 0, alice.log())
        self.assertEqual(bob.end(), ENDED_BY_SIGINT, bob.log())
        self.assertIn("ringing", bob.states())
        self.assertIn("media", bob.states())
        self.assertEqual({c["level"] for c in bob.events("card")}, {"2"})
        with wave.open(str(self.scene.dir / "bob-heard.wav")) as heard:
            self.assertGreater(heard.getnframes(), 0)

    def test_relayed_evidence_is_failed_and_nothing_rings(self):
        self.call_directly()
        before = len(self.scene.audit("bob"))

        bob = self.start("bob", "phone", "--headless", *self.scene.sound("bob"))
        mallory = self.start("mallory", "call", f"sip:bob@127.0.0.1:{bob.port()}", "--roles", str(self.scene.roles),
                             *self.scene.sound("mallory"))
        mallory.wait_for("the relay waits", lambda: "event=relay_waits" in mallory.log())
        alice = self.start("alice", "call", f"sip:mallory@127.0.0.1:{mallory.port()}", *self.scene.sound("alice"))
        bob.wait_for("the call ended at bob's", lambda: "ended" in bob.states())
        alice_status = alice.process.wait(timeout=30)
        mallory_status = mallory.process.wait(timeout=30)
        bob_status = bob.end()

        self.the_attack_went_all_the_way(mallory, bob)
        self.bob_refused(bob)
        self.bob_wrote_it_down(self.scene.audit("bob")[before:])
        self.alice_has_no_sound(alice, alice_status)
        self.assertEqual(mallory_status, 4, mallory.log())  # refused over there
        self.assertEqual(bob_status, ENDED_BY_SIGINT, bob.log())

    def the_attack_went_all_the_way(self, mallory, bob):
        """It was not refused for a lesser reason: TLS was ended twice, and genuine Evidence reached bob."""
        log = mallory.log()
        for step in ("event=tls_ended_here with=callee", "event=tls_ended_here with=caller",
                     "event=relayed frame=hello from=callee", "event=relayed frame=hello from=caller",
                     "event=relayed frame=evidence from=caller"):
            self.assertIn(step, log)
        self.assertNotIn("frame=evidence from=callee", log)  # bob proved nothing to such a caller
        self.assertNotIn("frame=ringing", log)
        phases = [e["phase"] for e in bob.events("phase")]
        self.assertIn("channel_open", phases)
        self.assertIn("peer_evidence_in", phases)

    def bob_refused(self, bob):
        cards = bob.events("card")
        self.assertEqual(len(cards), 1, cards)
        card = cards[0]
        self.assertEqual((card["level"], card["word"]), ("X", "Failed"))
        self.assertEqual(card["peer_uri"], "sip:mallory@example.com")
        self.assertEqual([r["code"] for r in card["reasons"] if r["weight"] not in ("affirming", "missing")], ["not_bound_to_channel"])
        self.assertEqual((card["decision"]["action"], card["decision"]["rule"]), ("refuse", "failed_is_refused"))
        self.assertEqual(card["protection"], "none")
        self.assertEqual([s for s in bob.states() if s in ("decided", "ringing", "answered", "media")], [])
        self.assertNotIn("ringing", [e["phase"] for e in bob.events("phase")])
        ended = [e for e in bob.events("state") if e["state"] == "ended"]
        self.assertEqual([e["reason"] for e in ended], ["peer_failed_attestation"])
        self.assertEqual(bob.events("key"), [])

    def bob_wrote_it_down(self, records):
        appraised = [r for r in records if r["event"] == "appraised"]
        self.assertEqual(len(appraised), 1, records)
        self.assertEqual(appraised[0]["peer"], "sip:mallory@example.com")
        self.assertEqual(appraised[0]["level"], LEVEL_X)
        self.assertIn(reason_number("not_bound_to_channel"), appraised[0]["reasons"])
        self.assertEqual([r for r in records if r["event"] in ("open", "answered", "key")], [])

    def alice_has_no_sound(self, alice, status):
        self.assertIn(status, (3, 4), alice.log())
        self.assertIn("ended", alice.states())
        self.assertEqual([s for s in alice.states() if s in ("decided", "ringing", "answered", "media")], [])
        self.assertEqual(alice.events("key"), [])
        self.assertEqual(alice.events("media"), [])
        for name in ("alice", "bob"):
            with wave.open(str(self.scene.dir / f"{name}-heard.wav")) as heard:
                self.assertEqual(heard.getnframes(), 0, name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    BIN = Path(sys.argv.pop()).resolve()
    unittest.main()
