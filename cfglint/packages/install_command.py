"""Which words of a shell command an installer takes as packages, files or options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cfglint.source import Span

_PREFIXES = frozenset(("sudo", "env", "time", "nohup", "command", "exec", "xargs"))
_RUNNERS = frozenset(("conda", "mamba", "micromamba", "uv", "poetry", "pipenv"))
_CONDA = frozenset(("conda", "mamba", "micromamba"))
_PIP = re.compile(r"pip[0-9.]*(?:\.exe)?")
_PYTHON = re.compile(r"(?:python|pypy|py)[0-9.]*(?:\.exe)?|sys\.executable")
_ASSIGNMENT = re.compile(r"\w+\+?=")
_FILE_OPTIONS = frozenset(("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"))
_EDITABLE = frozenset(("-e", "--editable"))
#: Options of pip and uv that take the next word and name no package.
_PIP_VALUES_TEXT = """
-i --index-url --extra-index-url --index --default-index -f --find-links --trusted-host --no-binary
--only-binary -t --target --prefix --root --src --platform --python-version --implementation --abi
--upgrade-strategy --progress-bar --cache-dir --timeout --retries -C --config-settings --config-setting
--global-option --build-option --install-option --use-feature --use-deprecated --log --proxy --report
--exists-action --cert --client-cert --python -p --torch-backend --group --extra --optional --resolution
--prerelease --exclude-newer --index-strategy --keyring-provider --link-mode --config-file --directory
--project --package --script --branch --tag --rev --color --reinstall-package -P --upgrade-package
--refresh-package --no-build-isolation-package --no-binary-package -b --build-constraint
--build-constraints --override --overrides --fork-strategy --marker -m
"""
_PIP_VALUES = frozenset(_PIP_VALUES_TEXT.split())
_CONDA_VALUES_TEXT = "-n --name -p --prefix -c --channel --solver --subdir --platform --repodata-fn --clone"
_CONDA_VALUES = frozenset(_CONDA_VALUES_TEXT.split())


class Word(NamedTuple):
    """One word of a command and where it stands.

    ``value`` is the word after expansion, or as written where it is not static: then ``reason`` says why.
    ``redirected`` is a redirection written right behind it, as in ``pip install trl>=0.9``.
    """

    value: str
    span: Span
    reason: str = ""
    redirected: str = ""


class Operand(NamedTuple):
    """A word that an installer takes: kind "package", "editable", "conda", "file" or "conda-file"."""

    kind: str
    word: Word


def operands(words: tuple[Word, ...]) -> Iterator[Operand]:
    """What an install command installs; nothing for any other command."""
    words = words[_program(words) :]
    names = [word.value for word in words]
    if not names:
        return
    names[0] = _name(words[0])
    if _PYTHON.fullmatch(names[0]) and "-m" in names[1:-1]:
        start = names.index("-m") + 1
        names, words = names[start:], words[start:]
        if not _PIP.fullmatch(names[0]):
            return
    if names[0] == "uv" and "pip" in names[1:4]:
        start = names.index("pip")
        names, words = names[start:], words[start:]
    if _PIP.fullmatch(names[0]):
        yield from _pip(words[_verb(names, ("install",)) :])
    elif names[0] == "uv":
        yield from _pip(words[_verb(names, ("add",)) :])
    elif names[0] in _CONDA:
        yield from _conda(words[_verb(names, ("install", "create")) :])


def _name(word: Word) -> str:
    """A program's name without its folder, a notebook's mark and the braces of ``{sys.executable}``."""
    return word.value.lstrip("!%").strip("{}").rpartition("/")[2]


def _program(words: tuple[Word, ...]) -> int:
    """The index of the program's name: behind ``sudo``, ``env X=1``, ``conda run -n name`` …"""
    at = 0
    while at < len(words):
        name = _name(words[at])
        is_option = at > 0 and words[at].value.startswith("-")
        if not name or name in _PREFIXES or is_option or _ASSIGNMENT.match(name):
            at += 1
        elif name in _RUNNERS and at + 1 < len(words) and words[at + 1].value == "run":
            at += 2
            while at < len(words) and words[at].value.startswith("-"):
                at += 2 if words[at].value in ("-n", "--name", "-p", "--prefix") else 1
        else:
            break
    return at


def _verb(names: list[str], verbs: tuple[str, ...]) -> int:
    """The index behind the subcommand, which only options may precede; the end if it is another one."""
    for index, name in enumerate(names[1:], 1):
        if name in verbs:
            return index + 1
        if not name.startswith("-") and not names[index - 1].startswith("--"):
            break
    return len(names)


def _pip(words: tuple[Word, ...]) -> Iterator[Operand]:
    remaining = iter(words)
    for word in remaining:
        value = word.value
        if not value.startswith("-"):
            yield Operand("package", word)
            continue
        name, glued, argument = value.partition("=")
        if value[:2] in ("-r", "-c", "-e") and len(value) > 2:
            name, glued, argument = value[:2], "=", value[2:].lstrip("=")
        kind = "file" if name in _FILE_OPTIONS else "editable" if name in _EDITABLE else ""
        if kind:
            operand = word._replace(value=argument) if glued else next(remaining, None)
            if operand is not None:
                yield Operand(kind, operand)
        elif not glued and name in _PIP_VALUES:
            next(remaining, None)


def _conda(words: tuple[Word, ...]) -> Iterator[Operand]:
    remaining = iter(words)
    for word in remaining:
        if word.value in ("-f", "--file"):
            operand = next(remaining, None)
            if operand is not None:
                yield Operand("conda-file", operand)
        elif not word.value.startswith("-"):
            yield Operand("conda", word)
        elif word.value in _CONDA_VALUES:
            next(remaining, None)
