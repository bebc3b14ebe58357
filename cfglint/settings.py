"""The project's settings: ``[tool.cfglint]`` in pyproject.toml, or cfglint.toml.

Checked against a small table rather than by a schema library: a configured project pays no start-up for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple, cast

from cfglint.model.finding import SEVERITIES
from cfglint.report import FORMATS

_FILES = ("cfglint.toml", "pyproject.toml")


class SettingsError(Exception):
    """A settings file is wrong; the message names the file, the key and what was expected."""


class Settings(NamedTuple):
    """What a command goes by; the defaults are those of a project that says nothing.

    ``select`` and ``ignore`` hold rule names, codes or prefixes of codes as written; ``select`` empty means
    all. ``exclude`` and the keys of ``per_file_ignores`` are patterns as in .gitignore, from ``folder``;
    ``rules`` are absolute folders. ``target`` maps a fact (a package, ``gpu``, ``python``, ``processes``) to
    its value as text. ``environment`` is "auto", "none" or an absolute path. ``file`` is the
    settings file, "" for none.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "warning"
    exclude: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    preview: bool = False
    target: Mapping[str, str] = {}
    per_file_ignores: Mapping[str, tuple[str, ...]] = {}
    output_format: str = FORMATS[0]
    environment: str = "auto"
    file: str = ""
    folder: str = ""


#: What each key holds: "names" (a list of strings), "flag", "text", "facts" (a table of plain values),
#: "lists" (a table of lists of strings), or the values that it may take.
_KEYS: dict[str, str | tuple[str, ...]] = {
    "select": "names",
    "ignore": "names",
    "fail-on": SEVERITIES,
    "exclude": "names",
    "rules": "names",
    "preview": "flag",
    "target": "facts",
    "per-file-ignores": "lists",
    "output-format": FORMATS,
    "environment": "text",
}


def load_settings(start: str, root: str) -> Settings:
    """The settings nearest to a folder, upward and no further than the project's root (absolute paths).

    In one folder cfglint.toml goes before pyproject.toml. Raises SettingsError for a file that cannot be
    read, a key that does not exist, or a value of the wrong kind.
    """
    folder = start
    while True:
        for name in _FILES:
            settings = _read(os.path.join(folder, name))
            if settings is not None:
                return settings
        parent = os.path.dirname(folder)
        if folder in (root, parent):
            return Settings()
        folder = parent


def read_settings(file: str) -> Settings:
    """The settings of one file (``--config``); raises SettingsError, also where it has none."""
    settings = _read(file)
    if settings is None:
        raise SettingsError(
            f"{_shown(file)}: {'has no [tool.cfglint]' if os.path.isfile(file) else 'no such file'}"
        )
    return settings


def merge(settings: Settings, given: Mapping[str, object]) -> Settings:
    """Settings with what the command line gave over them; None is "not given", target facts are joined."""
    over = {name: value for name, value in given.items() if value is not None}
    if "target" in over:
        over["target"] = {**settings.target, **cast("Mapping[str, str]", over["target"])}
    return settings._replace(**over)  # type: ignore[arg-type]


def _read(file: str) -> Settings | None:
    """The settings of a file; None if it is not there or says nothing about cfglint."""
    try:
        with open(file, "rb") as handle:
            data = handle.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{_shown(file)}: cannot be read: {error.strerror}") from error
    whole = os.path.basename(file) != "pyproject.toml"
    if not whole and b"cfglint" not in data:
        return None  # the usual case costs no TOML parser
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: object = toml.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{_shown(file)}: not valid TOML: {error}") from error
    prefix = "" if whole else "tool.cfglint"
    for key in prefix.split(".") if prefix else ():
        if not isinstance(table, dict) or key not in table:
            return None
        table = table[key]
    if not isinstance(table, dict):
        raise SettingsError(f"{_shown(file)}: {prefix}: expected a table")
    values = {key: _checked(file, prefix, key, value) for key, value in table.items()}
    folder = os.path.dirname(file)
    if "rules" in values:
        values["rules"] = tuple(
            os.path.join(folder, name) for name in cast("tuple[str, ...]", values["rules"])
        )
    if values.get("environment", "auto") not in ("auto", "none"):
        values["environment"] = os.path.join(folder, str(values["environment"]))
    fields = {key.replace("-", "_"): value for key, value in values.items()}
    return Settings(**fields, file=file, folder=folder)  # type: ignore[arg-type]


def _checked(file: str, prefix: str, key: str, value: object) -> object:
    """A value in the form that Settings keeps it."""
    where = f"{_shown(file)}: {prefix}.{key}" if prefix else f"{_shown(file)}: {key}"
    kind = _KEYS.get(key)
    if kind is None:
        raise SettingsError(f"{where}: no such setting{_similar(key, tuple(_KEYS))}")
    if isinstance(kind, tuple):
        if value not in kind:
            expected = ", ".join(f'"{choice}"' for choice in kind)
            raise SettingsError(f"{where}: expected one of {expected}{_got(value)}{_similar(value, kind)}")
        return value
    if kind == "flag" and isinstance(value, bool):
        return value
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "names":
        return _names(where, value)
    if kind == "lists" and isinstance(value, dict):
        return {glob: _names(f'{where}."{glob}"', names) for glob, names in value.items()}
    if kind == "facts" and isinstance(value, dict):
        return {name: _fact(f"{where}.{name}", fact) for name, fact in value.items()}
    expected = {"flag": "true or false", "text": "a string", "lists": "a table of lists", "facts": "a table"}[
        kind
    ]
    raise SettingsError(f"{where}: expected {expected}{_got(value)}")


def _names(where: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise SettingsError(f"{where}: expected a list of strings{_got(value)}")


def _fact(where: str, value: object) -> str:
    if isinstance(value, (str, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    raise SettingsError(f"{where}: expected a string, a number, or true or false{_got(value)}")


def _got(value: object) -> str:
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, (str, int, float)):
        return f', not "{value}"' if isinstance(value, str) else f", not {value}"
    if isinstance(value, (dict, list)):
        return ", not a table" if isinstance(value, dict) else ", not a list"
    return ", not a date or time"


def _similar(value: object, choices: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(value).replace("_", "-"), choices, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _shown(file: str) -> str:
    """A path as the user would type it."""
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative
