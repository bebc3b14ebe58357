"""Throw-away environments with given releases over one shared torch: uv where it is there, pip else. No
torch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

BUILD_LIMIT_S = 600.0
# Of these, an environment gets no copy of its own.
SHARED = ("torch", "numpy")
# Runs in the interpreter that has torch: the files of torch and of all it requires, as paths to link to.
FILES_OF_TORCH = """
import importlib.metadata as metadata, json, os, re, sys
waiting, seen, paths = sys.argv[1:], set(), set()
while waiting:
    name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
    if name in seen:
        continue
    seen.add(name)
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    paths.update(os.path.join(str(found.locate_file("")), top) for top in tops)
    plain = [text for text in found.requires or () if "extra ==" not in text]
    waiting.extend(re.match(r"[A-Za-z0-9._-]+", text).group() for text in plain)
print(json.dumps([sorted(paths), sorted(seen)]))
"""


class BuildError(Exception):
    """An environment could not be built; the message is the installer's own."""


def build(folder: Path, pins: Mapping[str, str], python: str) -> str:
    """Makes an environment in `folder` with `pins` (package to version) and the torch of `python`.

    Returns the path of its interpreter. Raises BuildError.
    """
    layer = folder / "shared"
    layer.mkdir(parents=True)
    paths, shared = json.loads(_say([python, "-c", FILES_OF_TORCH, *SHARED]))
    if not any(Path(path).name == "torch" for path in paths):
        raise BuildError(f"{python} has no torch to share")
    for path in paths:
        (layer / Path(path).name).symlink_to(path)
    made = folder / "env"
    _say([python, "-m", "venv", "--without-pip", str(made)])
    interpreter = made / "bin" / "python"
    [site] = made.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(f"{layer}\n", encoding="utf-8")
    wanted = [f"{name}=={version}" for name, version in pins.items() if name not in shared]
    _install(folder, str(interpreter), python, wanted, shared)
    return str(interpreter)


def _install(folder: Path, interpreter: str, python: str, wanted: list[str], shared: list[str]) -> None:
    if not wanted:
        return
    uv = shutil.which("uv")
    if uv and "--excludes" in _say([uv, "pip", "install", "--help"]):
        # uv looks at the environment's own folder alone, so it would fetch another torch.
        excludes = folder / "excludes.txt"
        excludes.write_text("\n".join(shared) + "\n", encoding="utf-8")
        _say([uv, "pip", "install", "--quiet", "--python", interpreter, "--excludes", str(excludes), *wanted])
        return
    _say([python, "-m", "pip", "--python", interpreter, "install", "--quiet", *wanted])


def _say(command: list[str]) -> str:
    """The command's standard output. Raises BuildError with its last error lines."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_S, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        raise BuildError(" ".join(done.stderr.split()[-60:]))
    return done.stdout
