"""Machines of tools/lab for the scenes of tools/demo: what was started on them, and in which order."""
import json
import subprocess

from phones import BUILD, ROOT, Failed, free_port

PROGRAMS = ("/usr/lib/systemd/systemd", "/usr/bin/bash", "/usr/bin/sealcall")
GOOD_BOOT = ["--secure-boot", "on", *(word for path in PROGRAMS for word in ("--run", path))]


def machine(*arguments):
    """One command of tools/lab; its answer."""
    done = subprocess.run([str(ROOT / "tools" / "lab"), *map(str, arguments), "--json", "--build", str(BUILD)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failed(f"`tools/lab {' '.join(map(str, arguments))}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def logs_of(directory):
    return (f'[logs]\nboot = "{directory}/binary_bios_measurements"\nruntime = "{directory}/binary_runtime_measurements"\n'
            'show_to = ["example.com"]\n')


class Booted:
    """An embedded phone's computer that has been through a boot: its software TPM keeps the PCRs for the phone."""

    def __init__(self, lab, name, *boot):
        self.dir = lab.path(f"{name}-machine")
        again = (self.dir / "machine.json").exists()
        machine(*(("boot", self.dir) if again else ("make", self.dir, "--state", lab.path("state", "sealcall", name, "tpm"))), *boot)
        machine("park", self.dir)
        lab.configure(name, free_port(), logs=logs_of(self.dir))

    def __enter__(self):
        return self.dir

    def __exit__(self, *_):
        machine("stop", self.dir)
