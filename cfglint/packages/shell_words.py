"""Shell text to commands of words with offsets: enough of a shell to read install lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_CONTINUATION = re.compile(r"\\\r?\n")
_REDIRECTION = re.compile(r"[<>]+[&|]?")
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)([A-Za-z0-9_.]+)\1")
_BRACED = re.compile(r"\{[^{}\s]*\}")
_WORD_ENDS = " \t\r\n;&|()<>"


class Word(NamedTuple):
    """One word after quote removal.

    ``start`` and ``end`` enclose the value without quotes when it stands in the text as it is (``exact``),
    else the word as written. ``dynamic`` says that an expansion ($NAME, ``$(...)``, IPython's {name}) is part
    of it.
    """

    value: str
    start: int
    end: int
    exact: bool
    dynamic: bool


class Command(NamedTuple):
    """A simple command. ``glued`` holds redirections right behind a word (``pip install trl>=0.9``)."""

    words: tuple[Word, ...]
    glued: tuple[Word, ...]


def commands(text: str) -> Iterator[Command]:
    """The simple commands of a shell text in order; bodies of here-documents are passed over."""
    at, size = 0, len(text)
    words: list[Word] = []
    glued: list[Word] = []
    heredocs: list[str] = []
    while at < size:
        char = text[at]
        continuation = _CONTINUATION.match(text, at)
        if continuation is not None:
            at = continuation.end()
        elif char in " \t\r":
            at += 1
        elif char == "#":
            end = text.find("\n", at)
            at = size if end < 0 else end
        elif char in "\n;&|()" or (char in "{}" and text[at + 1 : at + 2].strip() == ""):
            if words:
                yield Command(tuple(words), tuple(glued))
                words, glued = [], []
            at += 1
            if char == "\n":
                at = _after_heredocs(text, at, heredocs)
        elif char in "<>":
            at = _redirection(text, at, words, glued, heredocs)
        else:
            word = _word(text, at)
            words.append(word[0])
            at = word[1]
    if words:
        yield Command(tuple(words), tuple(glued))


def _after_heredocs(text: str, at: int, heredocs: list[str]) -> int:
    while heredocs:
        end = re.compile(rf"^\t*{re.escape(heredocs.pop(0))}[ \t\r]*$", re.MULTILINE).search(text, at)
        at = len(text) if end is None else end.end()
    return at


def _redirection(text: str, at: int, words: list[Word], glued: list[Word], heredocs: list[str]) -> int:
    heredoc = _HEREDOC.match(text, at)
    if heredoc is not None and text[at + 2] != "<":
        heredocs.append(heredoc[2])
        return heredoc.end()
    operator = _REDIRECTION.match(text, at)
    end = operator.end() if operator else at + 1
    touches = bool(words) and words[-1].end == at
    if touches and words[-1].value.isdigit():
        words.pop()
        touches = False
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    if end < len(text) and text[end] not in _WORD_ENDS:
        target, end = _word(text, end)
        if touches:
            word = words[-1]
            glued.append(Word(text[word.start : end], word.start, end, True, word.dynamic or target.dynamic))
    return end


def _word(text: str, start: int) -> tuple[Word, int]:
    at, size = start, len(text)
    parts: list[str] = []
    dynamic = False
    while at < size and text[at] not in _WORD_ENDS:
        char = text[at]
        if char == "\\":
            continuation = _CONTINUATION.match(text, at)
            parts.append("" if continuation else text[at + 1 : at + 2])
            at = continuation.end() if continuation else at + 2
        elif char == "'":
            end = text.find("'", at + 1)
            end = size if end < 0 else end
            parts.append(text[at + 1 : end])
            at = end + 1
        elif char == '"':
            value, at, expands = _double_quoted(text, at + 1)
            parts.append(value)
            dynamic = dynamic or expands
        elif char in "$`":
            end = _expansion_end(text, at)
            parts.append(text[at:end])
            dynamic = dynamic or end > at + 1
            at = end
        else:
            parts.append(char)
            at += 1
    at = min(at, size)
    value = "".join(parts)
    dynamic = dynamic or _BRACED.search(value) is not None
    written = text[start:at]
    if written == value:
        return Word(value, start, at, True, dynamic), at
    if len(written) > 1 and written[1:-1] == value and written[0] == written[-1] and written[0] in "'\"":
        return Word(value, start + 1, at - 1, True, dynamic), at
    return Word(value, start, at, False, dynamic), at


def _double_quoted(text: str, at: int) -> tuple[str, int, bool]:
    parts: list[str] = []
    dynamic = False
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\", "$", "`"):
            parts.append(text[at + 1])
            at += 2
        elif text[at] in "$`":
            end = _expansion_end(text, at)
            parts.append(text[at:end])
            dynamic = dynamic or end > at + 1
            at = end
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts), at + 1, dynamic


def _expansion_end(text: str, at: int) -> int:
    """The offset after an expansion; a lone dollar sign is one character."""
    if text[at] == "`":
        end = text.find("`", at + 1)
        return len(text) if end < 0 else end + 1
    after = text[at + 1 : at + 2]
    if after in ("(", "{"):
        close = ")" if after == "(" else "}"
        depth = 0
        for index in range(at + 1, len(text)):
            depth += (text[index] == after) - (text[index] == close)
            if depth == 0:
                return index + 1
        return len(text)
    name = re.compile(r"\w+|[@*#?$!-]").match(text, at + 1)
    return name.end() if name else at + 1
