"""For managed_installation: a boot of the copy that it installed into, with systemd as the first process, and the guard as
its unit starts it: order, directories, sandbox. A software TPM answers in the place of /dev/tpmrm0."""

import json
import os
import subprocess
from pathlib import Path


def cgroup():
    """A control group of its own for a system, or None."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    if not mounted:
        return None
    own = Path(mounted[0]) / f"sealcall-install-{os.getpid()}"
    try:
        own.mkdir()
        return own
    except OSError:
        return None


# Its own units and nothing else of the system's: a boot must change nothing outside of this copy.
UNITS = {
    "swtpm.service": """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/swtpm socket --tpm2 --tpmstate dir=/tmp/swtpm --server type=unixio,path=/run/tpm,mode=0600 \\
  --ctrl type=unixio,path=/run/tpm-control --flags not-need-init,startup-clear
ExecStartPost=/bin/sh -c "until [ -S /run/tpm ]; do sleep 0.02; done"
""",
    "sealcall-guard.service.d/tpm.conf": """[Unit]
Requires=swtpm.service
After=swtpm.service
[Service]
ExecStart=
ExecStart=/usr/libexec/sealcall/sealcall-guard serve --tpm /run/tpm
""",
    "after.service": """[Unit]
DefaultDependencies=no
Wants=sealcall-guard.service
After=sealcall-guard.service
[Service]
Type=oneshot
Environment=PATH=/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/tmp/after
ExecStopPost=/bin/systemctl --no-block exit 0
"""}
BOOT = """set -e
umount --lazy /tmp/below
mount -t proc proc /proc
for kept in /proc/sys /sys; do mount --bind $kept $kept; mount -o remount,bind,ro $kept; done
mkdir /tmp/dev
mount -t tmpfs -o mode=0755 tmpfs /tmp/dev
for n in null zero full random urandom tty; do touch /tmp/dev/$n; mount --bind /dev/$n /tmp/dev/$n; done
mkdir /tmp/dev/pts /tmp/dev/shm; ln -s /proc/self/fd /tmp/dev/fd
touch /tmp/console /tmp/dev/console; mount --bind /tmp/console /tmp/dev/console
mount --move /tmp/dev /dev
mount -t tmpfs -o mode=0755 tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/systemd; cp -a /tmp/units /run/systemd/system; ln -s /dev/null /run/systemd/system/dev-tpmrm0.device
exec env -i container=sealcall-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --system --unit=after.service --show-status=0 --log-target=console
"""
AFTER = """#!/bin/sh
until [ -S /run/sealcall/guard.sock ]; do sleep 0.02; done
{ sealcall guard --json
  systemctl show sealcall-guard.service --property=ActiveState,DevicePolicy,PrivateNetwork,ProtectSystem
  HOME=/home/gemma XDG_RUNTIME_DIR=/home/gemma setpriv --reuid gemma --regid gemma --init-groups \\
    sealcall init --renew-identity --json
} >/tmp/after.log 2>&1
"""


def check_boot(expect):
    """The same system with systemd as its first process: the guard as its unit starts it, sandbox and all."""
    own = cgroup()
    if own is None:
        print("SKIPPED: a boot with systemd: no control group (v2) of one's own can be had here")
        return
    for name, text in UNITS.items():
        file = Path("/tmp/units") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    Path("/tmp/after").write_text(AFTER)
    Path("/tmp/after").chmod(0o755)
    booted = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup", "--",
                             "bash", "-c", BOOT], capture_output=True, text=True, timeout=100, check=False,
                            stdin=subprocess.DEVNULL, preexec_fn=lambda: (own / "cgroup.procs").write_text(str(os.getpid())))
    for folder, _, _ in os.walk(own, topdown=False):
        os.rmdir(folder)
    said, console = (Path(f"/tmp/{name}").read_text(errors="replace") if Path(f"/tmp/{name}").exists() else ""
                     for name in ("after.log", "console"))
    lines = said.splitlines()
    expect(len(lines) == 6 and json.loads(lines[0])["keys"] == "ready", f"the boot: {said}{booted.stderr}{console}")
    expect({"ActiveState=active", "DevicePolicy=closed", "PrivateNetwork=yes", "ProtectSystem=strict"} == set(lines[1:5]), said)
    made = json.loads(lines[5])
    expect(made["managed"] and made["made_keys"], f"a member's phone after the boot: {said}")
