"""Source excerpts: the lines of a finding with its spans underlined, one block for each file or cell."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.model.finding import Finding
from cfglint.report.columns import laid_out, printable, window
from cfglint.report.place import Place, place
from cfglint.report.style import paint
from cfglint.source import Source

#: Columns of source that are shown of a line.
_LIMIT = 110


class _Mark(NamedTuple):
    place: Place
    label: str
    primary: bool


class _Block(NamedTuple):
    source: Source
    marks: list[_Mark]

    def by_line(self) -> dict[int, list[_Mark]]:
        """The marks in the order of the lines; on one line the primary mark stands first."""
        lines: dict[int, list[_Mark]] = {}
        for mark in sorted(
            self.marks, key=lambda mark: (mark.place.line, not mark.primary, mark.place.start)
        ):
            lines.setdefault(mark.place.line, []).append(mark)
        return lines


def excerpt(finding: Finding, color: bool) -> tuple[list[str], int]:
    """The lines of a finding's excerpt, and the width of its gutter."""
    blocks = _blocks(finding)
    gutter = max(len(str(mark.place.line)) for block in blocks for mark in block.marks)
    lines = []
    for number, block in enumerate(blocks):
        arrow = "-->" if number == 0 else ":::"
        lines.append(
            f"{' ' * gutter}{paint(arrow, 'gutter', color)} {printable(block.marks[0].place.header)}"
        )
        lines += _body(block, gutter, finding.severity, color)
    return lines, gutter


def _blocks(finding: Finding) -> list[_Block]:
    """The primary place's block first, then the others in the order in which they are named."""
    blocks: dict[tuple[str, int | None], _Block] = {}
    for number, location in enumerate((finding.location, *finding.related)):
        shown = place(location)
        block = blocks.setdefault((shown.path, shown.cell), _Block(location.source, []))
        block.marks.append(_Mark(shown, location.label, number == 0))
    return list(blocks.values())


def _body(block: _Block, gutter: int, severity: str, color: bool) -> list[str]:
    bar = paint("|", "gutter", color)
    blank = f"{' ' * gutter} {bar}"
    lines = [blank]
    previous = 0
    for number, marks in block.by_line().items():
        if not any(mark.place.text.strip() for mark in marks):
            continue  # an empty file, or one that could not be read: there is nothing to show
        if previous and number == previous + 2 and marks[0].place.cell is None:
            between = block.source.line_text(previous + 1)
            lines.append(_source_line(previous + 1, window(between, 0, 0, _LIMIT)[0], gutter, color))
        elif previous and number > previous + 1:
            lines.append(paint("...", "gutter", color))
        previous = number
        written = ""
        for mark in marks:
            text, start, end = window(mark.place.text, mark.place.start, mark.place.end, _LIMIT)
            if text != written:  # a wide line is cut around each of its marks
                lines.append(_source_line(number, text, gutter, color))
                written = text
            lines.append(f"{blank} {_underline(mark, text, start, end, severity, color)}")
    return [*lines, blank] if len(lines) > 1 else []


def _source_line(number: int, text: str, gutter: int, color: bool) -> str:
    margin = paint(f"{number:>{gutter}} |", "gutter", color)
    return f"{margin} {laid_out(text).text}".rstrip()


def _underline(mark: _Mark, text: str, start: int, end: int, severity: str, color: bool) -> str:
    columns = laid_out(text).columns
    width = max(1, columns[end] - columns[start])
    label = printable(mark.label)
    if mark.place.last > mark.place.line:
        label = f"{label} (to line {mark.place.last})".lstrip()
    line = ("^" if mark.primary else "-") * width + (f" {label}" if label else "")
    return " " * columns[start] + paint(line, severity if mark.primary else "gutter", color)
