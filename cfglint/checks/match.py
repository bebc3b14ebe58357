"""What a coded check returns: one place with what was found there."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.model.value import Place
from cfglint.source import Span


class Match(NamedTuple):
    """One place where a check holds.

    ``what`` fills {what} in the rule's message, ``instead`` fills {instead} in the message and the fix's title.
    ``related`` are further places with labels. ``severity`` overrides the rule's own (a row of a table may be milder).
    ``edit`` replaces a span of the place's source by a text. ``packages`` names the packages whose versions decided.
    """

    place: Place
    what: str
    instead: str = ""
    related: tuple[tuple[Place, str], ...] = ()
    severity: str = ""
    edit: tuple[Span, str] | None = None
    packages: tuple[str, ...] = ()
