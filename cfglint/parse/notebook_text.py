"""The code of a notebook's cells as one Python text, with the way back to the JSON file, escapes included."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right

from cfglint.parse.notebook_json import CellSource
from cfglint.parse.python_text import PythonText, line_of
from cfglint.source import Cell, Span

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")


class NotebookText(PythonText):
    """The joined text of some cells; spans count code points of the notebook file."""

    def __init__(self, cells: list[tuple[CellSource, str]], file_text: str) -> None:
        """``cells`` pairs each cell that has a source with its text as Python, which is as long."""
        joined: list[str] = []
        self._cells: list[CellSource] = []
        #: Virtual offset at which each cell starts.
        self.cell_starts: list[int] = []
        #: Runs of code points that stand side by side in the file: virtual start, file start, width of one.
        self._virtual: list[int] = []
        self._file: list[int] = []
        self._width: list[int] = []
        at = 0
        for cell, text in cells:
            self._cells.append(cell)
            self.cell_starts.append(at)
            offset = at
            for decoded, start, end in cell.parts:
                self._add(decoded, start, end, offset, file_text)
                offset += len(decoded)
            if not text.endswith("\n"):
                # The line end between two cells stands nowhere in the file.
                self._run(offset, cell.parts[-1][2], 0)
                text += "\n"
            joined.append(text)
            at += len(text)
        super().__init__("".join(joined))

    def _run(self, virtual: int, file: int, width: int) -> None:
        self._virtual.append(virtual)
        self._file.append(file)
        self._width.append(width)

    def _add(self, decoded: str, start: int, end: int, virtual: int, file_text: str) -> None:
        if not decoded:
            return
        if len(decoded) == end - start:
            self._run(virtual, start, 1)
            return
        at = start
        for match in _ESCAPE.finditer(file_text, start, end):
            first, last = match.span()
            if first > at:
                self._run(virtual, at, 1)
                virtual += first - at
            self._run(virtual, first, last - first)
            virtual += 1
            at = last
        if at < end:
            self._run(virtual, at, 1)

    def file_offset(self, offset: int) -> int:
        """Where a code point of this text starts in the file."""
        if not self._virtual:
            return 0
        run = max(bisect_right(self._virtual, offset) - 1, 0)
        return self._file[run] + (offset - self._virtual[run]) * self._width[run]

    def file_end(self, offset: int) -> int:
        """Where the code point before an offset of this text ends in the file."""
        if offset <= 0 or not self._virtual:
            return self.file_offset(offset)
        run = max(bisect_right(self._virtual, offset - 1) - 1, 0)
        return self._file[run] + (offset - self._virtual[run]) * self._width[run]

    def span(self, node: ast.AST) -> Span:
        """Where a node stands in the file."""
        return self.place(*self.range(node))

    def place(self, start: int, end: int) -> Span:
        """Where a range of the joined text stands in the file."""
        first = self.file_offset(start)
        return Span(first, self.file_end(end) if end > start else first)

    def line_name(self, line: int) -> str:
        """``in cell 3, line 2``."""
        cell = self.cell_at(self.starts[line - 1])
        return f"in cell {cell.index}, line {cell.line}"

    def cell_text(self, number: int) -> str:
        """The source of a cell as written, by its place among the joined ones."""
        return self._cells[number].text

    def cell_at(self, offset: int) -> Cell:
        """The cell and the line in it of an offset of this text."""
        number = max(bisect_right(self.cell_starts, offset) - 1, 0)
        first = line_of(self.starts, self.cell_starts[number])
        return Cell(self._cells[number].number, line_of(self.starts, offset) - first + 1)

    def locate(self, offset: int) -> Cell | None:
        """The cell and line of an offset of the file, None outside the cells' sources."""
        cell = next((cell for cell in self._cells if _holds(cell, offset)), None)
        if cell is None:
            return None
        run = bisect_right(self._file, offset) - 1
        virtual = self._virtual[run] + (offset - self._file[run]) // max(self._width[run], 1)
        if run + 1 < len(self._virtual):
            virtual = min(virtual, self._virtual[run + 1] - 1)
        return self.cell_at(max(virtual, self._virtual[run]))


def _holds(cell: CellSource, offset: int) -> bool:
    return cell.parts[0][1] <= offset <= cell.parts[-1][2]
