"""What every scene of tools/demo works with: one directory with an authority and enrolled phones, and phones that run."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "dev"
BIN = BUILD / "bin"
ROLES = ["sealcall", "sealcall-launcher", "sealcall-ui", "sealcall-host", "sealcall-enclave", "sealcall-verifier", "sealcall-audio"]
TOOLS = ["sealcall-guard", "sealcall-approve", "sealcall-relay-enclave", "sealcall-relay-identity", "sealcall-lab"]
SPEECH = {
    "alice": ("en-gb", "Good morning, this is Alice. I am calling about the contract that we signed on Tuesday. The second page "
                       "names a delivery date in May, and I would like to know whether your team can keep it. Please tell me."),
    "bob": ("en-us", "Hello Alice, Bob speaking. Yes, the date in May still holds. Two of the five parts are finished, the third one "
                     "is being tested, and the last two will follow in April. I will send the list to you this afternoon."),
}


class Failed(Exception):
    """A scene did not end as it should; the text says what was seen instead."""


class Skipped(Exception):
    """A scene cannot be played here; the text says why, and what it needs."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def progress(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def free_port_pair():
    """A port whose successor is free too (baresip takes TLS at the next one)."""
    for _ in range(50):
        port = free_port()
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue
    raise Failed("no two ports in a row are free")


class Lab:
    """One directory with everything: authority, profiles, recordings, logs."""

    def __init__(self, directory):
        self.dir = directory
        self.children = []
        self.arguments = {}  # of a profile: what every command of it is given
        self.keep = []       # what outlives a scene
        self.environment = dict(os.environ)
        for name, sub in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")):
            path = directory / sub
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.environment[name] = str(path)

    def path(self, *parts):
        return self.dir.joinpath(*parts)

    def sealcall(self, *args, profile=None, check=True, timeout=60, said=""):
        command = [str(BIN / "sealcall")] + (["--profile", profile] if profile else [])
        command += [str(a) for a in (*self.arguments.get(profile, []), *args)]
        done = subprocess.run(command, env=self.environment, input=said, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise Failed(f"`sealcall {' '.join(map(str, args))}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done

    def make(self):
        progress("  lab: authority, software TPMs with certificates of a lab root, three enrolled phones")
        first = True
        for name in ("alice", "bob", "mallory"):
            self.sealcall("init", "--tpm", "swtpm", "--uri", f"sip:{name}@example.com", "--lab-ek", self.path("ek"), profile=name)
            if first:
                self.sealcall("authority", "init", self.path("authority"), "--name", "Example Corp", "--domain", "example.com",
                              "--lab-ek-root", self.path("ek", "lab-ek-root.pem"))
                first = False
            self.sealcall("enroll", "--authority", self.path("authority"), profile=name)
        for name, (voice, text) in SPEECH.items():
            raw, out = self.path(f"{name}-raw.wav"), self.path(f"{name}-says.wav")
            subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(raw), text], check=True, capture_output=True)
            subprocess.run(["sox", str(raw), "-r", "48000", "-c", "1", "-b", "16", str(out), "gain", "-n", "-6", "pad", "0", "10",
                            "trim", "0", "10.5"], check=True, capture_output=True)
            raw.unlink()

    def configure(self, name, port, sip="", policy="", logs="", tpm="swtpm", minimum=2, domain="example.com"):
        (self.path("config", "sealcall", name) / "config.toml").write_text(
            f'uri = "sip:{name}@{domain}"\n[sip]\nlisten = "127.0.0.1"\nport = {port}\n{sip}[media]\naddress = "127.0.0.1"\n'
            f'[policy]\nminimum = {minimum}\nlab = true\n{policy}{logs}[tpm]\nkind = "{tpm}"\n')

    def hop_certificate(self, directory, names):
        """A certificate of the lab's authority for one SIP hop (proxy, ordinary phone)."""
        directory.mkdir(exist_ok=True)
        key, request, certificate, extensions = (directory / n for n in ("key.pem", "request.pem", "cert.pem", "ext.cnf"))
        extensions.write_text(f"subjectAltName={names}\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n")
        run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True)
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj", "/CN=hop", "-out", request)
        run("x509", "-req", "-in", request, "-CA", self.path("authority", "root.cert.pem"), "-CAkey",
            self.path("authority", "root.key.pem"), "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        shutil.copy(self.path("authority", "root.cert.pem"), directory / "ca.pem")

    def audit(self, name):
        path = self.path("state", "sealcall", name, "audit.log")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def spawn(self, command, log):
        with open(log, "wb") as out:
            child = subprocess.Popen([str(c) for c in command], env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT)
        self.children.append(child)
        return child

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(8)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()

    def finish(self):
        self.end()
        for kept in self.keep:
            kept.end()
        self.keep.clear()


class Phone:
    """One running phone; its events as they come."""

    def __init__(self, lab, name, *args, roles=None):
        self.name, self.lab, self.events = name, lab, []
        command = [BIN / "sealcall", "--profile", name, *(["--roles", roles] if roles else lab.arguments.get(name, [])), "--json", *args]
        self.process = subprocess.Popen([str(c) for c in command], env=lab.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lab.children.append(self.process)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                self.events.append(json.loads(line))
            except json.JSONDecodeError:
                self.events.append({"event": "unreadable", "line": line})

    def wait(self, what, seconds, **fields):
        deadline = time.monotonic() + seconds
        while True:
            for e in self.events:
                if e.get("event") == what and all(e.get(k) == v for k, v in fields.items()):
                    return e
            if time.monotonic() > deadline or (self.process.poll() is not None and not self.reader.is_alive()):
                said = self.process.stderr.read() if self.process.poll() is not None else ""
                last = [(e.get("event"), e.get("state") or e.get("phase") or e.get("reason") or e.get("text") or e.get("problem") or e.get("error")) for e in self.events[-4:]]
                raise Failed(f"{self.name} did not see '{what}' {fields or ''}; last: {last} {said.strip()[-300:]}")
            time.sleep(0.01)

    def wait_for(self, happened, seconds, what):
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} did not see {what}")
            time.sleep(0.01)

    def all(self, what, **fields):
        return [e for e in self.events if e.get("event") == what and all(e.get(k) == v for k, v in fields.items())]

    def last(self, what):
        found = self.all(what)
        return found[-1] if found else {}

    def phase(self, name):
        found = self.all("phase", phase=name)
        return found[-1]["at_boot_us"] if found else None

    def ready(self):
        self.wait("host", 20)
        self.wait("enclave", 20)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"{self.name}'s phone did not end when told to") from None
        self.reader.join(5)
        return status


def badge(card):
    return f"[{card.get('level')}] {card.get('word')}{' LAB' if card.get('lab') else ''}"


def reasons(card, limit=3):
    return " ".join(r["sentence"] for r in card.get("reasons", [])[:limit])


def milliseconds(a, b):
    return round((b - a) / 1000, 1) if a is not None and b is not None else None


def quality(sent, received):
    done = subprocess.run([str(ROOT / "tools" / "quality"), "--json", str(sent), str(received)], capture_output=True, text=True)
    expect(done.returncode == 0, f"the speech was not found in {received.name}: {(done.stderr or done.stdout).strip()[-200:]}")
    return json.loads(done.stdout)
