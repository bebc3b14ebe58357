"""A location as a reader sees it: the line of the file, or the decoded line of a notebook's cell."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.model.finding import Location
from cfglint.source import Cell, Source, Span


class Place(NamedTuple):
    """One marked line.

    ``start`` and ``end`` are code points of ``text`` (half-open); ``last`` is the line on which the span
    ends, and ``cell`` the notebook cell's number, or None: lines then count from the top of the file.
    """

    path: str
    cell: int | None
    line: int
    last: int
    text: str
    start: int
    end: int

    @property
    def header(self) -> str:
        """``file:line:column``, or ``file:cell 3:line:column`` with the line and column in the cell."""
        where = f"{self.line}:{self.start + 1}"
        return f"{self.path}:{where}" if self.cell is None else f"{self.path}:cell {self.cell}:{where}"


def place(location: Location) -> Place:
    """Where a location is shown."""
    source, span = location.source, location.span
    if location.cell is not None:
        decoded = _in_cell(source, span, location.cell)
        if decoded is not None:
            return decoded
    at = source.position(span.start)
    last = source.position(max(span.start, span.end - 1)).line
    text = source.line_text(at.line)
    start = min(at.column - 1, len(text))
    end = len(text) if last > at.line else min(start + span.end - span.start, len(text))
    return Place(source.path, None, at.line, last, text, start, max(start, end))


def _in_cell(source: Source, span: Span, cell: Cell) -> Place | None:
    """The decoded line of a cell; None where the span does not lie in a JSON string.

    A JSON string cannot run over a line end, so the strings of the file's line tell where this one begins.
    """
    import json
    import re

    at = source.position(span.start)
    begin = source.line_starts[at.line - 1]
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"', source.line_text(at.line)):
        first, stop = begin + match.start(1), begin + match.end(1)
        if not first <= span.start <= stop:
            continue
        end = min(span.end, stop)
        try:
            before, inside, after = (
                json.loads(f'"{source.text[start:end]}"', strict=False)
                for start, end in ((first, span.start), (span.start, end), (end, stop))
            )
        except ValueError:
            return None
        lead = before.rpartition("\n")[2]
        marked, cut, _ = inside.partition("\n")
        more = inside.rstrip("\n").count("\n") + source.text.count("\n", stop, max(span.end, stop))
        text = (lead + marked if cut else lead + marked + after.partition("\n")[0]).rstrip("\r")
        return Place(
            source.path, cell.index, cell.line, cell.line + more, text, len(lead), len(lead + marked)
        )
    return None
