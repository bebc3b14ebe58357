"""The comments that silence findings, read from a source.

``# cfglint: ignore[rule-a,rule-b] reason`` counts for its own line, or, when it stands alone, for the next
line that holds more than a comment. ``# cfglint: file-ignore[rule] reason`` stands in the first 20 lines, in
a notebook in any cell. JSON has no comments.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cfglint.source import Cell, Source, Span

_HEAD_LINES = 20
#: More comments, or more text in one, are no one's; reading them all would let a file waste hours.
_MOST = 1_000
_MARK = "cfglint:"
_COMMENT = re.compile(
    r"""#[ \t]*cfglint:[ \t]*(?P<kind>[\w-]{0,40})[ \t]*(?:\[(?P<names>[^\]\r\n"\\]{0,2000})\])?"""
)
_NAME = re.compile(r"[^,\s]+(?:\s+[^,\s]+)*")
#: What stands before a line's code, and what stands alone on a line without code. A notebook's file has the
#: marks of JSON strings there.
_LEAD = re.compile(r"[ \t]*")
_GAP = re.compile(r"\s*")
_NOTEBOOK_LEAD = re.compile(r'[ \t]*(?:"source"[ \t]*:[ \t]*)?\[?[ \t]*"?(?:[ \t]|\\t)*')
_NOTEBOOK_GAP = re.compile(r'(?:[\s",\]]|\\[nrt])*')


class IgnoreComment(NamedTuple):
    """One comment: the names (or codes) of rules with their spans, and the line it is for (None: the file).

    ``problem`` says, for the user, why it cannot count; it then has no names.
    """

    source: Source
    span: Span
    names: tuple[tuple[str, Span], ...]
    line: int | None
    problem: str = ""


class Lines:
    """A source's lines as its reader sees them, from 0: in a notebook, line ends within strings count too."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.notebook = source.path.endswith(".ipynb")
        self._code_starts: dict[int, int] = {}
        self._starts = source.line_starts
        if self.notebook:
            ends = re.finditer(r"\n|\\.", source.text)
            self._starts = [0, *(match.end() for match in ends if match[0] in ("\n", "\\n"))]

    def __len__(self) -> int:
        return len(self._starts)

    def code_start(self, line: int) -> int:
        """The offset at which a line's code, or its comment, begins."""
        if line not in self._code_starts:
            lead = (_NOTEBOOK_LEAD if self.notebook else _LEAD).match(self.source.text, self._starts[line])
            self._code_starts[line] = lead.end() if lead else self._starts[line]
        return self._code_starts[line]

    def holds_code(self, line: int) -> bool:
        """Whether anything but a comment stands on a line."""
        start = self.code_start(line)
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self.source.text)
        gap = (_NOTEBOOK_GAP if self.notebook else _GAP).match(self.source.text, start, end)
        return self.source.text[start : start + 1] != "#" and (gap is None or gap.end() < end)

    def at(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self._starts, offset) - 1

    def touched(self, span: Span) -> range:
        """The lines that a span lies on."""
        return range(self.at(span.start), self.at(max(span.start, span.end - 1)) + 1)


def may_ignore(source: Source) -> bool:
    """Whether a source can hold such a comment at all: a cheap look at its text."""
    return _MARK in source.text and not source.path.endswith(".json")


def ignore_comments(
    lines: Lines, exclude: Iterable[Span] = (), cell_of: Callable[[int], Cell | None] | None = None
) -> list[IgnoreComment]:
    """The comments of a source in the order of the text.

    ``exclude`` are spans in which a "#" begins no comment (quoted and block scalars). ``cell_of`` gives the
    code cell of an offset; in a notebook, what lies in none is no comment.
    """
    source = lines.source
    quoted = sorted(span for span in exclude if _MARK in source.text[span.start : span.end])
    tokens = _python_comments(source) if source.path.endswith(".py") else None
    found: list[IgnoreComment] = []
    target = -1
    for match in _COMMENT.finditer(source.text):
        start = match.start()
        line = lines.at(start)
        if tokens is None:
            if not _begins_comment(lines, line, start) or _within(start, quoted):
                continue
            if lines.notebook and cell_of is not None and cell_of(start) is None:
                continue
        elif start not in tokens:
            continue
        if start != lines.code_start(line):
            target = line
        elif target <= line:  # else it stands under a comment for the same line
            later = range(line + 1, len(lines))
            target = next((number for number in later if lines.holds_code(number)), len(lines))
        comment = _comment(lines, match, line, target)
        if comment is not None:
            found.append(comment)
            if len(found) == _MOST:
                break
    return found


def _comment(lines: Lines, match: re.Match[str], line: int, target: int) -> IgnoreComment | None:
    kind, listed, span = match["kind"], match["names"], Span(*match.span())
    if listed is None and kind not in ("ignore", "file-ignore"):
        return None  # prose, such as "# cfglint: see the README"
    first = match.start("names")
    names = tuple(
        (name[0], Span(first + name.start(), first + name.end())) for name in _NAME.finditer(listed or "")
    )
    if kind not in ("ignore", "file-ignore"):
        problem = f"`{kind}` is not understood: write `ignore[…]` or `file-ignore[…]`"
    elif not names:
        problem = f"it names no rule: write `{kind}[rule-name]`"
    elif kind == "file-ignore" and line >= _HEAD_LINES and not lines.notebook:
        problem = f"a `file-ignore` counts only in the first {_HEAD_LINES} lines"
    else:
        return IgnoreComment(lines.source, span, names, target if kind == "ignore" else None)
    return IgnoreComment(lines.source, span, (), None, problem)


def _begins_comment(lines: Lines, line: int, start: int) -> bool:
    """Whether a "#" begins a comment: at the line's start or after a blank."""
    text = lines.source.text
    if start == lines.code_start(line) or text[start - 1] in " \t":
        return True
    return lines.notebook and text[start - 2 : start] == "\\t"


def _within(offset: int, spans: list[Span]) -> bool:
    """Whether one of some spans, sorted and apart, holds an offset."""
    at = bisect_right(spans, (offset, offset)) - 1
    return at >= 0 and spans[at].start < offset < spans[at].end


def _python_comments(source: Source) -> set[int] | None:
    """The offsets of a script's comments; None where its tokens cannot be told apart."""
    import tokenize

    starts = source.line_starts
    lines = iter([f"{line}\n" for line in source.text.split("\n")])
    try:
        return {
            starts[token.start[0] - 1] + token.start[1]
            for token in tokenize.generate_tokens(lines.__next__)
            if token.type == tokenize.COMMENT
        }
    except (tokenize.TokenError, SyntaxError, IndexError):
        return None
