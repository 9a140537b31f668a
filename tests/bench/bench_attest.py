"""Looking at a quote and a boot log as commands: tpm2-tools beside sealcall, on the same files; and what logs a call moves."""

import hashlib
import os
import resource
import shutil
import struct
import subprocess
import time
from pathlib import Path

from bench_process import Failed

ROOT = Path(__file__).resolve().parent.parent.parent
TIMES_A_RUN = 20  # the kernel may count in ticks of 10 ms
NONCE = "00112233445566778899aabbccddeeff"
SELECTION = "sha256:0,1,2,3,4,5,6,7,8,9,11,12,13,14"
TOOLS = ("tpm2_createek", "tpm2_createak", "tpm2_quote", "tpm2_checkquote", "tpm2_eventlog", "swtpm", "swtpm_setup")
LOGS = {"boot": "binary_bios_measurements", "runtime": "binary_runtime_measurements"}
DOMAIN = "example.com"


def run(command, env=None):
    done = subprocess.run([str(w) for w in command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Failed(f"{Path(str(command[0])).name} failed with status {done.returncode}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout


class Lab:
    """`tools/lab` of this build."""

    def __init__(self, build):
        self.build = build

    def __call__(self, *words):
        return run([ROOT / "tools/lab", *words, "--json", "--build", self.build])


def make_quote(directory):
    """An ECDSA P-256 quote over the PCRs of a call, by tpm2-tools on a software TPM of its own."""
    state, sock = directory / "quoting", directory / "quoting.sock"
    state.mkdir()
    run(["swtpm_setup", "--tpm2", "--tpmstate", state, "--pcr-banks", "sha256"])
    tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--server", f"type=unixio,path={sock}",  # pylint: disable=consider-using-with
                            "--ctrl", f"type=unixio,path={sock}.ctrl", "--flags", "startup-clear"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if sock.exists():
                break
            time.sleep(0.05)
        env = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={sock}"}
        at = lambda name: directory / name
        run(["tpm2_createek", "-c", at("ek.ctx"), "-G", "ecc", "-u", at("ek.pub"), "-Q"], env)
        run(["tpm2_flushcontext", "-t"], env)
        run(["tpm2_createak", "-C", at("ek.ctx"), "-c", at("ak.ctx"), "-u", at("ak.pub"), "-n", at("ak.name"), "-G", "ecc", "-g", "sha256", "-s",
             "ecdsa", "-Q"], env)
        run(["tpm2_flushcontext", "-t"], env)
        run(["tpm2_readpublic", "-c", at("ak.ctx"), "-f", "pem", "-o", at("ak.pem"), "-Q"], env)
        run(["tpm2_flushcontext", "-t"], env)
        run(["tpm2_quote", "-c", at("ak.ctx"), "-l", SELECTION, "-q", NONCE, "-m", at("quote.msg"), "-s", at("quote.sig"), "-o", at("quote.pcrs"),
             "-Q"], env)
    finally:
        tpm.terminate()
        tpm.wait(10)


def boot_log(commands=200):
    """A crypto-agile log (SHA-256) of so many commands of a boot loader; what both tools read without complaint."""
    def event(pcr, kind, data):
        return struct.pack("<IIIH", pcr, kind, 1, 0x000B) + hashlib.sha256(data).digest() + struct.pack("<I", len(data)) + data
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1) + struct.pack("<HH", 0x000B, 32) + b"\0"
    out = struct.pack("<II", 0, 3) + bytes(20) + struct.pack("<I", len(spec)) + spec
    for pcr in range(8):
        out += event(pcr, 4, bytes(4))  # EV_SEPARATOR
    return out + b"".join(event(8, 13, b"grub_cmd: set number=%d\0" % i) for i in range(commands))  # EV_IPL


def processor_ms(command, runs):
    """Processor time of each run of a command, its children included."""
    found = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(TIMES_A_RUN):
            run(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append(1000 * used / TIMES_A_RUN)
    return found


def compare_commands(binaries, directory, runs, figure):
    """[{what, sealcall, tpm2_tools, ratio}] in ms of processor time; empty when tpm2-tools are not installed."""
    if not all(shutil.which(tool) for tool in TOOLS):
        return []
    directory.mkdir()
    make_quote(directory)
    log = directory / "boot.bin"
    log.write_bytes(boot_log())
    sealcall = binaries / "sealcall"
    pairs = [("quote", [sealcall, "evidence", "quote", "--ak", directory / "ak.pub", "--attest", directory / "quote.msg", "--signature",
                        directory / "quote.sig", "--nonce", NONCE, "--pcrs", directory / "quote.pcrs"],
              ["tpm2_checkquote", "-u", directory / "ak.pem", "-m", directory / "quote.msg", "-s", directory / "quote.sig", "-f",
               directory / "quote.pcrs", "-q", NONCE, "-g", "sha256"]),
             ("boot log", [sealcall, "evidence", "replay", log], ["tpm2_eventlog", log])]
    found = []
    for what, ours, theirs in pairs:
        o, t = figure(processor_ms(ours, runs)), figure(processor_ms(theirs, runs))
        found.append({"what": what, "sealcall_ms": o, "tpm2_tools_ms": t, "ratio": round(o["median"] / t["median"], 2) if t["median"] else None})
    found.append({"what": "start of the command alone", "sealcall_ms": figure(processor_ms([sealcall, "version"], runs)),
                  "tpm2_tools_ms": figure(processor_ms(["tpm2_checkquote", "--version"], runs)), "ratio": None})
    return found


def requests_for_logs(lab_of_phones, name):
    """How often this phone was asked for a log, as its audit log says."""
    done = subprocess.run([str(lab_of_phones.binaries / "sealcall"), "audit", "show", "--profile", name, "--json"], env=lab_of_phones.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.count("log_asked_for")


def log_transfer(lab, phones, make_pair, names):
    """Calls between two phones that have been through a boot of tools/lab and show their logs: what is asked for, first and warm."""
    for name in names:
        config = phones.directory / "config/sealcall" / name / "config.toml"
        machine = phones.directory / f"machine-{name}"
        logs = "".join(f'{key} = "{machine / file}"\n' for key, file in LOGS.items())
        config.write_text(config.read_text() + f'[logs]\n{logs}show_to = ["{DOMAIN}"]\n')
        lab("make", machine, "--state", phones.directory / "state/sealcall" / name / "tpm", "--secure-boot", "on", "--run", "/usr/bin/bash", "--run",
            "/usr/bin/sealcall")
        lab("park", machine)
    asked, times = [], []
    pair = make_pair()
    try:
        for _ in range(2):
            before = sum(requests_for_logs(phones, name) for name in names)
            measured, _ = pair.call()
            times.append(measured["dial_to_ring"])
            time.sleep(0.3)
            pair.hang_up()
            time.sleep(1.5)
            asked.append(sum(requests_for_logs(phones, name) for name in names) - before)
    finally:
        pair.end()
        for name in names:
            subprocess.run([str(ROOT / "tools/lab"), "stop", str(phones.directory / f"machine-{name}"), "--build", str(lab.build)], check=False,
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    size = sum((phones.directory / f"machine-{name}" / file).stat().st_size for name in names for file in LOGS.values())
    return {"bytes_of_logs": size, "requests_first": asked[0], "requests_warm": asked[1], "dial_to_ring_first_ms": round(times[0], 2),
            "dial_to_ring_warm_ms": round(times[1], 2)}
