"""Phones as real processes for tests: an authority, enrolled profiles on software TPMs, and what they say as JSON."""

import array
import ctypes
import json
import math
import os
import re
import signal
import subprocess
import time
import wave
from pathlib import Path

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
            self.process = subprocess.Popen([str(scene.bin / "sealcall"), *words, "--profile", name, "--json"], stdin=subprocess.DEVNULL,
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
        done = subprocess.run([str(self.scene.bin / "sealcall"), "status", "--profile", self.name, "--json"], env=self.scene.environment,
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


class Household:
    """People with a profile each on a software TPM of one laboratory, and an authority that believes that laboratory."""

    def __init__(self, binaries, directory, people):
        self.bin, self.dir, self.people = Path(binaries), Path(directory), people
        self.environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": str(self.dir),
                            "XDG_CONFIG_HOME": str(self.dir / "config"), "XDG_STATE_HOME": str(self.dir / "state"),
                            "XDG_RUNTIME_DIR": str(self.dir / "run")}
        (self.dir / "run").mkdir(mode=0o700)
        self.authority = self.dir / "authority"
        for name in people:
            self.run("init", "--profile", name, "--tpm", "swtpm", "--lab-ek", str(self.dir / "ek"), "--uri", f"sip:{name}@example.com")
        self.run("authority", "init", str(self.authority), "--name", "Example Corp", "--domain", "example.com",
                 "--lab-ek-root", str(self.dir / "ek" / "lab-ek-root.pem"))
        self.speak("tone.wav")

    def run_tool(self, tool, *words):
        done = subprocess.run([str(self.bin / tool), *words], env=self.environment, capture_output=True, text=True, timeout=60,
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
        """Records of the audit log."""
        return [json.loads(line) for line in (self.state(name) / "audit.log").read_text().splitlines()]
