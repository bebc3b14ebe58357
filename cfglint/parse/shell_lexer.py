"""Shell text to words: quotes, expansions, operators, arrays, here-documents, with their places."""

from __future__ import annotations

import re
from typing import NamedTuple

#: Kinds of Part.
TEXT, VARIABLE, UNREAD = "text", "variable", "unread"

#: Kinds of Token.
WORD, OPERATOR, ARRAY, HEREDOC = "word", "operator", "array", "heredoc"

_PLAIN = re.compile(r"[^\s'\"\\$`|&;<>()]+")
_QUOTED_PLAIN = re.compile(r"[^\"\\$`]+")
_BLANK = re.compile(r"(?:[ \t\r\f\v]|\\\r?\n)+")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|;|\|&|\||&(?!>)|\(|\)|\n")
_REDIRECT = re.compile(r"\d*(?:<<<|<<-?|&>>?|>>|>&|<&|>\||<>|[<>](?!\())|\{\w+\}>")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PARAMETER = re.compile(
    r"\{(?P<name>[A-Za-z_]\w*|[@*#?$!0-9]+)(?P<all>\[[@*]\])?(?::?[-=](?P<default>.*))?\}", re.DOTALL
)
_ARRAY_START = re.compile(r"([A-Za-z_]\w*)(\+?)=\(")


class Part(NamedTuple):
    """A piece of a word. For a VARIABLE ``text`` is its name, ``default`` the text and place after ``:-``.

    ``quoted`` parts are not split into words; ``whole`` marks ``${X[@]}`` and ``$@``: every element a word.
    """

    kind: str
    text: str
    quoted: bool = False
    default: tuple[int, int] | None = None
    whole: bool = False


class Token(NamedTuple):
    """A word, operator, array assignment or here-document of the text from ``start`` to ``end``."""

    kind: str
    start: int
    end: int
    parts: tuple[Part, ...] = ()
    #: The operator's text, or the name (with "+" when appended to) of an array.
    name: str = ""
    #: The elements of an array.
    words: tuple[Token, ...] = ()

    @property
    def literal(self) -> str | None:
        """The word's text when nothing in it is expanded."""
        texts = []
        for part in self.parts:
            if part.kind != TEXT:
                return None
            texts.append(part.text)
        return "".join(texts)

    @property
    def quoted(self) -> bool:
        """Whether any piece stands in quotes."""
        return any(part.quoted for part in self.parts)


class _Heredoc(NamedTuple):
    delimiter: str
    dashed: bool


