"""Two baresip 1.0 phones that do what the sealcall phones do: SIP over TLS on loopback, DTLS-SRTP, Opus, sound from a WAV file.

Opus is set as sealcall sets it: mono, 48 kbit/s, constant bit rate, complexity 5, forward error correction for 5 % of loss."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from bench_process import Failed, Watched, boot_us, free_ports
from bench_sealcall import ANSWER_AFTER, NAMES

MODULES = "/usr/lib/baresip/modules"
CONFIG = """poll_method epoll
sip_listen 127.0.0.1:{sip}
sip_certificate {dir}/cert.pem
sip_cafile {dir}/cert.pem
audio_source aufile,{speech}
audio_player aufile,{dir}/heard.wav
audio_alert aufile,{dir}/alert.wav
jitter_buffer_delay 5-10
rtcp_mux yes
opus_bitrate 48000
opus_cbr yes
opus_stereo no
opus_sprop_stereo no
opus_complexity 5
opus_application voip
opus_inbandfec yes
opus_packet_loss 5
module_path {modules}
module opus.so
module aufile.so
module dtls_srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


def version():
    """Of Debian's baresip, or None."""
    if not shutil.which("baresip") or not Path(MODULES, "ctrl_tcp.so").exists():
        return None
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "baresip-core"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def netstrings(sock):
    """Messages of ctrl_tcp: LENGTH:JSON,"""
    buffer = b""
    while True:
        head, colon, rest = buffer.partition(b":")
        if colon and len(rest) > int(head):
            yield rest[:int(head)]
            buffer = rest[int(head) + 1:]
            continue
        data = sock.recv(65536)
        if not data:
            return
        buffer += data


class Phone(Watched):
    """One baresip, asked through its control port. Times are taken here when an event arrives."""

    def __init__(self, directory, name, ports, speech):
        self.directory, self.user = Path(directory), name
        sip, control = ports
        self.port = sip + 1  # baresip takes TLS at the port after the one for UDP and TCP
        (self.directory / "config").write_text(CONFIG.format(sip=sip, control=control, dir=directory, speech=speech, modules=MODULES))
        (self.directory / "accounts").write_text(
            f"<sip:{name}@127.0.0.1;transport=tls>;regint=0;answermode=manual;mediaenc=dtls_srtp\n")
        (self.directory / "contacts").write_text("")
        started = time.monotonic()
        super().__init__(["baresip", "-f", directory], self.directory / "log", env={**os.environ, "HOME": str(directory)},
                         cwd=directory, stdout=None)
        self.name = f"baresip of {name}"
        for _ in range(500):
            try:
                self.control = socket.create_connection(("127.0.0.1", control))
                break
            except OSError:
                time.sleep(0.01)
        else:
            raise Failed(f"{self.name} does not start:\n{self.last_words()}")
        self.start_ms = (time.monotonic() - started) * 1000
        self.control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.collect(netstrings(self.control), lambda line: {**json.loads(line), "at_boot_us": boot_us()})

    def tell(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": "bench"}).encode()
        at = boot_us()
        self.control.sendall(b"%d:%s," % (len(text), text))
        return at

    def event(self, kind, since):
        return self.wait(kind, lambda e: e.get("type") == kind, since)["at_boot_us"]


class Pair:
    """Both phones running. `call` leaves a call open; `hang_up` ends it."""

    def __init__(self, directory, speech):
        first = free_ports(6)
        self.phones = []
        try:
            for i, name in enumerate(NAMES):
                own = Path(directory) / name
                own.mkdir(exist_ok=True)
                if not (own / "cert.pem").exists():
                    self.make_certificate(own)
                self.phones.append(Phone(own, name, (first + 3 * i, first + 3 * i + 2), speech))
        except BaseException:
            self.end()
            raise
        self.alice, self.bob = self.phones
        self.uri = f"sip:bob@127.0.0.1:{self.bob.port};transport=tls"

    @staticmethod
    def make_certificate(directory):
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                               "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key.pem",
                               "-out", directory / "crt.pem"], capture_output=True, text=True, check=False)
        if made.returncode:
            raise Failed(f"openssl made no certificate: {made.stderr}")
        (directory / "cert.pem").write_text((directory / "key.pem").read_text() + (directory / "crt.pem").read_text())

    def call(self):
        a, b = len(self.alice.events), len(self.bob.events)
        dialled = self.alice.tell("dial", self.uri)
        ringing = self.bob.event("CALL_INCOMING", b)
        time.sleep(ANSWER_AFTER)
        answered = self.bob.tell("accept")
        secure = max(self.alice.event("CALL_MENC", a), self.bob.event("CALL_MENC", b))
        sound = max(self.alice.event("CALL_RTPESTAB", a), self.bob.event("CALL_RTPESTAB", b))
        return {"dial_to_ring": (ringing - dialled) / 1000, "accept_to_secure": (secure - answered) / 1000,
                "accept_to_audio": (sound - answered) / 1000}, []

    def hang_up(self):
        b = len(self.bob.events)
        self.alice.tell("hangup")
        self.bob.event("CALL_CLOSED", b)

    def roots(self):
        return [p.process.pid for p in self.phones]

    def end(self):
        for phone in self.phones:
            phone.end(seconds=5)
