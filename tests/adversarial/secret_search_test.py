#!/usr/bin/env python3
"""Real phones, a real proxy that asks for the SIP password, a real terminal in which alice enters her PIN, a call in which both
speak. During the call root searches every file of the profiles and the memory of launcher, host, verifier and audio for what was
planted: SIP password, its hashes (RFC 7616 HA1), PIN, a contact; for media keys, the call's secret and the vault's key, which the
phones' enclave (tests/adversarial/telling) tells masked; and launcher, host and verifier for the speech. Nothing may be found.
Then alice's phone is locked, and the same holds for her enclave and ui, until she enters the PIN. The same search finds the
password in the proxy, which has to know it, the speech in audio, which plays it, and before the lock password, contact and keys
in the enclave and the contact's name in ui.

Usage: secret_search_test.py SOURCE BIN. Root only; 77: something that it needs is not installed."""

import array
import base64
import hashlib
import importlib.util
import json
import os
import pathlib
import random
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import wave

SOURCE, BIN = pathlib.Path(), pathlib.Path()
SKIPPED = 77
TYPED = "PIN: "
MASK = 0x5A
SHORT = "sip:al@ex.de"  # it fits into a std::string itself


def module(name, file):
    spec = importlib.util.spec_from_file_location(name, file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def spellings(text):
    """A secret as it might lie about."""
    raw = text.encode()
    return {raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), text.encode("utf-16-le")}


def hashes(user, realm, password):
    """HA1 of both algorithms, raw and as text."""
    line = f"{user}:{realm}:{password}".encode()
    for algorithm in ("md5", "sha256"):
        digest = hashlib.new(algorithm, line).digest()
        yield digest
        yield digest.hex().encode()


def memory(pid):
    """All that can be read of a process, region by region."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            if "r" not in mode or "[v" in line:
                continue
            begin, end = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(begin)
                yield mem.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue  # memory that even root may not read: memfd_secret


def found_in_memory(pid, needles):
    found, read = set(), 0
    for region in memory(pid):
        read += len(region)
        found |= {n for n in needles if n in region}
    return found, read


def found_in_files(directory, needles):
    found = set()
    for file in pathlib.Path(directory).rglob("*"):
        if file.is_file() and not file.is_symlink():
            data = file.read_bytes()
            found |= {(str(file), n) for n in needles if n in data}
    return found


def speech_samples(wav):
    """Runs of 64 samples that are no silence, from all over a recording."""
    with wave.open(str(wav)) as w:
        frames = array.array("h", w.readframes(w.getnframes()))
    step = max(64, len(frames) // 4000)
    runs = (frames[i:i + 64] for i in range(0, len(frames) - 64, step))
    return {r.tobytes() for r in runs if max(r) - min(r) > 2000}


def keys_told(log):
    """What -> keys, as the enclave's log tells them."""
    found = {}
    for what, masked in re.findall(r"event=told what=(\w+) masked=([0-9a-f]+)", log):
        found.setdefault(what, set()).add(bytes(b ^ MASK for b in bytes.fromhex(masked)))
    return found


def media_keys(masters):
    """The master keys, and the session keys with which SRTP encrypts (RFC 3711 4.3.1, label 0; a master is key and salt)."""
    session = set()
    for master in masters:
        words = ["openssl", "enc", "-aes-128-ctr", "-K", master[:16].hex(), "-iv", (master[16:] + bytes(2)).hex(), "-nopad"]
        session.add(subprocess.run(words, input=bytes(16), check=True, capture_output=True).stdout)
    return {m[:16] for m in masters}, session


def spellings_of_key(key):
    return {key, key.hex().encode(), base64.b64encode(key).rstrip(b"=")}


def speak(wav):
    """Ten seconds that occur nowhere else: a tone repeats itself, and so does silence."""
    noise, last = random.Random(20261121), 0
    samples = array.array("h")
    for _ in range(480_000):
        last = int(0.9 * last) + noise.randrange(-3000, 3000)
        samples.append(last)
    with wave.open(str(wav), "wb") as w:
        w.setparams((1, 2, 48_000, 0, "NONE", ""))
        w.writeframes(samples.tobytes())


