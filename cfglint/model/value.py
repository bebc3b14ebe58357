"""What the files say about one field: Known, Unset or Unknown, with where it was said."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.source import Source, Span

KNOWN, UNSET, UNKNOWN = 1, 0, -1


class Place(NamedTuple):
    """The smallest text that carries a fact."""

    source: Source
    span: Span


class Value(NamedTuple):
    """One field's value with its provenance.

    ``state`` is KNOWN, UNSET or UNKNOWN. ``origin`` names where a known value comes from ("file", "default",
    "derived", "linked", "target", "command") or why it is unknown. ``raw`` is the text as written, ``value_span``
    covers the value alone (``place`` covers key and value), ``key`` is the key as the dialect spells it. ``weak``
    marks a default that a command line may replace.
    """

    state: int
    value: object = None
    place: Place | None = None
    origin: str = ""
    raw: str = ""
    value_span: Span | None = None
    key: str = ""
    weak: bool = False

    @property
    def known(self) -> bool:
        """Whether the value is known."""
        return self.state == KNOWN


NOT_SET = Value(UNSET, origin="not set in the files read")


def unknown(reason: str, place: Place | None = None, key: str = "", raw: str = "") -> Value:
    """A value that is, or may be, there but cannot be read statically."""
    return Value(UNKNOWN, None, place, reason, raw, None, key)
