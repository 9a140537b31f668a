"""Processes under measurement: starting and ending them, their events, their processor time and memory."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """A measurement could not take place; the text is for people."""


def boot_us():
    """CLOCK_BOOTTIME in microseconds: the clock of the phones' own events."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(count):
    """The first of `count` neighbouring TCP and UDP ports that nobody uses now, below the ephemeral range."""
    start = 15000 + os.getpid() % 4000 * 4
    for first in range(start, 32000, count):
        taken = []
        try:
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    taken.append(socket.socket(socket.AF_INET, kind))
                    taken[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise Failed("no free ports on the loopback interface")


class Watched:
    """A program whose events are collected as they come."""

    def __init__(self, command, log, env=None, cwd=None, stdout=subprocess.PIPE):
        self.log = Path(log)
        with open(log, "ab") as err:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=stdout or err, stderr=err, env=env, cwd=cwd,
                preexec_fn=die_with_parent, start_new_session=True)
        self.name = Path(command[0]).name
        self.events = []
        self.ended = False
        self.changed = threading.Condition()

    def collect(self, lines, decode):
        """Reads `lines` in a thread until they end; `decode` makes an event of one, or None."""
        threading.Thread(target=self._collect, args=(lines, decode), daemon=True).start()

    def _collect(self, lines, decode):
        try:
            for line in lines:
                event = decode(line)
                with self.changed:
                    self.events.append(event)
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, what, matches, since=0, seconds=20):
        """The first event after index `since` for which `matches` is true."""
        deadline = time.monotonic() + seconds
        at = since
        with self.changed:
            while True:
                while at < len(self.events):
                    if matches(self.events[at]):
                        return self.events[at]
                    at += 1
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise Failed(f"{self.name} {'ended' if self.ended else 'took too long'} before: {what}\n{self.last_words()}")
                self.changed.wait(left)

    def last_words(self):
        told = self.log.read_text(errors="replace").splitlines()[-8:] if self.log.exists() else []
        return "\n".join(told + [json.dumps(e) for e in self.events[-4:]])

    def end(self, sig=signal.SIGTERM, seconds=15):
        """Ends the program; by force when it does not listen. Only its own process group is touched."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


# --- what the kernel counts ---


def parents():
    """pid -> (parent's pid, name) of every process."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            name, rest = text.split("(", 1)[1].rsplit(")", 1)
            found[int(entry)] = (int(rest.split()[1]), name)
    return found


def family(root):
    """{pid: name} of `root` and everything below it."""
    table = parents()
    members = {}
    for pid, (_, name) in table.items():
        at = pid
        while at in table and at != root:
            at = table[at][0]
        if at == root:
            members[pid] = name
    return members


def cpu_ns(pid):
    """Time that all threads of a process have run, in ns (/proc/PID/task/TID/schedstat; without it in clock ticks)."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
        return total
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_NS


def memory(pid):
    """{"pss", "private", "shared_clean", ...} of a process in KiB (/proc/PID/smaps_rollup)."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split(":")
        found[key.lower()] = int(value.split()[0])
    return {"pss": found["pss"], "rss": found["rss"], "private": found["private_clean"] + found["private_dirty"]}


def alone_kib(pids):
    """What `pids` would hold if no other program shared pages with them: anonymous memory, and each piece of a file once, in the
    largest extent that one of them has resident (so rather too little than too much)."""
    anonymous, pieces = 0, {}
    for pid in pids:
        piece, resident = None, 0
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):  # ADDRESSES PERMISSIONS OFFSET DEVICE INODE [PATH]
                piece = (words[3], words[4], words[2]) if words[4] != "0" else None
            elif words[0] == "Rss:":
                resident = int(words[1])
            elif words[0] == "Anonymous:":
                anonymous += int(words[1])
                if piece:
                    pieces[piece] = max(pieces.get(piece, 0), resident - int(words[1]))
    return anonymous + sum(pieces.values())


def role_names(root):
    """{pid: role}: executables' names without "sealcall-"; the root is "launcher" when it has children."""
    names = {}
    for pid, comm in family(root).items():
        try:
            argv0 = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            words = [os.path.basename(w.decode(errors="replace")) for w in argv0 if w]
        except OSError:
            words = []
        named = [w for w in words if w.startswith("sealcall-")]
        names[pid] = "launcher" if pid == root else (named[0] if named else comm).removeprefix("sealcall-")
    return names


def sample(roots, windows, seconds, say=lambda text: None):
    """Processor time and memory of each root's family, in `windows` neighbouring windows of `seconds`.

    Returns for each root {process: {"cpu_ms_per_s": [..], "pss_kib": [..], "private_kib": [..]}}. A process that came or went in
    between is counted in the windows that saw it."""
    result = [{} for _ in roots]

    def counters():
        taken = []
        for root in roots:
            names = role_names(root) if len(family(root)) > 1 else {root: Path(f"/proc/{root}/comm").read_text().strip()}
            taken.append({pid: (name, cpu_ns(pid)) for pid, name in names.items()})
        return taken, time.monotonic_ns()

    before, then = counters()
    for window in range(windows):
        time.sleep(seconds)
        after, now = counters()
        for index, processes in enumerate(after):
            for pid, (name, used) in processes.items():
                kept = result[index].setdefault(f"{name}", {"cpu_ms_per_s": [], "pss_kib": [], "private_kib": []})
                spent = used - before[index].get(pid, (name, used))[1]
                facts = memory(pid)
                for key, value in (("cpu_ms_per_s", spent * 1000 / (now - then)), ("pss_kib", facts["pss"]),
                                   ("private_kib", facts["private"])):
                    values = kept[key]
                    if len(values) <= window:
                        values.append(value)
                    else:  # two processes of one name
                        values[window] += value
        before, then = counters()  # reading smaps is not part of the next window
        say(f"window {window + 1} of {windows}")
    return result