class Terminal:
    """A tmux of our own."""

    def __init__(self, directory, environment):
        self.socket, self.environment = str(directory / "tmux"), environment
        self.run("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "/bin/sh")

    def run(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], env=self.environment, capture_output=True, text=True, check=False)

    def type(self, text):
        self.run("send-keys", "-t", "t", "-l", text)
        self.run("send-keys", "-t", "t", "Enter")

    def screen(self):
        return self.run("capture-pane", "-p", "-S", "-200", "-t", "t").stdout

    def end(self):
        self.run("kill-server")


class SecretSearch(unittest.TestCase):
    def setUp(self):
        support = module("support_phones", SOURCE / "tests" / "support" / "phones.py")
        sys.path.insert(0, str(SOURCE / "tools" / "demos"))  # it has a phones.py of its own
        self.phone_class = support.Phone
        place = tempfile.TemporaryDirectory(prefix="sealcall-search-")
        self.addCleanup(place.cleanup)
        self.dir = pathlib.Path(place.name)
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        for name in ("sealcall", "sealcall-launcher", "sealcall-host", "sealcall-ui", "sealcall-audio", "sealcall-verifier"):
            shutil.copy2(BIN / name, self.bin)
        shutil.copy2(BIN / "sealcall-telling-enclave", self.bin / "sealcall-enclave")
        self.house = support.Household(self.bin, self.dir, ["alice", "bob"])
        for name in ("alice", "bob"):
            self.house.run("enroll", "--profile", name, "--authority", str(self.house.authority))
            self.house.configure(name)
        speak(self.dir / "tone.wav")  # what both say
        self.password, self.pin = secrets.token_urlsafe(18), "Pin" + secrets.token_urlsafe(12)
        self.note, self.name = "note" + secrets.token_urlsafe(18), "name" + secrets.token_urlsafe(18)
        self.ended = []
        self.addCleanup(lambda: [end() for end in reversed(self.ended)])

    def until(self, what, condition, seconds=30, show=lambda: ""):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if got := condition():
                return got
            time.sleep(0.05)
        self.fail(f"never: {what}\n{show()}")
        return None

    def sealcall(self, name, *words, said=""):
        done = subprocess.run([str(self.bin / "sealcall"), "--profile", name, *words], env=self.house.environment, input=said,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def proxy(self):
        """Kamailio with a password for everybody; None where it is not installed."""
        import calls  # pylint: disable=import-outside-toplevel
        modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"), None)
        directory = self.dir / "kamailio"
        directory.mkdir()
        run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True)
        (directory / "ext").write_text("subjectAltName=DNS:sip.example.com,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "key.pem", "-subj",
            "/CN=hop", "-out", directory / "request")
        run("x509", "-req", "-in", directory / "request", "-CA", self.house.authority / "root.cert.pem", "-CAkey",
            self.house.authority / "root.key.pem", "-CAcreateserial", "-days", "2", "-extfile", directory / "ext", "-out",
            directory / "cert.pem")
        shutil.copy(self.house.authority / "root.cert.pem", directory / "ca.pem")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        names = "tls sl tm rr pv maxfwd usrloc registrar textops siputils xlog nathelper auth".split()
        (directory / "kamailio.cfg").write_text(calls.KAMAILIO.format(
            port=port, modules=str(modules) + "/", dir=directory, password=self.password,
            loads="\n".join(f'loadmodule "{m}.so"' for m in names)))
        log = open(directory / "log", "wb")  # pylint: disable=consider-using-with
        child = subprocess.Popen(["kamailio", "-f", str(directory / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-Y",
                                  str(directory)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

        def end():
            child.terminate()
            child.wait(15)
            log.close()
        self.ended.append(end)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        self.until("the proxy listens", listens)
        for name in ("alice", "bob"):
            file = self.dir / "config" / "sealcall" / name / "config.toml"
            text = file.read_text()
            file.write_text(text.replace("[sip]\n", f'[sip]\nproxy = "sip:127.0.0.1:{port};transport=tls"\n'
                                                    'proxy_name = "sip.example.com"\nregister = true\n', 1))
            self.sealcall(name, "vault", "login", said=self.password + "\n")
        return child.pid

    def pids(self, name):
        """Role -> pid, as the phone says it; the launcher is among them."""
        status = json.loads(self.sealcall(name, "status", "--json"))
        return {p["role"]: p["pid"] for p in status["processes"]}, status

    def set_pin(self, terminal):
        terminal.type(f"'{self.bin}/sealcall' --profile alice pin set; echo set=$?")
        self.until("the new PIN is asked for", lambda: "New PIN" in terminal.screen(), show=terminal.screen)
        terminal.type(self.pin)
        self.until("the PIN is asked for again", lambda: "Once more" in terminal.screen(), show=terminal.screen)
        terminal.type(self.pin)
        self.until("the PIN is set", lambda: "set=0" in terminal.screen(), show=terminal.screen)

    def test_nothing_secret_is_found_during_a_call(self):
        proxy = self.proxy()
        vcard = self.dir / "people.vcf"
        cards = ((self.name, "sip:carol@example.com", self.note), ("Al", SHORT, ""))
        lines = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{}\r\nIMPP:{}\r\nNOTE:{}\r\nEND:VCARD\r\n"
        vcard.write_text("".join(lines.format(*card) for card in cards))
        self.sealcall("alice", "contacts", "import", str(vcard))
        vcard.unlink()
        terminal = Terminal(self.dir, self.house.environment)
        self.ended.append(terminal.end)
        self.set_pin(terminal)
        bob = self.phone_class(self.house, "bob", "phone", "--headless", *self.house.sound("bob"))
        self.ended.append(bob.end)
        bob.wait_for("bob registered", lambda: [e for e in bob.events("host") if e["registration"] == "registered"], 40)
        sound = " ".join(f"'{w}'" for w in self.house.sound("alice"))
        terminal.type(f"clear; '{self.bin}/sealcall' --profile alice call sip:bob@example.com {sound}; echo left=$?")
        self.until("the phone asks for the PIN", lambda: TYPED in terminal.screen(), show=terminal.screen)
        terminal.type("not the PIN")
        self.until("a wrong PIN costs a try", lambda: "9 tries are left" in terminal.screen(), show=terminal.screen)
        terminal.type(self.pin)
        bob.wait_for("media", lambda: "media" in bob.states(), 60)
        time.sleep(1.5)  # some sound, both ways
        self.sealcall("alice", "recheck")  # a verifier works once more
        self.search(proxy, terminal, bob)
        self.lock_and_search(terminal, bob)

    def in_enclave(self, needles):
        found, read = found_in_memory(self.pids("alice")[0]["enclave"], needles)
        self.assertGreater(read, 1_000_000, "alice's enclave could not be read")
        return found

    def lock_and_search(self, terminal, bob):
        """The vault and the media keys leave the enclave's memory; a call's secret is not there even while they talk."""
        told = keys_told((self.house.state("alice") / "phone.log").read_text())
        texts = {self.password.encode(), self.note.encode()}
        masters, session = media_keys(told["media_master"])
        open_ones = texts | told["vault_key"] | session
        never = spellings(self.pin) | told["call_secret"] | masters  # a call's secret lies sealed; SRTP derived from its masters
        self.assertEqual(self.in_enclave(open_ones | never), open_ones, "while the phone is open")
        ui, kept = self.pids("alice")[0]["ui"], {self.name.encode(), SHORT.encode()}
        self.assertEqual(found_in_memory(ui, kept)[0], kept, "the screen has the contacts' names while the phone is open")
        self.sealcall("alice", "lock")
        bob.wait_for("alice's hold", lambda: "held" in bob.states(), 20)
        never |= {n for text in (self.password, self.note) for n in spellings(text)} | set(hashes("alice", "example.com", self.password))
        self.assertEqual(self.in_enclave(open_ones | never), set(), "while the phone is locked")
        self.assertEqual(found_in_memory(ui, kept | {self.note.encode()})[0], set(), "in ui, while the phone is locked")
        terminal.type(self.pin)
        self.until("the vault is open again", lambda: self.in_enclave(texts | told["vault_key"]) == texts | told["vault_key"], 20,
                   terminal.screen)

    def search(self, proxy, terminal, bob):
        needles = {n for s in (self.password, self.pin, self.note, self.name) for n in spellings(s)}
        for user in ("alice", "bob"):
            needles |= set(hashes(user, "example.com", self.password))
        told = [keys_told((self.house.state(name) / "phone.log").read_text()) for name in ("alice", "bob")]
        for keys in told:
            self.assertEqual({what: len(found) for what, found in keys.items()}, {"vault_key": 1, "call_secret": 1, "media_master": 2})
            keys["masters"], keys["session"] = media_keys(keys.pop("media_master"))
            needles |= {n for found in keys.values() for key in found for n in spellings_of_key(key)}
        self.assertEqual(told[0]["session"], told[1]["session"])  # what one sends with, the other receives with
        self.assertEqual(told[0]["call_secret"], told[1]["call_secret"])
        speech = speech_samples(self.dir / "tone.wav")
        self.assertGreater(len(speech), 100)
        searched = 0
        for name in ("alice", "bob"):
            pids, status = self.pids(name)
            self.assertIn("host", pids)
            self.assertIn("media", [c["state"] for c in status["calls"]], status["calls"])
            for role in ("launcher", "host", "verifier", "audio"):
                if role not in pids:
                    self.assertEqual(role, "verifier", f"{name} has no {role}")
                    continue
                found, read = found_in_memory(pids[role], needles)
                self.assertEqual(found, set(), f"{name}'s {role}")
                self.assertGreater(read, 100_000, f"{name}'s {role} could not be read")
                searched += 1
                if role != "audio":
                    heard, _ = found_in_memory(pids[role], speech)
                    self.assertEqual(heard, set(), f"speech in {name}'s {role}")
            # Not asked for, and clean all the same: the process in which the PIN was typed.
            self.assertEqual(found_in_memory(pids["ui"], spellings(self.pin))[0], set(), f"{name}'s ui")
        self.assertGreaterEqual(searched, 6)
        for part in ("config", "state", "run"):
            self.assertEqual(found_in_files(self.dir / part, needles), set())
        self.assertNotIn(self.pin, terminal.screen())
        # The control: the same search finds what is there.
        family = [proxy] + [int(p) for p in pathlib.Path(f"/proc/{proxy}/task/{proxy}/children").read_text().split()]
        self.assertTrue(any(found_in_memory(p, {self.password.encode()})[0] for p in family), "the proxy knows the password")
        self.assertTrue(found_in_files(self.dir / "kamailio", {self.password.encode()}))
        audio = self.pids("alice")[0]["audio"]
        self.assertTrue(found_in_memory(audio, speech)[0], "audio reads the recording that alice speaks")
        self.assertTrue(found_in_memory(os.getpid(), {self.password.encode()})[0])
        self.assertIsNone(bob.process.poll())


if __name__ == "__main__":
    SOURCE, BIN = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if os.geteuid() != 0:
        print("root only: it reads other processes' memory")
        sys.exit(SKIPPED)
    for program in ("kamailio", "tmux", "swtpm", "openssl"):
        if shutil.which(program) is None:
            print(f"{program} is not installed")
            sys.exit(SKIPPED)
    if any(b"lib" + kind + b"san" in (BIN / "sealcall-enclave").read_bytes() for kind in (b"a", b"t")):
        print("a build with sanitizers keeps what was freed")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1], verbosity=2)
