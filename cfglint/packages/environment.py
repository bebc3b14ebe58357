"""What an environment holds, by the names of its ``*.dist-info`` folders: nothing is imported or run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, canonical_name
from cfglint.source import Span, UnreadableError, read_source

_INFO = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)-(?P<version>\d[^-]*?)(?:-py\d[\d.]*)?"
    r"\.(?P<kind>dist-info|egg-info)"
)
_VERSION_LINE = re.compile(r"^Version: *\S+", re.MULTILINE)
_LIBRARY = re.compile(r"(?:python|pypy)(\d+\.\d+)")
_INTERPRETER = re.compile(r"(?:python|pypy)(\d+(?:\.\d+)?)?(?:\.exe)?")


class EnvironmentNotFoundError(Exception):
    """A path names no Python environment; the message says what was looked for."""


class Environment(NamedTuple):
    """An environment: display name, package folders in order, Python version ("3.11", "" if unknown)."""

    name: str
    folders: tuple[str, ...]
    python: str


def find_environment(root: str, variables: Mapping[str, str] = os.environ) -> Environment | None:
    """What a project's runs use: its ``.venv``, else the active environment, else the one running cfglint."""
    for path, name in (
        (os.path.join(root, ".venv"), ".venv"),
        (variables.get("VIRTUAL_ENV", ""), "the active environment"),
        (variables.get("CONDA_PREFIX", ""), "the active conda environment"),
    ):
        if path and os.path.isdir(path):
            folders, python = _below(path, "")
            if folders:
                return Environment(name, folders, python)
    own = tuple(path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages"))
    return (
        Environment("cfglint's own environment", own, f"{sys.version_info[0]}.{sys.version_info[1]}")
        if own
        else None
    )


def environment_at(path: str) -> Environment:
    """The environment of an interpreter, a virtual environment's folder or a site-packages folder.

    Raises EnvironmentNotFoundError.
    """
    if os.path.isdir(path):
        if os.path.basename(os.path.normpath(path)) in ("site-packages", "dist-packages"):
            library = _LIBRARY.fullmatch(os.path.basename(os.path.dirname(os.path.normpath(path))))
            return Environment(path, (path,), library[1] if library else "")
        folders, python = _below(path, "")
    elif os.path.isfile(path):
        folders, python = _of_interpreter(path)
    else:
        raise EnvironmentNotFoundError(f"{path}: no such file or folder")
    if not folders:
        raise EnvironmentNotFoundError(f"{path}: no site-packages folder belongs to it")
    return Environment(path, folders, python)


def _of_interpreter(path: str) -> tuple[tuple[str, ...], str]:
    path = os.path.abspath(path)
    prefix = os.path.dirname(os.path.dirname(path))
    if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")):
        return _below(prefix, "")
    real = os.path.realpath(path)
    named = _INTERPRETER.fullmatch(os.path.basename(real))
    wanted = named[1] or "" if named else ""
    prefixes = [os.path.dirname(os.path.dirname(real))]
    if prefixes == ["/usr"]:
        prefixes.insert(0, "/usr/local")
    found = [_below(each, wanted if "." in wanted else "") for each in prefixes]
    return tuple(folder for folders, _ in found for folder in folders), next(
        (python for _, python in found if python), ""
    )


def _below(prefix: str, wanted: str) -> tuple[tuple[str, ...], str]:
    """A prefix's package folders and Python; none when several Pythons share it and none is wanted."""
    settings = _settings(os.path.join(prefix, "pyvenv.cfg"))
    version = ".".join((settings.get("version") or settings.get("version_info") or wanted).split(".")[:2])
    libraries: dict[str, list[str]] = {}
    for library in ("lib", "lib64"):
        folder = os.path.join(prefix, library)
        for name in sorted(_names(folder)):
            match = _LIBRARY.fullmatch(name)
            if match and (not version or match[1] == version):
                libraries.setdefault(match[1], []).append(os.path.join(folder, name))
    if not version and len(libraries) == 1:
        version = next(iter(libraries))
    candidates = [
        os.path.join(each, kind)
        for each in libraries.get(version, ())
        for kind in ("site-packages", "dist-packages")
    ]
    candidates += [
        os.path.join(prefix, "Lib", "site-packages"),
        os.path.join(prefix, "lib", "python3", "dist-packages"),
    ]
    folders: dict[str, str] = {}
    for candidate in candidates:
        if os.path.isdir(candidate):
            folders.setdefault(os.path.realpath(candidate), candidate)
    found = list(folders.values())
    if settings.get("include-system-site-packages", "").lower() == "true" and settings.get("home"):
        found += _below(os.path.dirname(settings["home"]), version)[0]
    return tuple(found), version


def _settings(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as handle:
            pairs = (line.partition("=") for line in handle)
            return {key.strip().lower(): value.strip() for key, _, value in pairs}
    except (OSError, UnicodeDecodeError):
        return {}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def installed(
    environment: Environment,
    packages: Iterable[str] | None = None,
    place: Callable[[str], Place | None] | None = None,
) -> list[Requirement]:
    """The distributions that an environment holds, or only those named; the first folder with a package wins.

    A folder whose metadata file is missing is the rest of a broken uninstall and counts for nothing.
    ``place`` tells from the path of that file where the version stands (``version_place``); without it,
    nothing is opened.
    """
    wanted = None if packages is None else frozenset(packages)
    found: dict[str, Requirement] = {}
    for folder in environment.folders:
        for entry in sorted(_names(folder)):
            match = _INFO.fullmatch(entry)
            if match is None:
                continue
            name = canonical_name(match["name"])
            if name in found or (wanted is not None and name not in wanted):
                continue
            metadata = _metadata(os.path.join(folder, entry), match["kind"])
            if not metadata:
                continue
            version = f"=={match['version'].replace('_', '-')}"
            found[name] = Requirement(
                name,
                version,
                "installed",
                place(metadata) if place is not None else None,
                None,
                "",
                f"installed in {environment.name}",
            )
    return list(found.values())


def version_place(metadata: str, display: str) -> Place | None:
    """Where a distribution's metadata file says its version; None where it cannot be read or does not."""
    try:
        source = read_source(metadata, display)
    except UnreadableError:
        return None
    line = _VERSION_LINE.search(source.text)
    return None if line is None else Place(source, Span(*line.span()))


def _metadata(path: str, kind: str) -> str:
    """The file with a distribution's metadata, "" if it has none."""
    names = ["METADATA"] if kind == "dist-info" else ["", "PKG-INFO"]
    files = (os.path.join(path, name) if name else path for name in names)
    return next((file for file in files if os.path.isfile(file)), "")
