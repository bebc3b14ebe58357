"""Install commands in shell text: notebook ``!pip`` lines, Dockerfile RUN instructions, shell scripts.

The text is read as a shell reads it, so ``pip install trl>=0.9`` without quotes installs any version of trl
(and writes a file named "=0.9"): it becomes a requirement without version and a Skipped entry that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cfglint.packages.conda_spec import parse_conda_spec
from cfglint.packages.requirement import Requirement, Skipped, skipped_at
from cfglint.packages.requirement_text import is_location, parse_requirement
from cfglint.packages.requirements_txt import OpenFile, included
from cfglint.packages.shell_words import Command, Word, commands
from cfglint.source import Source, Span

_HINT = re.compile(r"\binstall\b|\badd\b|\bcreate\b")
_ASSIGNMENT = re.compile(r"\w+\+?=")
_PREFIXES = frozenset(
    ("sudo", "env", "time", "nohup", "command", "exec", "then", "do", "else", "if", "while", "!", "xargs")
)
_RUNNERS = frozenset(("conda", "mamba", "micromamba", "uv", "poetry", "pipenv"))
_PIP = re.compile(r"pip[0-9.]*(?:\.exe)?")
_PYTHON = re.compile(r"(?:python|pypy|py)[0-9.]*(?:\.exe)?|sys\.executable")
_SHELLS = frozenset(("bash", "sh", "zsh", "dash"))
_FILE_OPTIONS = frozenset(("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"))
_EDITABLE = frozenset(("-e", "--editable"))
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
_CONDA_VALUES = frozenset(
    (
        "-n",
        "--name",
        "-p",
        "--prefix",
        "-c",
        "--channel",
        "--solver",
        "--subdir",
        "--platform",
        "--repodata-fn",
        "--clone",
    )
)


class _Install(NamedTuple):
    """An install command: its tool's way to write versions and the words after the verb."""

    tool: str
    words: tuple[Word, ...]


class _Text(NamedTuple):
    """Shell text and where it stands in a source; the two differ where the source escapes it (a notebook)."""

    source: Source
    text: str
    span: Span

    def place(self, word: Word, cursor: int) -> Span:
        """A word's span in the source: by offset, or searched from a cursor where escapes shift offsets."""
        start = self.span.start + word.start
        direct = Span(start, start + word.end - word.start)
        if self.source.slice(direct) == self.text[word.start : word.end]:
            return direct
        found = self.source.text.find(word.value, cursor, self.span.end)
        return self.span if found < 0 else Span(found, found + len(word.value))


def read_install_lines(
    source: Source, text: str, span: Span, include: OpenFile | None = None
) -> list[Requirement | Skipped]:
    """The requirements that the install commands of a shell text name.

    ``text`` is the shell text (a leading ``!`` or ``%`` of a notebook line is accepted), ``span`` covers it
    in ``source``; the two may differ by escapes. Requirements files that a command names are read through
    ``include``.
    """
    if _HINT.search(text) is None:
        return []
    return _read(_Text(source, text, span), include, {source.file or source.path})


