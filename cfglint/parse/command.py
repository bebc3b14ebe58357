"""The commands of a shell text that start training or install packages, with their flags."""

from __future__ import annotations

import re
from collections.abc import Sequence as Row
from typing import NamedTuple

from cfglint.parse.launchers import Launch, find_launches
from cfglint.parse.makefile import makefile_commands
from cfglint.parse.shell_commands import ALL_ARGUMENTS, Arg, ShellReader, SimpleCommand
from cfglint.parse.tree import Node, Opaque, Scalar, Sequence
from cfglint.source import Source, Span

_NUMBER = re.compile(r"-(?:\d|\.\d)[\d.eE+-]*")
_OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@-]*=")
_MAKEFILE = re.compile(r"(?:^|/)(?:GNU)?[Mm]akefile(?:\.\w+)?$|\.mk$")


#: Longer texts are data, not launch scripts (code points).
_SIZE_LIMIT = 400_000


class Flag(NamedTuple):
    """A flag and its value: ``name`` as written without leading dashes, ``value`` None when bare.

    Several words make a Sequence. Values are the text as typed without its quotes; no number is converted.
    """

    name: str
    value: Node | None
    span: Span


class Command(NamedTuple):
    """One launch or installation.

    ``launcher`` is "llamafactory-cli", "accelerate launch", "torchrun", "deepspeed", "swift", "trl",
    "axolotl", "tune", "python", "pip" …; ``subcommand`` what it is told to do ("train", "sft", "install");
    ``target`` the script, recipe or module that it runs, ``module`` tells ``-m module`` from a path.
    ``environment`` holds variables exported before and given in front. ``open`` says that ``"$@"`` or an
    expansion that could not be read may add arguments, or is one of them.
    """

    launcher: str
    launcher_flags: tuple[Flag, ...]
    subcommand: str
    target: Scalar | None
    arguments: tuple[Scalar, ...]
    flags: tuple[Flag, ...]
    environment: dict[str, Scalar]
    open: bool
    span: Span
    name_span: Span
    module: bool = False


def parse_commands(
    source: Source, text: str | None = None, offset: int = 0, offsets: Row[int] = ()
) -> tuple[Command, ...]:
    """The launches and installations of a shell script, a Makefile or a few lines of shell.

    ``text`` is the shell text when it is only a part of the source: it stands at ``offset``, or, where it was
    escaped or joined, at ``offsets`` (of each code point and of its end, as in ShellLine). Nothing raises:
    what is no shell, or far too long for a script, gives no commands.
    """
    shell = source.text if text is None else text
    if len(shell) > _SIZE_LIMIT:
        return ()
    if text is None and _MAKEFILE.search(source.path):
        commands = makefile_commands(shell)
    else:
        commands = ShellReader(shell, interpolated=bool(offsets)).read()
    place = _Place(shell, offset, offsets)
    found: list[Command] = []
    for simple in commands:
        found.extend(_command(launch, simple, place) for launch in find_launches(simple, shell))
    return tuple(found)


class _Place:
    """From ranges of the shell text to nodes in the source."""

    def __init__(self, text: str, offset: int, offsets: Row[int]) -> None:
        self._text = text
        self._offset = offset
        self._offsets = offsets

    def span(self, start: int, end: int) -> Span:
        if self._offsets:
            return Span(self._offsets[start], self._offsets[end])
        return Span(start + self._offset, end + self._offset)

    def written(self, arg: Arg) -> str:
        """The text of a word."""
        return self._text[arg.start : arg.end]

    def node(self, arg: Arg, value: str | None = None, skip: int = 0) -> Scalar | Opaque:
        """The node of a word, or of what follows its first ``skip`` code points."""
        start = min(arg.start + skip, arg.end)
        raw = self._text[start : arg.end]
        found = arg.value if value is None else value
        if found is None:
            return Opaque(raw, self.span(start, arg.end), arg.reason)
        return Scalar(found, raw, self.span(start, arg.end), arg.quoted, arg.weak, arg.note)


def _command(launch: Launch, simple: SimpleCommand, place: _Place) -> Command:
    launcher_flags, before, is_open = _flags(launch.launcher_args, launch.launcher_bare, place)
    flags, arguments, more = _flags(launch.args, launch.bare, place)
    target = place.node(launch.target) if launch.target is not None else None
    environment: dict[str, Scalar] = {}
    for name, arg in simple.environment.items():
        node = place.node(arg)
        if isinstance(node, Scalar):
            environment[name] = node
    for arg in launch.environment:
        name, _, value = (arg.value or "").partition("=")
        given = place.node(arg, value, 0 if arg.quoted else len(name) + 1)
        if isinstance(given, Scalar):
            environment[name] = given
    return Command(
        launch.launcher,
        launcher_flags,
        launch.subcommand,
        target if isinstance(target, Scalar) else None,
        before + arguments,
        flags,
        environment,
        is_open or more or isinstance(target, Opaque),
        place.span(simple.start, simple.end),
        place.span(*launch.name),
        launch.module,
    )


def _flags(
    args: Row[Arg], bare: frozenset[str] | None, place: _Place
) -> tuple[tuple[Flag, ...], tuple[Scalar, ...], bool]:
    """Flags, positional arguments, and whether an unread expansion may hold more of both.

    ``bare`` names the flags that take no value; without it every word up to the next flag is a value.
    """
    flags: list[Flag] = []
    arguments: list[Scalar] = []
    is_open = False
    at = 0
    while at < len(args):
        arg = args[at]
        at += 1
        if arg.value is None:
            is_open = True
            continue
        if not _is_flag(arg):
            node = place.node(arg)
            if isinstance(node, Scalar):
                arguments.append(node)
            continue
        name, equals, given = arg.value.partition("=")
        dashes = len(name) - len(name.lstrip("-"))
        name = name[dashes:]
        if not name:
            continue
        if equals:
            written = place.node(arg, given, len(arg.value) - len(given) if not arg.quoted else 0)
            flags.append(Flag(name, written, place.span(arg.start, arg.end)))
            continue
        values: list[Arg] = []
        while at < len(args) and not (bare is not None and (name in bare or values)):
            following = args[at]
            if _is_flag(following) or (values and following.many):
                break
            if values and _OVERRIDE.match(following.value or place.written(following)):
                break
            if following.value is None and following.many and following.reason == ALL_ARGUMENTS:
                break
            values.append(following)
            at += 1
        flags.append(_flag(name, arg, values, place))
    return tuple(flags), tuple(arguments), is_open


def _is_flag(arg: Arg) -> bool:
    value = arg.value
    return value is not None and value.startswith("-") and len(value) > 1 and not _NUMBER.fullmatch(value)


def _flag(name: str, arg: Arg, values: list[Arg], place: _Place) -> Flag:
    own = place.span(arg.start, arg.end)
    if not values:
        return Flag(name, None, own)
    nodes = tuple(place.node(value) for value in values)
    span = Span(own.start, nodes[-1].span.end) if nodes[-1].span.end > own.end else own
    if len(nodes) == 1:
        return Flag(name, nodes[0], span)
    return Flag(name, Sequence(nodes, Span(nodes[0].span.start, nodes[-1].span.end)), span)
