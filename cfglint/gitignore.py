"""Patterns as in .gitignore files: anchored or not, for folders, negated, with ``*``, ``?``, ``[…]``, ``**``.

The semantics are those of git's manual: the last pattern that matches decides, and a file whose folder is
ignored is never looked at. Most patterns are plain names or suffixes and are looked up; only the rest become
regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Union

_Steps = list[Union[re.Pattern[str], None]]
_ANY, _NONE = re.compile(".+", re.DOTALL), re.compile("(?!)")


class _Pattern(NamedTuple):
    """One line; ``rank`` is its place in the file: the highest that matches decides."""

    rank: int
    ignores: bool
    folders_only: bool
    glob: str


class Patterns:
    """The patterns of one file or setting; paths are relative to the folder it counts for, with ``/``."""

    __slots__ = ("_compiled", "_globs", "_names", "_suffixes")

    def __init__(self, lines: Iterable[str]) -> None:
        self._names: dict[str, list[_Pattern]] = {}
        self._suffixes: dict[str, list[_Pattern]] = {}
        self._globs: list[_Pattern] = []
        self._compiled: dict[int, _Steps] = {}
        for rank, line in enumerate(lines):
            pattern = _parse(rank, line)
            if pattern is None:
                continue
            glob = pattern.glob
            if "/" in glob or _is_magic(glob[1:]) or (glob[0] in "?[\\"):
                self._globs.append(pattern)
            elif glob.startswith("*."):
                self._suffixes.setdefault(glob[1:], []).append(pattern)
            elif glob[0] == "*":
                self._globs.append(pattern)
            else:
                self._names.setdefault(glob, []).append(pattern)
        self._globs.reverse()

    def __bool__(self) -> bool:
        return bool(self._names or self._suffixes or self._globs)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: ignored; False: a negated pattern takes it back; None: no pattern matches."""
        name = path.rpartition("/")[2]
        parts: list[str] = []
        best: _Pattern | None = None
        candidates = list(self._names.get(name, ()))
        if self._suffixes:
            dot = name.find(".")
            while dot >= 0:
                candidates += self._suffixes.get(name[dot:], ())
                dot = name.find(".", dot + 1)
        for pattern in candidates:
            if (is_folder or not pattern.folders_only) and (best is None or pattern.rank > best.rank):
                best = pattern
        for pattern in self._globs:
            if best is not None and pattern.rank < best.rank:
                break
            if pattern.folders_only and not is_folder:
                continue
            parts = parts or path.split("/")
            if _matches(self._steps(pattern), parts):
                best = pattern
                break
        return None if best is None else best.ignores

    def _steps(self, pattern: _Pattern) -> _Steps:
        if pattern.rank not in self._compiled:
            self._compiled[pattern.rank] = _steps(pattern.glob)
        return self._compiled[pattern.rank]


def _parse(rank: int, line: str) -> _Pattern | None:
    """One line of a .gitignore file; None for a comment or an empty one."""
    line = line.rstrip("\r\n")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    if not ignores:
        line = line[1:]
    folders_only = line.endswith("/")
    glob = line[:-1] if folders_only else line
    if not glob:
        return None
    return _Pattern(rank, ignores, folders_only, glob)


def _is_magic(text: str) -> bool:
    return any(char in text for char in "*?[\\")


def _steps(glob: str) -> _Steps:
    """A glob as one expression for each name of the path, None for any number of names."""
    if "/" not in glob:  # it is not anchored to the folder of the file
        return [None, _name_regex(glob)]
    names = glob.removeprefix("/").split("/")
    steps: _Steps = [None if name == "**" else _name_regex(name) for name in names]
    return [*steps, _ANY] if names[-1] == "**" else steps


def _matches(steps: _Steps, parts: list[str]) -> bool:
    """Whether the steps take up the whole path; time is at most the product of their lengths."""
    step = part = retry = 0
    wild = -1
    while part < len(parts):
        regex = steps[step] if step < len(steps) else _NONE
        if regex is None:
            wild, retry = step, part
            step += 1
        elif regex.fullmatch(parts[part]):
            step += 1
            part += 1
        elif wild >= 0:
            step = wild + 1
            retry += 1
            part = retry
        else:
            return False
    return all(regex is None for regex in steps[step:])


def _name_regex(glob: str) -> re.Pattern[str]:
    """The expression for one name.

    What stands between two stars is taken where it first fits and never again: without that, a pattern with
    many stars takes exponential time. (The look-ahead with a back reference is an atomic group, which Python
    3.10 lacks.)
    """
    pieces = [""]
    at = 0
    while at < len(glob):
        char = glob[at]
        if char == "*":
            pieces.append("")
            at += 1
        elif char == "[":
            text, at = _char_class(glob, at)
            pieces[-1] += text
        elif char == "?":
            pieces[-1] += "."
            at += 1
        else:
            at += char == "\\"  # at the end of a pattern it can match nothing
            pieces[-1] += re.escape(glob[at]) if at < len(glob) else "(?!)"
            at += 1
    first, *rest = pieces
    middle = [
        f"(?=(?P<p{number}>.*?{piece}))(?P=p{number})" for number, piece in enumerate(rest[:-1]) if piece
    ]
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + "".join(middle) + last, re.DOTALL)


def _char_class(glob: str, at: int) -> tuple[str, int]:
    """A ``[…]`` class and the place after it; without its end it matches nothing, as in git."""
    start = at + 1
    negated = glob[start : start + 1] in ("!", "^")
    if negated:
        start += 1
    end = glob.find("]", start + 1)
    if end < 0:
        return "(?!)", len(glob)
    inside = re.sub(r"([\[\]&~|^])", r"\\\1", glob[start:end])
    text = f"[^{inside}]" if negated else f"[{inside}]"
    try:
        re.compile(text)
    except re.error:  # a range that runs backward
        return "(?!)", end + 1
    return text, end + 1
