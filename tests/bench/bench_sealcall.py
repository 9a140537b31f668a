"""Two sealcall phones, set up from nothing in a directory, and what their events say about a call."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

from bench_process import Failed, Watched, free_ports

ANSWER_AFTER = 0.15  # a person takes longer; what follows the ringing has ended by then
NAMES = ("alice", "bob")


class Lab:
    """A laboratory, an authority and two enrolled profiles."""

    def __init__(self, directory, binaries):
        self.directory, self.binaries = Path(directory), Path(binaries)
        self.env = {**os.environ}
        for variable, name in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")):
            (self.directory / name).mkdir(mode=0o700)
            self.env[variable] = str(self.directory / name)
        first = free_ports(2)
        self.ports = {name: first + i for i, name in enumerate(NAMES)}
        for name in NAMES:
            self.command("init", "--profile", name, "--tpm", "swtpm", "--uri", f"sip:{name}@example.com",
                         "--lab-ek", self.directory / "ek")
        self.command("authority", "init", self.directory / "authority", "--name", "Bench", "--domain", "example.com",
                     "--lab-ek-root", self.directory / "ek/lab-ek-root.pem")
        for name in NAMES:
            self.command("enroll", "--profile", name, "--authority", self.directory / "authority")
            (self.directory / "config/sealcall" / name / "config.toml").write_text(
                f'uri = "sip:{name}@example.com"\n[sip]\nport = {self.ports[name]}\n[policy]\nlab = true\n[tpm]\nkind = "swtpm"\n')

    def command(self, *words):
        done = subprocess.run([str(self.binaries / "sealcall"), *map(str, words)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise Failed(f"sealcall {words[0]} failed with status {done.returncode}:\n{done.stdout}{done.stderr}")


class Phone(Watched):
    """One running `sealcall phone`, asked through its control socket."""

    def __init__(self, lab, name, speech):
        self.lab, self.profile = lab, name
        started = time.monotonic()
        super().__init__([lab.binaries / "sealcall", "phone", "--profile", name, "--headless", "--json", "--answer", "ask",
                          "--in", speech, "--out", lab.directory / f"{name}-heard.wav"], lab.directory / f"{name}.log", env=lab.env)
        self.name = f"sealcall phone of {name}"
        self.collect(self.process.stdout, json.loads)
        self.wait("listening", lambda e: e["event"] == "host" and e["listening"])
        self.wait("enclave is ready", lambda e: e["event"] == "enclave" and e["tpm_ready"])
        self.start_ms = (time.monotonic() - started) * 1000
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(10)
        self.control.connect(str(lab.directory / "run/sealcall" / name / "control"))
        self.answers = self.control.makefile("r")

    def ask(self, method, **params):
        self.control.sendall((json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n").encode())
        answer = json.loads(self.answers.readline())
        if "error" in answer:
            raise Failed(f"{self.name} refuses {method}: {answer['error']}")
        return answer["result"]

    def phase(self, name, since):
        """When the enclave saw it, CLOCK_BOOTTIME in microseconds."""
        return self.wait(f"phase {name}", lambda e: e["event"] == "phase" and e["phase"] == name, since)["at_boot_us"]

    def end(self, *_):
        if self.process.poll() is None and not self.ended:
            try:
                self.ask("quit")
            except (OSError, ValueError, Failed):
                pass
            else:
                try:
                    self.process.wait(12)
                except subprocess.TimeoutExpired:
                    pass
        return super().end()


class Pair:
    """Both phones running. `call` leaves a call open; `hang_up` ends it."""

    def __init__(self, lab, speech):
        self.phones = []
        try:
            for name in NAMES:
                self.phones.append(Phone(lab, name, speech))
        except BaseException:
            self.end()
            raise
        self.alice, self.bob = self.phones
        self.uri = f"sip:bob@127.0.0.1:{lab.ports['bob']}"

    def call(self):
        """Dials, answers after a moment, waits for sound both ways. Times in ms, and the timeline of both."""
        try:
            return self.try_call()
        except Failed as problem:
            both = "\n".join(f"{p.name}:\n{p.last_words()}" for p in self.phones)
            raise Failed(f"{problem}\n-- last words of both phones --\n{both}") from problem

    def try_call(self):
        a, b = len(self.alice.events), len(self.bob.events)
        self.alice.ask("call", uri=self.uri)
        dialled = self.alice.phase("dialled", a)
        ringing = self.bob.phase("ringing", b)
        time.sleep(ANSWER_AFTER)
        self.bob.ask("answer")
        answered = self.bob.phase("answered", b)
        secure = max(self.alice.phase("secure", a), self.bob.phase("secure", b))
        sound = max(self.alice.phase("first_audio_in", a), self.bob.phase("first_audio_in", b))
        return {"dial_to_ring": (ringing - dialled) / 1000, "accept_to_secure": (secure - answered) / 1000,
                "accept_to_audio": (sound - answered) / 1000}, self.timeline(a, b, dialled)

    def timeline(self, a, b, zero):
        """[(ms after dialling, who, phase)]: where the time of a call goes."""
        found = []
        for phone, since in ((self.alice, a), (self.bob, b)):
            for event in phone.events[since:]:
                if event["event"] == "phase":
                    found.append((round((event["at_boot_us"] - zero) / 1000, 2), phone.profile, event["phase"]))
        return sorted(found)

    def hang_up(self):
        marks = [len(p.events) for p in self.phones]
        self.alice.ask("hangup")
        for phone, since in zip(self.phones, marks):
            phone.phase("ended", since)
            phone.wait("secret destroyed", lambda e: e["event"] == "key" and e["what"] == "destroyed", since)

    def roots(self):
        return [p.process.pid for p in self.phones]

    def end(self):
        for phone in self.phones:
            phone.end()