def read_shell_script(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """The requirements that a shell script installs."""
    return read_install_lines(source, source.text, Span(0, len(source.text)), include)


def _read(shell: _Text, include: OpenFile | None, seen: set[str]) -> list[Requirement | Skipped]:
    found: list[Requirement | Skipped] = []
    cursor = shell.span.start
    for command in commands(shell.text):
        inner = _inner_script(command)
        if inner is not None:
            at = shell.place(inner, cursor)
            found += _read(_Text(shell.source, inner.value, at), include, seen)
            continue
        install = _install(command.words)
        if install is None:
            continue
        found += _unquoted(shell, command, cursor)
        reader = _conda if install.tool == "conda" else _pip
        for word, requirement in reader(shell, install.words, cursor, include, seen):
            found += requirement
            cursor = max(cursor, shell.place(word, cursor).start)
    return found


def _inner_script(command: Command) -> Word | None:
    """The script of ``bash -c "script"``."""
    words = command.words
    if (
        len(words) >= 3
        and _tool(words[0]) in _SHELLS
        and words[1].value.startswith("-")
        and words[1].value.endswith("c")
    ):
        return words[2]
    return None


def _tool(word: Word) -> str:
    return word.value.lstrip("!%").strip("{}").rpartition("/")[2]


def _install(words: tuple[Word, ...]) -> _Install | None:
    at = _skip_prefix(words)
    names = [_tool(word) for word in words[at : at + 1]] + [word.value for word in words[at + 1 :]]
    if not names:
        return None
    if _PYTHON.fullmatch(names[0]):
        module = next((index for index, name in enumerate(names[:-1]) if name == "-m"), None)
        if module is None or not _PIP.fullmatch(names[module + 1]):
            return None
        at, names = at + module + 1, names[module + 1 :]
    if names[0] == "uv" and "pip" in names[1:4]:
        at, names = at + names.index("pip"), names[names.index("pip") :]
    if _PIP.fullmatch(names[0]):
        verb = _verb(names, ("install",))
        return _Install("pip", words[at + verb + 1 :]) if verb else None
    if names[0] == "uv":
        verb = _verb(names, ("add",))
        return _Install("pip", words[at + verb + 1 :]) if verb else None
    if names[0] in ("conda", "mamba", "micromamba"):
        verb = _verb(names, ("install", "create"))
        return _Install("conda", words[at + verb + 1 :]) if verb else None
    return None


def _verb(names: list[str], verbs: tuple[str, ...]) -> int:
    """The index of the subcommand, which only options may precede; 0 when it is another one."""
    for index, name in enumerate(names[1:], 1):
        if name in verbs:
            return index
        if not name.startswith("-") and not names[index - 1].startswith("--"):
            return 0
    return 0


def _skip_prefix(words: tuple[Word, ...]) -> int:
    """The index of the program's name: behind assignments, ``sudo``, ``conda run -n name`` …"""
    at = 0
    while at < len(words):
        name = _tool(words[at])
        if (
            not name
            or name in _PREFIXES
            or (at and words[at].value.startswith("-"))
            or _ASSIGNMENT.match(name)
        ):
            at += 1
        elif name in _RUNNERS and at + 1 < len(words) and words[at + 1].value == "run":
            at += 2
            while at < len(words) and words[at].value.startswith("-"):
                at += 2 if words[at].value in ("-n", "--name", "-p", "--prefix") else 1
        else:
            break
    return at


def _unquoted(shell: _Text, command: Command, cursor: int) -> list[Requirement | Skipped]:
    return [
        skipped_at(
            shell.source,
            shell.place(word, cursor).start,
            f"{word.value}: not quoted, so the shell redirects at the < or > and no version is asked for",
        )
        for word in command.glued
    ]


def _pip(
    shell: _Text, words: tuple[Word, ...], cursor: int, include: OpenFile | None, seen: set[str]
) -> Iterator[tuple[Word, list[Requirement | Skipped]]]:
    remaining = iter(words)
    for word in remaining:
        value, source = word.value, shell.source
        if value == "--":
            continue
        name, glued, argument = value.partition("=")
        if (
            value.startswith("-")
            and not value.startswith("--")
            and value[:2] in ("-r", "-c", "-e")
            and len(value) > 2
        ):
            name, glued, argument = value[:2], "=", value[2:].lstrip("=")
        if not value.startswith("-"):
            yield word, [_requirement(shell, word, shell.place(word, cursor))]
        elif name in _FILE_OPTIONS or name in _EDITABLE:
            operand = word._replace(value=argument, exact=False) if glued else next(remaining, None)
            if operand is None:
                return
            span = shell.place(operand, cursor)
            if operand.dynamic:
                yield operand, [skipped_at(source, span.start, f"{operand.value}: depends on a variable")]
            elif name in _EDITABLE:
                yield operand, [_requirement(shell, operand, span)]
            else:
                yield operand, included(source, span.start, operand.value, include, seen)
        elif not glued and name in _PIP_VALUES:
            next(remaining, None)


def _requirement(shell: _Text, word: Word, span: Span) -> Requirement | Skipped:
    if word.dynamic:
        return skipped_at(shell.source, span.start, f"{word.value}: depends on a variable")
    if not is_location(word.value) and word.value.endswith(".txt"):
        return skipped_at(
            shell.source, span.start, f"{word.value}: a requirements file without -r is not installed"
        )
    return parse_requirement(shell.source, word.value, span, shell.source.path)


def _conda(
    shell: _Text, words: tuple[Word, ...], cursor: int, include: OpenFile | None, seen: set[str]
) -> Iterator[tuple[Word, list[Requirement | Skipped]]]:
    remaining = iter(words)
    for word in remaining:
        span = shell.place(word, cursor)
        if word.value in ("-f", "--file"):
            operand = next(remaining, None)
            if operand is not None:
                yield (
                    operand,
                    [
                        skipped_at(
                            shell.source, span.start, f"{operand.value}: a conda file is read by itself"
                        )
                    ],
                )
        elif word.value.startswith("-"):
            if word.value in _CONDA_VALUES:
                next(remaining, None)
        elif word.dynamic:
            yield word, [skipped_at(shell.source, span.start, f"{word.value}: depends on a variable")]
        else:
            yield word, [parse_conda_spec(shell.source, word.value, span, shell.source.path)]
