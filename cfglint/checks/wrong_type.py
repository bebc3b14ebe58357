"""Values that the loader of a file, or a call, leaves in a type that the setting cannot be.

Coded, because the types come from the tables of each release, for every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, readers
from cfglint.checks.seen_releases import pinned
from cfglint.checks.tabled_values import declared, kinds
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Scalar
from cfglint.resolve.read import loaded
from cfglint.source import Span

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

#: Loaders that hand a text on as it is, so that nobody turns it into the number or bool that is meant.
_TRUSTING = frozenset(("omegaconf", "hf", "python"))
_PLAIN = frozenset(("bool", "int", "float", "none"))
#: rules/precision/quoted-precision-flag says more about these.
_SAID_ELSEWHERE = frozenset(("bf16", "fp16"))
_FALSE = frozenset(("false", "no", "off", "0", ""))
_YAML_BOOLS = frozenset(("no", "off", "yes", "on", "n", "y"))
#: What pydantic takes for a bool.
_BOOL_TEXTS = frozenset(("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n"))


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each scalar of a type that the setting does not take."""
    for reader in readers(run):
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
    text, trusting, pydantic = (
        isinstance(value.value, str),
        reader.loader in _TRUSTING,
        reader.loader == "pydantic",
    )
    unquoted_bool = isinstance(value.value, bool) and value.raw.lower() in _YAML_BOOLS
    if not (text and trusting) and not unquoted_bool and not pydantic:
        return None
    found = declared(run, reader, str(entry.key.value))
    if found is None:
        return None
    taken = kinds(found.row)
    if "other" in taken:
        return None
    name = f"{reader.path}{entry.key.value}"
    place = Place(reader.source, entry.span)
    packages = (found.library,) if found.library in run.packages else ()
    if (
        unquoted_bool
        and "choice" in taken
        and "bool" not in taken
        and value.raw.lower() in map(str, found.row.get("choices", ()))
    ):
        raw = value.raw
        what = f"{raw} without quotes is the bool {value.value} in YAML, and {name} knows only {_listed(found.row['choices'])}"
        severity = "warning" if reader.loader == "any" else "error"
        return Match(
            place,
            what,
            f'write "{raw.lower()}" in quotes',
            severity=severity,
            edit=(value.span, f'"{raw.lower()}"'),
            packages=packages,
        )
    if text and trusting and taken <= _PLAIN:
        kind = "float" if "float" in taken else "int" if "int" in taken else "bool"
        made = loaded(value.value, value.quoted, kind, reader.loader)
        if isinstance(made, str):
            return Match(
                place,
                *_text_words(name, made, kind, value),
                packages=packages,
                edit=_unquoted(value, made, kind),
            )
    if pydantic and not _pydantic_takes(value, taken):
        shown = f"the text {value.value!r}" if text else f"{value.raw}"
        what = f"{name} is {found.row['type']} in {reader.name} {found.release}, and {shown} cannot be read as that: the file is refused"
        severity = "" if pinned(run, found.library) else "warning"
        return Match(place, what, f"give {name} a value of its type", severity=severity, packages=packages)
    return None


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


def _unquoted(value: Scalar, text: str, kind: str) -> tuple[Span, str] | None:
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


def _pydantic_takes(value: Scalar, taken: frozenset[str]) -> bool:
    """Whether pydantic's lax mode reads a scalar as one of the kinds; True where that cannot be told."""
    if "choice" in taken or "other" in taken:
        return True
    found = value.value
    if isinstance(found, bool):
        return bool(taken & {"bool", "int", "float"}) or not taken & {"str"}
    if isinstance(found, (int, float)):
        whole = float(found).is_integer()
        fits = ("float" in taken) or ("int" in taken and whole) or ("bool" in taken and found in (0, 1))
        return fits or ("str" not in taken and not taken & {"int", "bool"})
    if isinstance(found, str):
        if "str" in taken or "dict" in taken or "list" in taken:
            return True
        text = found.strip()
        return (
            ("float" in taken and _is_number(text, float))
            or ("int" in taken and _is_number(text, int))
            or ("bool" in taken and text.lower() in _BOOL_TEXTS)
        )
    return True


def _is_number(text: str, kind: type) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _listed(choices: object) -> str:
    return ", ".join(map(str, choices)) if isinstance(choices, (list, tuple)) else str(choices)
