"""A managed computer for tools/demo: a machine of tools/lab whose TPM sealcall-guard alone holds. Needs root."""
import os
import shutil
import subprocess
import time

from machines import GOOD_BOOT, logs_of, machine
from phones import BIN, ROLES, Failed, Skipped, expect, free_port

ENCLAVE_USER, PHONE_GROUP = "61203", "0"  # a number that nobody has; the phone of the demo is root's own


class Managed:
    """dora's computer: what an administrator does once, and boot(), which switches it off and on."""

    def __init__(self, lab, name="dora"):
        if os.geteuid() != 0:
            raise Skipped("needs root: sealcall-guard alone holds the TPM, and runs the enclave as another user. Try: sudo tools/demo --evidence")
        self.lab, self.name, self.dir, self.place = lab, name, lab.path(f"{name}-machine"), lab.path(f"{name}-guard")
        self.guard, self.whole = None, False
        for passed in (lab.dir, lab.dir.parent):  # the enclave's user goes through to its programs
            if (passed / "is-a-sealcall-demo").exists():
                passed.chmod(0o711)
        lab.path("config", "sealcall", name).mkdir(mode=0o700, parents=True)
        lab.keep.append(self)
        lab.arguments[name] = ["--roles", self.place / "bin"]
        for sub, mode in (("", 0o755), ("bin", 0o755), ("state", 0o700), ("copies", 0o755)):
            (self.place / sub).mkdir()
            (self.place / sub).chmod(mode)
        for role in [*ROLES[1:], "sealcall-guard"]:
            shutil.copy2(BIN / role, self.place / "bin" / role)
        self.run([BIN / "sealcall-approve", self.place / "bin"], self.place / "approved")
        machine("make", self.dir, "--lab-ek", lab.path("ek"), *GOOD_BOOT)
        self.run([self.place / "bin" / "sealcall-guard", "provision", *self.files(), "--escrow-to", lab.path("authority", "escrow.cert.pem")])
        self.boot(*GOOD_BOOT)
        lab.sealcall("init", "--guard", self.place / "guard.sock", "--uri", f"sip:{name}@example.com", profile=name)
        lab.sealcall("enroll", "--authority", lab.path("authority"), profile=name)

    def files(self):
        return ["--tpm", self.dir / "tpm", "--approved", self.place / "approved", "--state", self.place / "state"]

    def run(self, command, output=None):
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"`{command[0].name} {command[1]}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        if output:
            output.write_text(done.stdout)
            output.chmod(0o644)

    def boot(self, *boot):
        """Off and on; the guard measures before anybody phones."""
        self.end_guard()
        machine("boot", self.dir, *boot)
        with open(self.place / "guard.log", "ab") as log:
            self.guard = subprocess.Popen([str(c) for c in (self.place / "bin" / "sealcall-guard", "serve", *self.files(), "--socket",
                                           self.place / "guard.sock", "--copies", self.place / "copies", "--user", ENCLAVE_USER,
                                           "--group", PHONE_GROUP)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while self.lab.sealcall("guard", "--socket", self.place / "guard.sock", check=False).returncode:
            expect(self.guard.poll() is None and time.monotonic() < deadline,
                   f"the guard has no keys: {(self.place / 'guard.log').read_text()[-300:]}")
            time.sleep(0.05)
        self.lab.configure(self.name, free_port(), logs=logs_of(self.dir), tpm="device")

    def end_guard(self):
        if self.guard and self.guard.poll() is None:
            self.guard.terminate()
            self.guard.wait(15)

    def end(self):
        self.end_guard()
        if (self.dir / "machine.json").exists():
            machine("stop", self.dir)
