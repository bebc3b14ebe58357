"""Which files are dependency sources, and the one way to read any of them."""

from __future__ import annotations

import os
import re

from cfglint.packages.requirement import OpenFile, Requirement, Skipped
from cfglint.source import Source, UnreadableError, read_source

_WORDS = re.compile(r"[-_.]")


def source_kind(path: str) -> str:
    """The kind of dependency source that a file name stands for, "" for any other file."""
    name = path.replace(os.sep, "/").rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    if suffix in ("toml", "lock"):
        if name == "pyproject.toml":
            return "pyproject"
        if name in ("uv.lock", "poetry.lock", "pdm.lock") or (
            suffix == "toml" and name.startswith("pylock.")
        ):
            return "lock"
        if name == "Pipfile.lock":
            return "pipfile-lock"
    if suffix in ("txt", "in", "lock"):
        return "requirements" if _lists_requirements(path, stem, suffix) else ""
    if suffix in ("yml", "yaml"):
        words = _WORDS.split(stem)
        return "conda" if {words[0], words[-1]} & {"environment", "conda"} else ""
    if name == "Pipfile":
        return "pipfile"
    if name.startswith(("Dockerfile", "Containerfile")) and suffix not in ("dockerignore", "py", "md"):
        return "dockerfile" if name[name.index("file") + 4 :][:1] in ("", ".", "-") else ""
    return "dockerfile" if suffix.lower() == "dockerfile" else ""


def _lists_requirements(path: str, stem: str, suffix: str) -> bool:
    if stem.startswith(("requirement", "constraint")):
        return True
    if any(word.startswith(("requirement", "constraint")) for word in _WORDS.split(stem)):
        return True
    folder = os.path.basename(os.path.dirname(path))
    return suffix != "lock" and folder in ("requirements", "constraints")


def is_dependency_file(path: str) -> bool:
    """Whether a file's name says that it lists packages."""
    return source_kind(path) != ""


def read_dependency_file(source: Source, open_file: OpenFile | None = None) -> list[Requirement | Skipped]:
    """Everything that a dependency file says, files that it includes through ``open_file``.

    ``open_file`` takes a path and raises UnreadableError with a reason; without it, included files are
    Skipped. Raises ValueError for a file whose name is not that of a dependency file.
    """
    kind = source_kind(source.file or source.path)
    if kind == "requirements":
        from cfglint.packages.requirements_txt import read_requirements

        return read_requirements(source, open_file)
    if kind == "pyproject":
        from cfglint.packages.pyproject import read_pyproject

        return read_pyproject(source, open_file)
    if kind in ("lock", "pipfile-lock"):
        from cfglint.packages.lockfiles import read_pipfile_lock, read_toml_lock

        return read_toml_lock(source) if kind == "lock" else read_pipfile_lock(source)
    if kind == "pipfile":
        from cfglint.packages.pipfile import read_pipfile

        return read_pipfile(source)
    if kind == "conda":
        from cfglint.packages.conda import read_conda_environment

        return read_conda_environment(source, open_file)
    if kind == "dockerfile":
        from cfglint.packages.dockerfile import read_dockerfile

        return read_dockerfile(source, open_file)
    raise ValueError(f"not a dependency file: {source.path}")


def files_below(root: str, shown_from: str = "") -> OpenFile:
    """An ``open_file`` that reads files inside a project's root only, links resolved.

    Paths are displayed relative to ``shown_from`` (default: the root).
    """
    real_root = os.path.realpath(root)

    def open_file(path: str) -> Source:
        file = os.path.join(real_root, path)
        real = os.path.realpath(file)
        if real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep):
            raise UnreadableError("outside the project")
        return read_source(file, os.path.relpath(file, shown_from or real_root).replace(os.sep, "/"))

    return open_file
