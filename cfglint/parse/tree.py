"""The tree that every parser produces: values with their spans, raw text kept beside every value."""

from __future__ import annotations

from typing import NamedTuple, Union

from cfglint.source import Span


class Scalar(NamedTuple):
    """A value that stands in the text.

    ``value`` is a bool, int, float, str or None as the plainest reader of the format gives it (PyYAML's safe loader,
    ``json.loads``, ``ast.literal_eval``; ``torch.bfloat16`` is the string "bfloat16"); ``raw`` is the source text.
    ``quoted`` tells ``"true"`` from ``true``. ``weak`` marks a value that only stands in as a default and that a
    command line may replace (an argparse, dataclass or signature default); ``note`` says how it was found.
    """

    value: object
    raw: str
    span: Span
    quoted: bool = False
    weak: bool = False
    note: str = ""


class FilePart(NamedTuple):
    """A value that a script takes out of a file of data: the keys that lead to it, from the file's root.

    ``path`` is as the script writes it, "" where only the command line tells it; ``weak`` marks a path that the command
    line may replace. ``loader`` is "yaml", "json" or "omegaconf". ``convert`` names what the script passes the value
    through ("float"), ``default`` is what it takes where the last key is missing.
    """

    path: str
    loader: str
    keys: tuple[str | int, ...] = ()
    weak: bool = False
    convert: str = ""
    default: Node | None = None

    def part(self, key: str | int, default: Node | None = None) -> FilePart:
        """The value behind one more key."""
        return self._replace(keys=(*self.keys, key), default=default)


class Opaque(NamedTuple):
    """A value that is there but not static: an expression, an interpolation, an environment variable.

    ``origin`` tells where in another file it stands, if it can be looked up there.
    """

    text: str
    span: Span
    reason: str
    origin: FilePart | None = None


class Sequence(NamedTuple):
    """A list or tuple."""

    items: tuple[Node, ...]
    span: Span


class Entry(NamedTuple):
    """One key and its value; ``span`` covers both."""

    key: Scalar
    value: Node

    @property
    def span(self) -> Span:
        """From the key's first to the value's last code point."""
        return Span(self.key.span.start, max(self.key.span.end, self.value.span.end))


class Mapping(NamedTuple):
    """Keys and values in the order of the text, duplicates kept; ``open`` says that unread keys may be merged in."""

    entries: tuple[Entry, ...]
    span: Span
    open: bool = False

    def get(self, key: str) -> Entry | None:
        """The entry that wins for a key: the last one, as in every loader that accepts duplicates."""
        found = None
        for entry in self.entries:
            if entry.key.value == key:
                found = entry
        return found


Node = Union[Scalar, Opaque, Sequence, Mapping]


class ParseError(Exception):
    """A text does not follow its format. ``offset`` is the code point where that shows."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def plain(node: Node) -> object:
    """A node as plain Python data; an Opaque part becomes None."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {str(entry.key.value): plain(entry.value) for entry in node.entries}
    return None
