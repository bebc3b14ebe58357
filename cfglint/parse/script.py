"""What a Python script or notebook says about a run: its imports, calls, attribute settings and pip lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cfglint.parse.tree import Node, Opaque
from cfglint.source import Span


class Argument(NamedTuple):
    """One argument of a call; ``name`` is "" for a positional one, ``span`` covers ``name=value``."""

    name: str
    value: Node
    span: Span


class Call(NamedTuple):
    """One call in the order of the text.

    ``callee`` is the dotted name with imports resolved (``transformers.TrainingArguments``,
    ``peft.PeftModel.from_pretrained``); a method on a value keeps the variable's dotted text, with a leading "*." when
    the receiver is not an imported name (``*.train``, ``*.save_pretrained``, ``*.resize_token_embeddings``).
    ``receiver`` is the receiver's text ("model", "tokenizer", ""). ``target`` is the variable that the result is
    assigned to ("" when none; ``model`` for ``model, tokenizer = f()``: the first). ``name_span`` covers the callee's
    text, ``span`` the whole call. ``unread`` holds the ``**kwargs`` and ``*args`` that may add further arguments. ``scope`` is the dotted name of the enclosing function or class ("" at module level), ``branch`` tells
    apart the if/else/try/loop bodies it stands in ((), or a tuple of integers; equal tuples run together).
    """

    callee: str
    receiver: str
    target: str
    arguments: tuple[Argument, ...]
    name_span: Span
    span: Span
    unread: tuple[Opaque, ...]
    scope: str
    branch: tuple[int, ...]

    @property
    def open(self) -> bool:
        """Whether there may be arguments that were not read."""
        return bool(self.unread)

    def named(self, positional: Sequence[str]) -> Iterator[tuple[str, Argument]]:
        """The arguments with their names, positional ones by the callee's parameter names as far as they are known."""
        index = 0
        for argument in self.arguments:
            if argument.name:
                yield argument.name, argument
            else:
                if index < len(positional):
                    yield positional[index], argument
                index += 1

    def argument(self, name: str, position: int | None = None) -> Argument | None:
        """The argument of a name, else the positional one at an index."""
        for argument in self.arguments:
            if argument.name == name:
                return argument
        if position is not None:
            positional = [argument for argument in self.arguments if not argument.name]
            if position < len(positional):
                return positional[position]
        return None


class Setting(NamedTuple):
    """An attribute or item assignment, such as ``tokenizer.pad_token = tokenizer.eos_token``.

    ``target`` is the dotted text on the left (``tokenizer.pad_token``, ``model.config.use_cache``); ``text`` is the
    source text on the right; ``span`` covers the statement.
    """

    target: str
    value: Node
    text: str
    span: Span
    scope: str
    branch: tuple[int, ...]


class Definition(NamedTuple):
    """A class or function that the script defines: its dotted name, the resolved names of its bases, its span."""

    name: str
    bases: tuple[str, ...]
    span: Span


class ShellLine(NamedTuple):
    """A ``!command`` or ``%pip`` line of a notebook, continuation lines joined; ``span`` covers its text.

    ``text`` comes without the mark (``pip install trl``). ``offsets`` holds, where the text does not stand in the file
    as it is, the file offset of each of its code points and of its end.
    """

    text: str
    span: Span
    offsets: tuple[int, ...] = ()


class Script(NamedTuple):
    """A parsed script or notebook.

    ``imports`` maps local names to dotted names; ``local_imports`` lists modules imported relatively or that are no
    known distribution (they may hide calls). ``parses_arguments`` says that the script fills dataclasses or options
    from a command line or file (HfArgumentParser, TrlParser, argparse …).
    """

    calls: tuple[Call, ...]
    settings: tuple[Setting, ...]
    definitions: tuple[Definition, ...]
    imports: dict[str, str]
    local_imports: tuple[str, ...]
    shell_lines: tuple[ShellLine, ...]
    parses_arguments: bool
