"""A call below the recommended level, which the policy lets nobody make without the PIN."""
import os
import pty
import re
import subprocess
import termios
import threading
import time

from phones import BIN, Phone, badge, expect, free_port

PIN, WRONG = "demo pin 4711", "demo pin 1174"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][0-9A-B]|.)")


class Terminal:
    """A phone on a terminal of its own, as a person sees it: PINs are entered nowhere else."""

    def __init__(self, lab, name, *args):
        self.shown, ours, theirs = "", *pty.openpty()
        termios.tcsetwinsize(theirs, (50, 240))  # wide: no sentence is broken
        self.keys = ours
        self.process = subprocess.Popen([str(BIN / "sealcall"), "--profile", name, *map(str, args)], stdin=theirs, stdout=theirs, stderr=theirs,
                                        env=dict(lab.environment, TERM="xterm", LANG="C"), start_new_session=True)
        os.close(theirs)
        lab.children.append(self.process)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                some = os.read(self.keys, 65536)
            except OSError:  # the phone has ended
                return
            if not some:
                return
            self.shown += ESCAPES.sub(" ", some.decode(errors="replace"))

    def wait(self, text, seconds=30):
        """The screen from here on says `text`; all of its line."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            expect(time.monotonic() < deadline, f"the screen never said '{text}'; it ended with: {' '.join(self.shown.split())[-300:]}")
            time.sleep(0.02)
        before, _, after = self.shown.partition(text)
        self.shown = after
        return (re.split(r"[\r\n]|  ", before)[-1] + text + re.split(r"[\r\n]|  ", after)[0]).strip()

    def press(self, keys):
        os.write(self.keys, keys.encode())

    def enter(self, pin):
        self.wait("PIN: ")
        self.press(pin + "\r")


def scene_pin(lab):
    """alice's policy recommends level 3; of bob, level 2, it asks for her PIN."""
    port = free_port()
    lab.configure("alice", free_port(), minimum=3, policy='below_minimum = "pin"\n')
    lab.configure("bob", port, policy="answer_automatically = true\n")
    before = len(lab.audit("alice"))
    bob = Phone(lab, "bob", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("pin-bob-heard.wav"))
    bob.ready()
    without = Phone(lab, "alice", "call", f"sip:bob@127.0.0.1:{port}", "--in", lab.path("alice-says.wav"))
    without.wait("exit", 40, status=3)
    without.process.wait(15)  # the vault is free again
    rule = without.last("card")["decision"]["rule"]
    expect(rule == "pin_not_set", f"without a PIN the rule was {rule}")
    lab.sealcall("pin", "set", profile="alice", said=PIN + "\n")
    try:
        alice = Terminal(lab, "alice", "call", f"sip:bob@127.0.0.1:{port}", "--in", lab.path("alice-says.wav"), "--out",
                         lab.path("pin-alice-heard.wav"), "--hang-up-after", "1.5")
        alice.enter(PIN)  # she starts the phone: it is locked
        alice.wait("p PIN: go on all the same")
        alice.press("p")
        asked = alice.wait("With your PIN the call goes on")
        alice.enter(WRONG)
        wrong = alice.wait("tries are left")
        expect(not bob.all("state", state="ringing"), "it rang at bob's before the PIN came")
        alice.enter(PIN)
        bob.wait("state", 20, state="ringing")
        bob.wait("phase", 20, phase="first_audio_in")
        expect(alice.process.wait(30) == 0, f"alice's phone ended with {alice.process.returncode}")
        bob.stop()
    finally:
        lab.end()
        lab.sealcall("pin", "change", "--remove", profile="alice", said=PIN + "\n")
    log = lab.audit("alice")[before:]
    consent = [r for r in log if r["event"] == "consent"]
    tries = [r["accepted"] for r in log if r["event"] == "pin"]
    expect(len(consent) == 1 and consent[0]["peer"] == "sip:bob@example.com" and consent[0]["level"] == 3, f"the audit log says {consent}")
    expect(tries == [True, False, True], f"the audit log says of PINs {tries}")
    saw = bob.last("card")
    return {"asked": asked, "wrong": wrong, "consent": consent[0], "bob_saw": badge(saw)}, [
        f"alice's policy recommends level 3, bob has 2. Without a PIN her phone refused. With one it asked: {asked}",
        f"a wrong PIN: {wrong}; at bob's nothing rang",
        f"the right one: it rang, they talked. Audit record {consent[0]['seq']}: consent to {consent[0]['peer']}, level and rule as shown"]


SCENES = [("PIN override", scene_pin)]