class Lexer:
    """Reads the tokens of one range of a text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self._at = start
        self._end = end
        self._pending: list[_Heredoc] = []

    def tokens(self, closing: str = "") -> list[Token]:
        """All tokens up to the end, or up to an unquoted ``closing`` parenthesis, which is consumed."""
        found: list[Token] = []
        while self._at < self._end:
            blank = _BLANK.match(self._text, self._at, self._end)
            if blank:
                self._at = blank.end()
                continue
            char = self._text[self._at]
            if char == "#":
                line_end = self._text.find("\n", self._at, self._end)
                self._at = self._end if line_end < 0 else line_end
                continue
            if closing and char == closing:
                self._at += 1
                break
            redirect = _REDIRECT.match(self._text, self._at, self._end)
            if redirect:
                self._redirect(redirect)
                continue
            operator = _OPERATOR.match(self._text, self._at, self._end)
            if operator:
                found.append(Token(OPERATOR, self._at, operator.end(), name=operator[0]))
                self._at = operator.end()
                if operator[0] == "\n" and self._pending:
                    found.extend(self._heredocs())
                continue
            array = None if closing else _ARRAY_START.match(self._text, self._at, self._end)
            if array:
                found.append(self._array(array))
                continue
            found.append(self._word())
        return found

    def _array(self, match: re.Match[str]) -> Token:
        start = self._at
        self._at = match.end()
        words = tuple(token for token in self.tokens(")") if token.kind == WORD)
        return Token(ARRAY, start, self._at, name=match[1] + match[2], words=words)

    def _redirect(self, match: re.Match[str]) -> None:
        """Skip a redirection and its target; remember a here-document, which starts after the line."""
        self._at = match.end()
        blank = _BLANK.match(self._text, self._at, self._end)
        if blank:
            self._at = blank.end()
        if self._at >= self._end or self._text[self._at] in "\n;|&()":
            return
        target = self._word()
        sign = match[0].lstrip("0123456789")
        if sign in ("<<", "<<-"):
            self._pending.append(_Heredoc(target.literal or "", sign == "<<-"))

    def _heredocs(self) -> list[Token]:
        found = []
        for heredoc in self._pending:
            start = at = self._at
            while at < self._end:
                line_end = self._text.find("\n", at, self._end)
                after = self._end if line_end < 0 else line_end + 1
                line = self._text[at:after].rstrip("\r\n")
                if (line.lstrip("\t") if heredoc.dashed else line) == heredoc.delimiter:
                    break
                at = after
            else:
                after = self._end
            found.append(Token(HEREDOC, start, at))
            self._at = after
        self._pending = []
        return found

    def _word(self) -> Token:
        start = self._at
        parts: list[Part] = []
        text = self._text
        while self._at < self._end:
            plain = _PLAIN.match(text, self._at, self._end)
            if plain:
                parts.append(Part(TEXT, plain[0]))
                self._at = plain.end()
                continue
            char = text[self._at]
            if char == "'":
                parts.append(Part(TEXT, self._single(), True))
            elif char == '"':
                parts.extend(self._double())
            elif char == "\\":
                self._escape(parts)
            elif char == "$" or char == "`":
                parts.append(self._expansion(False))
            elif char in "<>" and text.startswith("(", self._at + 1):
                parts.append(Part(UNREAD, self._bracketed(self._at + 1)))
            elif char == "(" and parts and parts[-1].text[-1:] in ("@", "?", "*", "+", "!"):
                parts.append(Part(UNREAD, self._bracketed(self._at)))
            else:
                break
        if self._at == start:
            # Nothing a word may begin with: take it as text rather than stand still.
            self._at += 1
            parts.append(Part(TEXT, text[start]))
        return Token(WORD, start, self._at, tuple(parts))

    def _single(self) -> str:
        close = self._text.find("'", self._at + 1, self._end)
        close = self._end if close < 0 else close
        value = self._text[self._at + 1 : close]
        self._at = min(close + 1, self._end)
        return value

    def _escape(self, parts: list[Part]) -> None:
        text = self._text
        after = self._at + 1
        if text.startswith("\r\n", after):
            self._at = after + 2
        elif text.startswith("\n", after):
            self._at = after + 1
        else:
            parts.append(Part(TEXT, text[after : after + 1], True))
            self._at = min(after + 1, self._end)

    def _double(self) -> list[Part]:
        text = self._text
        parts: list[Part] = []
        self._at += 1
        while self._at < self._end:
            plain = _QUOTED_PLAIN.match(text, self._at, self._end)
            if plain:
                parts.append(Part(TEXT, plain[0], True))
                self._at = plain.end()
                continue
            char = text[self._at]
            if char == '"':
                self._at += 1
                break
            if char == "\\":
                following = text[self._at + 1 : self._at + 2]
                if following and following in '"\\$`\n':
                    parts.append(Part(TEXT, "" if following == "\n" else following, True))
                    self._at += 2
                else:
                    parts.append(Part(TEXT, "\\", True))
                    self._at += 1
            else:
                parts.append(self._expansion(True))
        self._at = min(self._at, self._end)
        return parts or [Part(TEXT, "", True)]

    def _expansion(self, quoted: bool) -> Part:
        text, start = self._text, self._at
        if text[start] == "`":
            close = text.find("`", start + 1, self._end)
            self._at = self._end if close < 0 else close + 1
            return Part(UNREAD, text[start : self._at], quoted)
        following = text[start + 1 : start + 2]
        if following == "(":
            return Part(UNREAD, "$" + self._bracketed(start + 1), quoted)
        if following == "'" and not quoted:
            self._at += 1
            return Part(TEXT, self._single(), True)
        if following == '"' and not quoted:
            self._at += 1
            return Part(TEXT, "", True)
        if following == "{":
            inner = self._bracketed(start + 1, "{", "}")
            match = _PARAMETER.fullmatch(inner)
            if match is None:
                return Part(UNREAD, "$" + inner, quoted)
            default = None
            if match["default"] is not None:
                default = (start + 1 + match.start("default"), start + 1 + match.end("default"))
            whole = bool(match["all"]) or match["name"] in ("@", "*")
            return Part(VARIABLE, match["name"], quoted, default, whole)
        name = _NAME.match(text, start + 1, self._end)
        if name:
            self._at = name.end()
            return Part(VARIABLE, name[0], quoted)
        if following and following in "@*#?$!-0123456789":
            self._at = start + 2
            return Part(VARIABLE, following, quoted, whole=following in "@*")
        self._at = start + 1
        return Part(TEXT, "$", quoted)

    def _bracketed(self, start: int, opening: str = "(", closing: str = ")") -> str:
        """The text from an opening bracket to the one that closes it; the position moves past it."""
        text, at, depth = self._text, start, 0
        while at < self._end:
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "'" and opening == "(":
                close = text.find("'", at + 1, self._end)
                at = self._end if close < 0 else close
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if depth == 0:
                    at += 1
                    break
            at += 1
        self._at = min(at, self._end)
        return text[start : self._at]


def shell_tokens(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of a range of shell text; unfinished quotes and brackets end with the range."""
    return Lexer(text, start, len(text) if end is None else end).tokens()
