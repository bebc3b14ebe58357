"""Simple commands of a shell script in order, variables in them replaced as far as the script tells."""

from __future__ import annotations

import re
from typing import NamedTuple

from cfglint.parse.shell_arithmetic import whole_number
from cfglint.parse.shell_lexer import (
    ARRAY,
    HEREDOC,
    OPERATOR,
    TEXT,
    UNREAD,
    VARIABLE,
    WORD,
    Part,
    Token,
    shell_tokens,
)

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_OPENS = frozenset({"if", "while", "until", "for", "select", "case", "{"})
_CLOSES = frozenset({"fi", "done", "esac", "}"})
_SKIPPED = frozenset({"then", "else", "elif", "do", "!", "time", "coproc"})
_DECLARES = frozenset({"export", "local", "declare", "typeset", "readonly"})
#: Why ``"$@"`` is not static: it is any number of words.
ALL_ARGUMENTS = "all arguments of the script"
BRANCHED = "assigned in a branch"

_TESTS = frozenset({"[", "[[", "test", "command", "which", "type", "hash"})
_SUM = re.compile(r"\$\(\(([\w\s$+*/%(){}-]{1,200})\)\)")

#: ``$(dirname "$0")``, ``$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)``, ``$(pwd)``: the script's folder.
_HERE = re.compile(r"BASH_SOURCE|\$0|^\$\(pwd\)$")
_WORD_NAMES = re.compile(r"[A-Za-z_]{2,}")
_PATH_WORDS = frozenset({"dirname", "cd", "pwd", "BASH_SOURCE", "realpath", "readlink", "dev", "null"})

#: Expansions within expansions, and words that all of one command's variables may make.
_DEPTH, _WORD_LIMIT = 8, 20_000


class Arg(NamedTuple):
    """One word of a command after expansion; ``value`` is None where it is not static, ``reason`` says why.

    ``start`` and ``end`` are where it stands in the text: the use of a variable, or the words inside the
    value of a variable that holds several. ``many`` marks an unread expansion: any number of words.
    """

    value: str | None
    start: int
    end: int
    quoted: bool = False
    weak: bool = False
    note: str = ""
    reason: str = ""
    many: bool = False


class Variable(NamedTuple):
    """What a variable holds: one value or an array's words; ``inside``: where a quoted value stands."""

    args: tuple[Arg, ...]
    is_array: bool = False
    inside: tuple[int, int] | None = None
    exported: bool = False


class SimpleCommand(NamedTuple):
    """A command's words without its assignments, and the variables given to it or exported before."""

    args: tuple[Arg, ...]
    environment: dict[str, Arg]
    start: int
    end: int


class _Block(NamedTuple):
    kind: str
    assigned: set[str]


