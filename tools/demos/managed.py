"""A managed computer for tools/demo: a machine of tools/lab whose TPM sealcall-guard alone holds. Needs root."""
import json
import os
import shutil
import subprocess
import time

from machines import GOOD_BOOT, logs_of, machine
from phones import BIN, ROLES, Failed, Skipped, expect, free_port

ENCLAVE_USER, PHONE_GROUP = "61203", "0"  # a number that nobody has; the phone of the demo is root's own


class Managed:
    """dora's computer: what an administrator does once, and boot(), which switches it off and on. With `approve`, which signs the
    state of the programs in the list, its secrets outlive an update that was approved."""

    def __init__(self, lab, name="dora", approve=None):
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
        self.list_programs()
        if approve:
            approve(lab, self)
        machine("make", self.dir, "--lab-ek", lab.path("ek"), *GOOD_BOOT)
        self.run([self.place / "bin" / "sealcall-guard", "provision", *self.files(), "--escrow-to", lab.path("authority", "escrow.cert.pem")])
        self.boot(*GOOD_BOOT)
        lab.sealcall("init", "--guard", self.place / "guard.sock", "--uri", f"sip:{name}@example.com", profile=name)
        lab.sealcall("enroll", "--authority", lab.path("authority"), profile=name)

    def files(self):
        approvals = self.place / "approvals"
        return ["--tpm", self.dir / "tpm", "--approved", self.place / "approved", "--state", self.place / "state",
                *(["--approvals", approvals] if approvals.exists() else [])]

    def list_programs(self):
        self.run([BIN / "sealcall-approve", self.place / "bin"], self.place / "approved")

    def keep_programs(self):
        shutil.copytree(self.place / "bin", self.place / "before")
        shutil.copy2(self.place / "approved", self.place / "approved.before")

    def change_program(self):
        """Another version of one program, as a package would put it there, and the list of what is installed now."""
        with open(self.place / "bin" / "sealcall-host", "ab") as program:
            program.write(b"the next version")
        self.list_programs()

    def put_back(self):
        self.end_guard()  # it runs one of them
        shutil.copytree(self.place / "before", self.place / "bin", dirs_exist_ok=True)
        shutil.copy2(self.place / "approved.before", self.place / "approved")

    def run(self, command, output=None):
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"`{command[0].name} {command[1]}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        if output:
            output.write_text(done.stdout)
            output.chmod(0o644)

    def boot(self, *boot):
        """Off and on; the guard measures before anybody phones."""
        keys = self.restart(*boot)
        expect(keys == "ready", f"the guard has no keys ({keys}): {(self.place / 'guard.log').read_text()[-300:]}")

    def restart(self, *boot):
        """What the guard says of its keys after it."""
        self.end_guard()
        machine("boot", self.dir, *boot)
        with open(self.place / "guard.log", "ab") as log:
            self.guard = subprocess.Popen([str(c) for c in (self.place / "bin" / "sealcall-guard", "serve", *self.files(), "--socket",
                                           self.place / "guard.sock", "--copies", self.place / "copies", "--user", ENCLAVE_USER,
                                           "--group", PHONE_GROUP)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline, keys = time.monotonic() + 20, None
        while keys is None:
            expect(self.guard.poll() is None and time.monotonic() < deadline,
                   f"the guard says nothing: {(self.place / 'guard.log').read_text()[-300:]}")
            said = self.lab.sealcall("--json", "guard", "--socket", self.place / "guard.sock", check=False).stdout
            answer = json.loads(said) if said else {}
            keys = answer.get("keys") if answer.get("guard") else None
            time.sleep(0.05)
        self.lab.configure(self.name, free_port(), logs=logs_of(self.dir), tpm="device")
        return keys

    def end_guard(self):
        if self.guard and self.guard.poll() is None:
            self.guard.terminate()
            self.guard.wait(15)

    def end(self):
        self.end_guard()
        if (self.dir / "machine.json").exists():
            machine("stop", self.dir)
