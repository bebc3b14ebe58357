"""What IPython adds to Python in a cell (shell lines, magics, help lines), blanked out in place."""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

#: A line that IPython rewrites: ``!…``, ``%…``, ``?x``, ``x?``, ``y = !…``, ``y = %…``, ``pip install …``.
_SPECIAL = re.compile(
    r"^(?P<before>[ \t]*(?:[A-Za-z_][\w.]*(?:[ \t]*,[ \t]*[A-Za-z_][\w.]*)*[ \t]*=[ \t]*)?)"
    r"(?P<mark>!!?(?!=)|%(?![%=\s])|\?\??(?=\S)"
    r"|(?=(?:pip3?|conda|mamba|uv pip)[ \t]+(?:install|uninstall)[ \t]))"
    r"|^[ \t]*[%A-Za-z_][\w.]*\?{1,2}[ \t]*$",
    re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"[ \t]*%%[ \t]*(\S+)(.*)")

#: Cell magics whose body is Python run in the notebook.
_PYTHON_BODY = frozenset(
    {"capture", "time", "timeit", "prun", "python", "python3", "debug", "memit", "mprun"}
)
_SHELL_BODY = frozenset({"bash", "sh", "shell", "!", "system", "sx"})
_SHELL_LANGUAGES = frozenset({"shellscript", "bash", "shell", "sh"})

#: Line magics that run an installer or a shell.
_SHELL_MAGICS = ("pip", "conda", "mamba", "micromamba", "uv", "sx", "system")


class CellCode(NamedTuple):
    """A cell's Python, as long as its source, and its shell lines: of each, the range of every piece."""

    python: str
    shell: tuple[tuple[tuple[int, int], ...], ...]


def read_magics(text: str, language: str = "") -> CellCode:
    """Separate a cell's Python from everything else in it.

    ``language`` is what the file says the cell is written in; "" stands for Python.
    """
    if language and not language.startswith(("python", "ipython")):
        return CellCode(blank(text), _shell_body(text, 0) if language in _SHELL_LANGUAGES else ())
    start = 0
    while True:
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        line = text[start:line_end]
        magic = _CELL_MAGIC.match(line)
        if magic:
            name = magic[1]
            words = magic[2].split()
            if name in _SHELL_BODY or (
                name == "script" and words and words[0].rpartition("/")[2] in _SHELL_BODY
            ):
                return CellCode(blank(text), _shell_body(text, line_end))
            if name not in _PYTHON_BODY:
                return CellCode(blank(text), ())
            text = text[:start] + " " * len(line) + text[line_end:]
        elif line.strip() and not line.lstrip().startswith("#"):
            break
        if line_end >= len(text):
            break
        start = line_end + 1
    if not _SPECIAL.search(text) or _parses(text):
        return CellCode(text, ())
    return _blank_lines(text)


def blank(text: str) -> str:
    """Spaces of the same length, line ends kept."""
    return re.sub(r"[^\r\n]", " ", text)


def _parses(text: str) -> bool:
    """Whether the text is Python as it stands; ``%`` may begin a line inside brackets."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _blank_lines(text: str) -> CellCode:
    out: list[str] = []
    shell: list[tuple[tuple[int, int], ...]] = []
    at = 0
    while at < len(text):
        end = _line_end(text, at)
        match = _SPECIAL.match(text, at, end)
        if match is None:
            out.append(text[at:end])
            at = end
            continue
        before = match["before"] or ""
        mark = "?" if match["mark"] is None else match["mark"]
        pieces, end = _continued(text, at + len(before) + len(match["mark"] or ""), end)
        out.append(_stand_in(before, text[at + len(before) : end]))
        command = text[pieces[0][0] : pieces[0][1]]
        if mark.startswith("!") or (mark in ("%", "") and command.partition(" ")[0] in _SHELL_MAGICS):
            shell.append(pieces)
        at = end
    return CellCode("".join(out), tuple(shell))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _continued(text: str, start: int, end: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The pieces of a shell line and its backslash continuations, stripped, and where the rest starts."""
    pieces: list[tuple[int, int]] = []
    while True:
        piece = text[start:end].rstrip()
        more = piece.endswith("\\") and end < len(text)
        if more:
            piece = piece[:-1].rstrip()
        lead = len(piece) - len(piece.lstrip())
        if piece.strip() or not pieces:
            pieces.append((start + lead, start + len(piece)))
        if not more:
            return tuple(pieces), end
        start, end = end, _line_end(text, end)


def _stand_in(before: str, rest: str) -> str:
    """Python of the same length for a special line: a call that tells nothing, or a number."""
    blanks = blank(rest)
    width = len(rest.partition("\n")[0].rstrip("\r"))
    words = "_()" if before.strip() and width >= 3 else "0"
    return before + words + blanks[len(words) :]


def _shell_body(text: str, start: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The logical lines of a shell cell from an offset on, comments and empty ones left out."""
    lines: list[tuple[tuple[int, int], ...]] = []
    at = start
    while at < len(text):
        pieces, at = _continued(text, at, _line_end(text, at))
        words = text[pieces[0][0] : pieces[0][1]]
        if words and not words.startswith("#"):
            lines.append(pieces)
    return tuple(lines)
