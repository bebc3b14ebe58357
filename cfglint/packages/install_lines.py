"""Install commands in shell text: notebook ``!pip`` lines, Dockerfile RUN instructions, shell scripts.

The text is read as a shell reads it, so ``pip install trl>=0.9`` without quotes installs any version of trl
(and writes a file named "=0.9"): it becomes a requirement without version and a Skipped entry that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cfglint.packages.conda_spec import parse_conda_spec
from cfglint.packages.install_command import Operand, Word, operands
from cfglint.packages.requirement import OpenFile, Requirement, Skipped, skipped_at
from cfglint.packages.requirement_text import is_location, parse_requirement
from cfglint.packages.requirements_txt import included
from cfglint.parse.shell_commands import ShellReader
from cfglint.source import Source, Span

_HINT = re.compile(r"\b(?:install|add|create)\b")
_VERSION_REDIRECTION = re.compile(r"[<>]=?\d[^\s;&|]*")
_SHELLS = frozenset(("bash", "sh", "zsh", "dash"))


def read_install_lines(
    source: Source, text: str, span: Span, include: OpenFile | None = None, offsets: Sequence[int] = ()
) -> list[Requirement | Skipped]:
    """The requirements that the install commands of a shell text name.

    ``text`` is the shell text (a leading ``!`` or ``%`` of a notebook line is accepted), ``span`` covers it
    in ``source``. Where the two differ by escapes, ``offsets`` holds the place in the source of each code
    point; without it, places are found by searching. Requirements files that a command names are read through
    ``include``.
    """
    if _HINT.search(text) is None:
        return []
    return _read(source, text, span, include, offsets, {source.file or source.path})


def read_shell_script(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """The requirements that a shell script installs."""
    return read_install_lines(source, source.text, Span(0, len(source.text)), include)


def _read(
    source: Source, text: str, span: Span, include: OpenFile | None, offsets: Sequence[int], seen: set[str]
) -> list[Requirement | Skipped]:
    found: list[Requirement | Skipped] = []
    for words in _commands(source, text, span, offsets):
        script = _inner_script(words)
        if script is not None:
            found += _read(source, script.value, script.span, include, (), seen)
            continue
        for operand in operands(words):
            found += _operand(source, operand, include, seen)
    return found


def _commands(source: Source, text: str, span: Span, offsets: Sequence[int]) -> Iterator[tuple[Word, ...]]:
    """The commands of a shell text, their words with places in the source."""
    cursor = span.start
    for command in ShellReader(text, interpolated=source.path.endswith(".ipynb")).read():
        words = []
        for arg in command.args:
            start, end = arg.start, arg.end
            written = text[start:end]
            if written[:1] in ("'", '"') and written[1:-1] == arg.value:
                start, end = start + 1, end - 1
            if offsets and start < end:
                place = Span(offsets[start], offsets[end - 1] + 1)
            else:
                place = _place(source, text[start:end], span, start, cursor)
                cursor = max(cursor, place.start)
            redirection = _VERSION_REDIRECTION.match(text, arg.end)
            reason = "depends on a variable" if arg.value is None or arg.weak else ""
            value = written if arg.value is None or reason else arg.value
            words.append(Word(value, place, reason, redirection[0] if redirection else ""))
        yield tuple(words)


def _place(source: Source, written: str, span: Span, start: int, cursor: int) -> Span:
    """A word's span: by offset, or searched from a cursor where escapes shift offsets; else the whole text's."""
    direct = Span(span.start + start, span.start + start + len(written))
    if source.slice(direct) == written:
        return direct
    found = source.text.find(written, cursor, span.end)
    return span if found < 0 else Span(found, found + len(written))


def _inner_script(words: tuple[Word, ...]) -> Word | None:
    """The script of ``bash -c "script"``."""
    if len(words) < 3 or words[0].value.rpartition("/")[2] not in _SHELLS:
        return None
    option = words[1].value
    return words[2] if option.startswith("-") and option.endswith("c") and not words[2].reason else None


def _operand(
    source: Source, operand: Operand, include: OpenFile | None, seen: set[str]
) -> list[Requirement | Skipped]:
    word = operand.word
    value, span = word.value, word.span
    if word.reason:
        return [skipped_at(source, span.start, word.reason, value)]
    if operand.kind == "file":
        return included(source, span.start, value, include, seen)
    if operand.kind == "conda-file":
        return [skipped_at(source, span.start, "a conda file that a command names is not followed", value)]
    if operand.kind == "conda":
        return [parse_conda_spec(source, value, span, source.path)]
    if value.endswith(".txt") and not is_location(value):
        return [skipped_at(source, span.start, "a requirements file without -r is not installed", value)]
    found: list[Requirement | Skipped] = [parse_requirement(source, value, span, source.path)]
    if word.redirected:
        reason = "not quoted, so the shell redirects and no version is asked for"
        found.append(skipped_at(source, span.start, reason, value + word.redirected))
    return found
