"""Texts that the loader of a file, or a call, leaves as they are where a number or a bool is meant.

Coded, because the types come from the tables of each release, for every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, readers
from cfglint.checks.tabled_values import declared, kinds
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Scalar
from cfglint.resolve.read import TRUSTING, loaded
from cfglint.source import Span

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

_PLAIN = frozenset(("bool", "int", "float", "none"))
#: rules/precision/quoted-precision-flag says more about these.
_SAID_ELSEWHERE = frozenset(("bf16", "fp16"))
_FALSE = frozenset(("false", "no", "off", "0", ""))


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each scalar of a type that the setting does not take."""
    for reader in readers(run):
        if reader.loader not in TRUSTING:
            continue
        for entry in reader.entries:
            value = entry.value
            if (
                isinstance(value, Scalar)
                and value.value is not None
                and not value.weak
                and str(entry.key.value) not in _SAID_ELSEWHERE
            ):
                match = _judge(run, reader, entry, value)
                if match is not None:
                    yield match


def _judge(run: Run, reader: Reader, entry: Entry, value: Scalar) -> Match | None:
    if not isinstance(value.value, str):
        return None
    found = declared(run, reader, str(entry.key.value))
    if found is None:
        return None
    taken = kinds(found.row)
    if not taken <= _PLAIN:
        return None
    kind = "float" if "float" in taken else "int" if "int" in taken else "bool"
    made = loaded(value.value, value.quoted, kind, reader.loader)
    if not isinstance(made, str):
        return None
    return Match(
        Place(reader.source, entry.span),
        *_text_words(f"{reader.path}{entry.key.value}", made, kind, value),
        packages=(found.library,) if found.library in run.packages else (),
        edit=unquoted(value, made, kind),
    )


def _text_words(name: str, text: str, kind: str, value: Scalar) -> tuple[str, str]:
    if kind == "bool":
        on = "so it is on" if text.lower() in _FALSE - {""} else "so this is on only by chance"
        return (
            f"{name} gets the text {text!r}: nobody turns it into a bool, and a text that is not empty counts as true, {on}",
            f"write {_bool(text)} without quotes",
        )
    if value.quoted:
        return (
            f"{name} gets the text {text!r} instead of a number: the first sum or comparison with it raises TypeError",
            f"write {text} without quotes",
        )
    return (
        f"{name} stays the text {text!r}: YAML 1.1 reads a number with an exponent only with a dot in it, and this loader does not convert",
        f"write {_dotted(text)}",
    )


def _bool(text: str) -> str:
    return "false" if text.lower() in _FALSE else "true"


def _dotted(text: str) -> str:
    """A float as YAML 1.1 reads it: 1e-5 is 1.0e-5 there."""
    head, mark, exponent = text.lower().partition("e")
    if not mark or not exponent:
        return text
    return f"{head if '.' in head else head + '.0'}e{exponent if exponent[0] in '+-' else '+' + exponent}"


def unquoted(value: Scalar, text: str, kind: str) -> tuple[Span, str] | None:
    """The edit that writes what was meant, where that is plain."""
    if kind == "bool":
        known = text.lower() in ("true", "false")
        python = value.raw[:1] in "'\"" and value.raw[1:2].isupper()
        return (value.span, text.capitalize() if python else text.lower()) if known else None
    try:
        float(text)
    except ValueError:
        return None
    return value.span, text if value.quoted and "e" not in text.lower() else _dotted(text)