class ShellReader:
    """Goes through a script once, top to bottom; a loop's and a function's body count once."""

    def __init__(
        self, text: str, variables: dict[str, Variable] | None = None, interpolated: bool = False
    ) -> None:
        self.commands: list[SimpleCommand] = []
        self._text = text
        self._variables: dict[str, Variable] = dict(variables or {})
        #: Notebook lines: ``{name}`` is Python's.
        self._interpolated = interpolated
        self._blocks: list[_Block] = []
        self._left = _WORD_LIMIT
        #: Exported variables; replaced, never changed, since commands hold on to it.
        self._environment: dict[str, Arg] = {}

    def read(self, start: int = 0, end: int | None = None) -> list[SimpleCommand]:
        """The commands of a range of the text."""
        tokens = shell_tokens(self._text, start, end)
        words: list[Token] = []
        conditional = False
        for index, token in enumerate(tokens):
            if token.kind == HEREDOC:
                continue
            if token.kind != OPERATOR:
                words.append(token)
                continue
            if token.name == "(" and len(words) == 1 and _closes(tokens[index + 1 : index + 2]):
                continue
            if token.name == ")" and self._is_function_head(tokens, index):
                self._blocks.append(_Block("function", set()))
                words = []
                continue
            if token.name == ")" and words and self._is_pattern(words):
                words = []
                self._next_arm()
                continue
            first = words[0].literal if words else None
            self._simple(words, conditional, tokens, index)
            conditional = token.name in ("&&", "||") and (first in _TESTS or (conditional and first is None))
            words = []
        self._simple(words, conditional, tokens, len(tokens))
        return self.commands

    def _is_function_head(self, tokens: list[Token], index: int) -> bool:
        return (
            index >= 2
            and tokens[index - 1].name == "("
            and tokens[index - 2].kind == WORD
            and (tokens[index - 1].start <= tokens[index - 2].end + 1)
        )

    def _is_pattern(self, words: list[Token]) -> bool:
        """Whether the words before a ``)`` are a pattern of a ``case``; the first may stand on its line."""
        if words[0].literal == "case":
            self._blocks.append(_Block("case", set()))
        return bool(self._blocks) and self._blocks[-1].kind == "case"

    def _simple(self, words: list[Token], conditional: bool, tokens: list[Token], index: int) -> None:
        """Take one command's words: keywords, then assignments, then the command."""
        at = 0
        while at < len(words):
            word = words[at].literal if words[at].kind == WORD and not words[at].quoted else None
            if word in _OPENS:
                if word == "{" and self._blocks and self._blocks[-1].kind == "function":
                    self._blocks[-1] = self._blocks[-1]._replace(kind="body")
                else:
                    self._blocks.append(_Block(word, set()))
                    if word in ("for", "while", "until", "select"):
                        self._enter_loop(tokens, index)
                if word in ("for", "select", "case"):
                    self._head(word, words[at + 1 :])
                    return
            elif word in _CLOSES:
                self._leave()
            elif word == "function" and at + 1 < len(words):
                self._blocks.append(_Block("function", set()))
                at += 1
            elif word not in _SKIPPED:
                break
            elif word in ("else", "elif"):
                self._next_arm()
            at += 1
        rest = words[at:]
        given: dict[str, Variable] = {}
        while rest and (rest[0].kind == ARRAY or self._assignment(rest[0])):
            name, variable = self._assigned(rest.pop(0))
            given[name] = variable
        if not rest:
            for name, variable in given.items():
                self._set(name, variable, conditional)
            return
        name = rest[0].literal or ""
        if name in _DECLARES or (name == "read" and len(rest) > 1):
            self._declare(name, rest[1:], conditional, tokens, index)
            return
        args = self._expanded(rest)
        environment = self._environment
        if given:
            environment = environment | {key: held.args[0] for key, held in given.items() if held.args}
        self.commands.append(SimpleCommand(tuple(args), environment, words[at].start, rest[-1].end))

    def _head(self, word: str, words: list[Token]) -> None:
        """``for NAME in …``: the name's values are the loop's."""
        if word != "case" and words and words[0].literal:
            name = words[0].literal
            unread = Arg(None, words[0].start, words[0].end, reason="loop variable")
            self._variables[name] = Variable((unread,))
            self._blocks[-1].assigned.add(name)

    def _enter_loop(self, tokens: list[Token], index: int) -> None:
        """A variable that the body assigns has no one value when the body starts."""
        if len(self._blocks) > _DEPTH:
            return
        depth = 0
        for position in range(index, len(tokens)):
            token = tokens[position]
            word = token.literal if token.kind == WORD else None
            depth += word == "do"
            if word == "done":
                depth -= 1
                if depth <= 0:
                    return
            name = token.name.rstrip("+") if token.kind == ARRAY else self._assignment(token)
            if name and name in self._variables:
                self._forget(name, "assigned in a loop")

    def _next_arm(self) -> None:
        """What one arm of a branch assigned is not certain in the next, nor after the last."""
        if self._blocks:
            for name in self._blocks[-1].assigned:
                self._forget(name, BRANCHED)
            self._blocks[-1].assigned.clear()

    def _leave(self) -> None:
        if not self._blocks:
            return
        if self._blocks[-1].kind != "{":
            self._next_arm()
        block = self._blocks.pop()
        if self._blocks:
            self._blocks[-1].assigned.update(block.assigned)

    def _forget(self, name: str, reason: str) -> None:
        held = self._variables.get(name)
        place = held.args[0] if held and held.args else Arg(None, 0, 0)
        unread = Arg(None, place.start, place.end, reason=reason, many=bool(held and held.is_array))
        self._store(name, Variable((unread,), exported=bool(held and held.exported)))

    def _store(self, name: str, variable: Variable) -> None:
        self._variables[name] = variable
        if variable.exported and variable.args:
            self._environment = self._environment | {name: variable.args[0]}

    def _set(self, name: str, variable: Variable, conditional: bool) -> None:
        held = self._variables.get(name)
        if held is not None and held.exported:
            variable = variable._replace(exported=True)
        self._store(name, variable)
        if conditional:
            self._forget(name, BRANCHED)
        if self._blocks:
            self._blocks[-1].assigned.add(name)

    def _declare(
        self, command: str, words: list[Token], conditional: bool, tokens: list[Token], index: int
    ) -> None:
        if command == "read":
            body = next((token for token in tokens[index : index + 3] if token.kind == HEREDOC), None)
            names = [word.literal for word in words if word.literal and not word.literal.startswith("-")]
            if names and names[-1]:
                unread = Arg(None, words[0].start, words[-1].end, reason="read from input", many=True)
                inside = (body.start, body.end) if body else None
                value = Variable((unread,), inside=inside)
                self._set(names[-1], value, conditional)
            return
        for word in words:
            if word.kind == ARRAY or self._assignment(word):
                name, variable = self._assigned(word)
                self._set(name, variable._replace(exported=command == "export"), conditional)
            elif command == "export" and word.literal in self._variables:
                name = word.literal or ""
                self._store(name, self._variables[name]._replace(exported=True))

    def _assignment(self, token: Token) -> str:
        """The name that a word assigns, "" when it is none."""
        if token.kind != WORD or not token.parts or token.parts[0].kind != TEXT or token.parts[0].quoted:
            return ""
        match = _ASSIGNMENT.match(token.parts[0].text)
        return match[1] if match else ""

    def _assigned(self, token: Token) -> tuple[str, Variable]:
        if token.kind == ARRAY:
            name = token.name.rstrip("+")
            args = tuple(self._expanded(list(token.words)))
            if token.name.endswith("+"):
                held = self._variables.get(name)
                if held is None:
                    args = (Arg(None, token.start, token.end, reason="undefined variable", many=True), *args)
                else:
                    args = held.args + args
            return name, Variable(args, is_array=True)
        match = _ASSIGNMENT.match(token.parts[0].text)
        assert match is not None
        first = token.parts[0]._replace(text=token.parts[0].text[match.end() :])
        parts = (first, *token.parts[1:]) if first.text else token.parts[1:]
        start = token.start + match.end()
        arg = self._joined(parts, start, token.end, token.quoted, 0)
        if match[2]:
            return match[1], Variable((Arg(None, start, token.end, reason="appended to", many=True),))
        inside = None
        if parts and all(part.quoted for part in parts) and self._text[start : start + 1] in ("'", '"'):
            inside = (start + 1, token.end - 1)
        return match[1], Variable((arg,), inside=inside)

    # Expansion.

    def _expanded(self, words: list[Token], depth: int = 0) -> list[Arg]:
        """The words of a command after expansion and word splitting."""
        found: list[Arg] = []
        for word in words:
            if word.kind != WORD:
                continue
            only = word.parts[0] if len(word.parts) == 1 else None
            if only is not None and only.kind == VARIABLE and depth < _DEPTH:
                split = self._split(word, only, depth)
                if split is not None:
                    found.extend(split)
                    continue
            found.append(self._joined(word.parts, word.start, word.end, word.quoted, depth))
        return found

    def _split(self, word: Token, part: Part, depth: int) -> list[Arg] | None:
        """The words that a variable alone in a word stands for; None where it is one value."""
        held = self._variables.get(part.text)
        if self._left < 0:
            return [Arg(None, word.start, word.end, reason="too long to read", many=True)]
        if part.whole:
            if held is not None and held.is_array:
                self._left -= len(held.args)
                return list(held.args)
            reason = ALL_ARGUMENTS if part.text in ("@", "*") else "undefined variable"
            return [Arg(None, word.start, word.end, reason=reason, many=True)]
        if held is None or part.quoted or held.inside is None:
            return None
        start, end = held.inside
        if held.args[0].value is not None and len(self._text[start:end].split(None, 1)) < 2:
            return None
        tokens = [token for token in shell_tokens(self._text, start, end) if token.kind == WORD]
        self._left -= len(tokens)
        return self._expanded(tokens, depth + 1)

    def _joined(self, parts: tuple[Part, ...], start: int, end: int, quoted: bool, depth: int) -> Arg:
        """One word of several pieces."""
        texts: list[str] = []
        weak, notes = False, []
        for part in parts:
            if part.kind == TEXT:
                if self._interpolated and "{" in part.text:
                    return Arg(None, start, end, quoted, reason="a Python value of the notebook")
                texts.append(part.text)
                continue
            found = self._value(part, start, end, depth) if depth < _DEPTH else Arg(None, start, end)
            if found.value is None:
                many = len(parts) == 1 and not part.quoted and part.kind == VARIABLE
                return Arg(None, start, end, quoted, reason=found.reason or "nested too deeply", many=many)
            texts.append(found.value)
            weak = weak or found.weak
            if found.note:
                notes.append(found.note)
        value = "".join(texts)
        if len(value) > _WORD_LIMIT:
            return Arg(None, start, end, quoted, reason="too long to read")
        return Arg(value, start, end, quoted, weak, ", ".join(dict.fromkeys(notes)))

    def _value(self, part: Part, start: int, end: int, depth: int) -> Arg:
        if part.kind == UNREAD:
            if _HERE.search(part.text) and _PATH_WORDS.issuperset(_WORD_NAMES.findall(part.text)):
                return Arg(".", start, end, note="the script's folder")
            return self._sum(part.text, start, end) or Arg(None, start, end, reason="command substitution")
        held = self._variables.get(part.text)
        if held is not None and len(held.args) == 1 and held.args[0].value is not None:
            arg = held.args[0]
            written = self._text[arg.start : arg.end]
            note = f"{part.text}={written} on line {self._text.count(chr(10), 0, arg.start) + 1}"
            return arg._replace(note=f"{note}, {arg.note}" if arg.note else note)
        if part.default is not None and held is None:
            first, last = part.default
            words = [token for token in shell_tokens(self._text, first, last) if token.kind == WORD]
            if len(words) != 1:
                written = self._text[first:last].strip("'\"")
                return Arg(written, start, end, weak=True, note=f"default of {part.text}")
            inner = self._joined(words[0].parts, words[0].start, words[0].end, words[0].quoted, depth + 1)
            return inner._replace(weak=True, note=f"default of {part.text}")
        if held is not None and held.args:
            return Arg(None, start, end, reason=held.args[0].reason or "an array")
        known = part.text[:1].isalpha() or part.text[:1] == "_"
        return Arg(None, start, end, reason="environment variable" if known else "argument of the script")

    def _sum(self, text: str, start: int, end: int) -> Arg | None:
        """``$((A * 2))`` of whole numbers."""
        match = _SUM.fullmatch(text)
        if match is None:
            return None
        weak, pieces = False, []
        for piece in re.findall(r"\$?\{?[A-Za-z_]\w*\}?|\d+|[-+*/%()]", match[1]):
            name = piece.strip("${}")
            if name[:1].isalpha() or name[:1] == "_":
                held = self._variables.get(name)
                value = held.args[0].value if held and len(held.args) == 1 else None
                if held is None or value is None or not value.isdigit():
                    return None
                weak = weak or held.args[0].weak
                pieces.append(value)
            else:
                pieces.append(piece)
        result = whole_number(pieces)
        return None if result is None else Arg(str(result), start, end, weak=weak, note=f"{text} is {result}")


def _closes(tokens: list[Token]) -> bool:
    return any(token.kind == OPERATOR and token.name == ")" for token in tokens)
