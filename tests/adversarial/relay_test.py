"""Demo scene 4 with real processes: alice calls mallory, who ends TLS herself and passes on to bob all that alice says,
Evidence included. Bob must refuse it as Failed (X), not bound to this channel, without ringing; alice gets no sound either.

First alice calls bob directly with the same profiles: that must succeed, or the refusal would prove nothing.

Usage: relay_test.py BIN (the directory of the built executables)"""

import re
import shutil
import sys
import tempfile
import unittest
import wave
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from phones import ENDED_BY_SIGINT, Household, Phone  # noqa: E402

BIN = Path()
ROLES = ["sealcall-audio", "sealcall-enclave", "sealcall-host", "sealcall-ui", "sealcall-verifier"]
PEOPLE = ["alice", "bob", "mallory"]
LEVEL_X = 0  # rats::Level::failed, as the audit log writes it


class Scene(Household):
    """An authority, three enrolled phones, and a roles directory in which the enclave is the relay."""

    def __init__(self, directory):
        super().__init__(BIN, directory, PEOPLE)
        self.roles = self.dir / "roles"
        for name in PEOPLE:
            self.run("enroll", "--profile", name, "--authority", str(self.authority))
            self.configure(name)
        self.roles.mkdir()
        for role in ROLES:
            shutil.copy2(BIN / role, self.roles / role)
        shutil.copy2(BIN / "sealcall-relay-enclave", self.roles / "sealcall-enclave")
        self.run_tool("sealcall-relay-identity", "--authority", str(self.authority), "--state", str(self.state("mallory")))


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
