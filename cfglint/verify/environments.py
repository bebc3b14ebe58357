"""Throw-away environments with given releases over one shared torch: uv where it is there, pip else. No
torch.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

BUILD_LIMIT_S = 600.0
# Of these, an environment gets no copy of its own.
SHARED = ("torch", "numpy")
# Runs in the interpreter that has torch: the files of torch and of all it requires, as paths to link to.
FILES_OF_TORCH = """
import importlib.metadata as metadata, json, os, re, sys
waiting, own, shared = sys.argv[1].split(), sys.argv[2].split(), {}
while waiting:
    name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
    if name in shared or name in own:
        continue
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    paths = [os.path.join(str(found.locate_file("")), top) for top in sorted(tops)]
    shared[name] = [found.version, paths]
    plain = [text for text in found.requires or () if "extra ==" not in text]
    waiting.extend(re.match(r"[A-Za-z0-9._-]+", text).group() for text in plain)
print(json.dumps(shared))
"""


class BuildError(Exception):
    """An environment could not be built; the message is the installer's own."""


def build(folder: Path, pins: Mapping[str, str], python: str) -> str:
    """Makes an environment in `folder` with `pins` (package to version, or "" for any) and the torch of `python`.

    What torch brings along is shared with it unless a pin names it. Returns the path of the environment's
    interpreter. Raises BuildError.
    """
    layer = folder / "shared"
    layer.mkdir(parents=True)
    own = [name for name in pins if name != "torch"]
    found = json.loads(_say([python, "-c", FILES_OF_TORCH, " ".join(SHARED), " ".join(own)]))
    if "torch" not in found:
        raise BuildError(f"{python} has no torch to share")
    there, asked = found["torch"][0].split("+")[0], pins.get("torch", "").split("+")[0]
    if asked and asked != there:
        raise BuildError(f"torch {asked} is asked for, and {python} has {there}: name another with --python")
    for path in (path for _version, paths in found.values() for path in paths):
        (layer / Path(path).name).symlink_to(path)
    made = folder / "env"
    _say([python, "-m", "venv", "--without-pip", str(made)])
    interpreter = made / "bin" / "python"
    [site] = made.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(f"{layer}\n", encoding="utf-8")
    wanted = [f"{name}=={pins[name]}" if pins[name] else name for name in own]
    _install(folder, str(interpreter), python, wanted, found)
    return str(interpreter)


def _install(folder: Path, interpreter: str, python: str, wanted: list[str], shared: Collection[str]) -> None:
    if not wanted:
        return
    beside = [os.path.dirname(path) for path in (sys.executable, python)]
    uv = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), *beside]))
    if uv and "--excludes" in _say([uv, "pip", "install", "--help"]):
        # uv looks at the environment's own folder alone, so it would fetch another torch.
        excludes = folder / "excludes.txt"
        excludes.write_text("\n".join(shared) + "\n", encoding="utf-8")
        _say([uv, "pip", "install", "--quiet", "--python", interpreter, "--excludes", str(excludes), *wanted])
        return
    pip = next((each for each in (python, sys.executable) if _has_pip(each)), None)
    if pip is None:
        raise BuildError(f"no installer: there is neither uv nor a pip for {python}")
    # Compiling what is never imported takes longer than all the rest.
    _say([pip, "-m", "pip", "--python", interpreter, "install", "--quiet", "--no-compile", *wanted])


def _has_pip(python: str) -> bool:
    try:
        _say([python, "-m", "pip", "--version"])
    except BuildError:
        return False
    return True


def _say(command: list[str]) -> str:
    """The command's standard output. Raises BuildError with what it says is wrong."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_S, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        raise BuildError(complaint(done.stderr))
    return done.stdout


def complaint(errors: str) -> str:
    """What an installer says is wrong, on one line: pip's errors, uv's explanation, else the last line."""
    told = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.startswith("ERROR: ")]
    if not told and "Because " in errors:
        told = [errors[errors.index("Because ") :]]
    # pip lists every release that there is, of whatever age.
    text = re.sub(r" \(from versions: [^)]*\)", "", " ".join(" ".join(told).split()))
    return (text or " ".join(errors.strip().splitlines()[-1:]) or "no reason was given")[:500]
