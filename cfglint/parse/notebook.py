"""A Jupyter notebook's code as one script, with spans in the .ipynb file and the cells they stand in."""

from __future__ import annotations

import ast
from typing import NamedTuple

from cfglint.parse.notebook_json import CellSource, read_cells
from cfglint.parse.notebook_magics import blank, read_magics
from cfglint.parse.notebook_text import NotebookText
from cfglint.parse.python import read_script
from cfglint.parse.python_text import PythonText, line_of, syntax_tree
from cfglint.parse.script import Script, ShellLine
from cfglint.parse.tree import ParseError
from cfglint.source import Cell, Source


class SkippedCell(NamedTuple):
    """A code cell that could not be read: its number, the line in it, and why."""

    cell: Cell
    reason: str


class CellMap:
    """From places in the .ipynb file to cells, for the readers of a notebook."""

    def __init__(self, text: NotebookText, skipped: tuple[SkippedCell, ...]) -> None:
        self._text = text
        self.skipped = skipped

    def locate(self, offset: int) -> Cell | None:
        """The code cell (of all cells, from 1) and the line in it of a file offset, None outside of them."""
        return self._text.locate(offset)


def parse_notebook(source: Source) -> tuple[Script, CellMap]:
    """Read a notebook of format 4.

    A cell that is no Python is left out and listed in ``CellMap.skipped``. Raises ParseError for a file that
    is no JSON, no notebook, or nested too deeply.
    """
    cells: list[tuple[CellSource, str]] = []
    shell: list[tuple[int, tuple[tuple[int, int], ...]]] = []
    for cell in read_cells(source.text):
        if cell.kind == "code" and cell.parts:
            code = read_magics(cell.text, cell.language)
            shell.extend((len(cells), pieces) for pieces in code.shell)
            cells.append((cell, code.python))
    text = NotebookText(cells, source.text)
    skipped: list[SkippedCell] = []
    try:
        tree = syntax_tree(text)
        whole = not _crosses_cells(tree, text)
    except ParseError:
        whole = False
    if not whole:
        for number, (cell, python) in enumerate(cells):
            alone = PythonText(python)
            try:
                syntax_tree(alone)
            except ParseError as error:
                skipped.append(
                    SkippedCell(Cell(cell.number, line_of(alone.starts, error.offset)), error.message)
                )
                cells[number] = (cell, blank(python))
        text = NotebookText(cells, source.text)
        tree = syntax_tree(text)
    lines = tuple(_shell_line(text, number, pieces) for number, pieces in shell)
    return read_script(text, tree, lines), CellMap(text, tuple(skipped))


def _crosses_cells(tree: ast.Module, text: NotebookText) -> bool:
    """Whether a statement only came about by joining cells."""
    firsts = [line_of(text.starts, start) for start in text.cell_starts]
    at = 0
    for statement in tree.body:
        while at < len(firsts) and firsts[at] <= statement.lineno:
            at += 1
        if at < len(firsts) and (statement.end_lineno or 0) >= firsts[at]:
            return True
    return False


def _shell_line(text: NotebookText, number: int, pieces: tuple[tuple[int, int], ...]) -> ShellLine:
    base = text.cell_starts[number]
    source = text.cell_text(number)
    words: list[str] = []
    offsets: list[int] = []
    last = pieces[0][1]
    for start, end in pieces:
        if words:
            words.append(" ")
            offsets.append(text.file_end(base + last))
        words.append(source[start:end])
        offsets.extend(text.file_offset(base + at) for at in range(start, end))
        last = end
    first = pieces[0][0]
    offsets.append(text.file_end(base + last))
    return ShellLine("".join(words), text.place(base + first, base + last), tuple(offsets))
