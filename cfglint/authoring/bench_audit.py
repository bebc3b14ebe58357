"""CPU time of auditing an environment, beside what other tools need for theirs, in one run on one machine.

    python -m cfglint.authoring.bench_audit [--packages 300] [--command "pip list --path {site}"] …

``{site}`` in a command stands for the made-up site-packages folder. Commands take turns, so that a busy
machine slows all of them alike; the median of each is shown, in seconds of user and system time.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

#: A healthy set of the packages that advisories ask about; the rest of the environment is made up.
_REAL = {
    "accelerate": "1.12.0",
    "datasets": "4.4.1",
    "huggingface_hub": "0.36.0",
    "numpy": "2.2.6",
    "peft": "0.18.0",
    "safetensors": "0.7.0",
    "tokenizers": "0.22.1",
    "torch": "2.9.1",
    "transformers": "4.57.3",
    "trl": "0.26.0",
}
#: A usual length of a METADATA file's description (bytes).
_DESCRIPTION = 8000


def make_environment(folder: Path, packages: int) -> Path:
    """A virtual environment's folders with the metadata of so many distributions; returns site-packages."""
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = /usr/bin\nversion = {sys.version.split()[0]}\n", encoding="utf-8"
    )
    versions = {**_REAL, **{f"package_{number}": f"1.{number}" for number in range(packages - len(_REAL))}}
    for name, version in versions.items():
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.9\n"
        needs = "".join(f"Requires-Dist: package_{number}>=1\n" for number in range(5))
        (info / "METADATA").write_text(f"{head}{needs}\n{'word ' * (_DESCRIPTION // 5)}\n", encoding="utf-8")
        for other in ("RECORD", "WHEEL", "INSTALLER"):
            (info / other).write_text("", encoding="utf-8")
    return site


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of a command. Raises RuntimeError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):  # 1: findings
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip()[-300:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print a line for each command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--command", action="append", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cfglint-bench-") as name:
        site = make_environment(Path(name) / "env", given.packages)
        environment = str(Path(name) / "env")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "cfglint audit --python": [sys.executable, "-m", "cfglint", "audit", "--python", environment],
            "cfglint audit --python --list": [
                *(sys.executable, "-m", "cfglint", "audit", "--python", environment, "--list")
            ],
        }
        commands.update({text: shlex.split(text.replace("{site}", str(site))) for text in given.command})
        os.chdir(name)
        for command in commands.values():
            cpu_seconds(command)  # fills caches
        times: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(given.rounds):
            for label, command in commands.items():
                times[label].append(cpu_seconds(command))
    base = median(times["python -c pass"])
    for label, values in times.items():
        print(f"{median(values):7.3f} s  {median(values) / base:5.1f} x  {label}")


if __name__ == "__main__":
    main()
