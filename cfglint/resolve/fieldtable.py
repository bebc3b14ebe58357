"""What a training library's settings were called, typed and defaulted to at a release.

Reads ``rules/facts/fields/<library>.json`` on demand. The tables come from the released wheels themselves
(see `cfglint.authoring.fields`); each holds its releases in order, so nothing here compares versions by rule.

A row is a plain dict of what a class declares about one field at one release:

- ``type``: the annotation, normalised (``list[str] | None``)
- ``default``: the default, if it is a constant; ``expr``: its source text, if it is not; ``required``:
  True if none
- ``when``: ``[[condition, default], …]``: other defaults under a condition on the environment
  (``torch>=2.8``)
- ``choices``: the values that a Literal, an Enum or metadata admits, beside what else ``type`` lets in;
  ``enum``: the Enum's name
- ``deprecated``: the field to use instead, or True if the source names none
- ``model``: the pydantic class that takes this section of a DeepSpeed file
- ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``max_length``, ``alias``: as pydantic states them
"""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from cfglint.rules_dir import rules_dir

Row = Mapping[str, Any]

_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


class UntabledError(LookupError):
    """The table has no such release."""


class Span(NamedTuple):
    """Releases from `first` to `last`, both included, over which a field's `row` stayed the same."""

    first: str
    last: str
    row: Row


@cache
def _table(library: str) -> dict[str, Any]:
    with open(os.path.join(rules_dir(), "facts", "fields", f"{library}.json"), "rb") as handle:
        table: dict[str, Any] = json.load(handle)
    table["index"] = {_comparable(release): position for position, release in enumerate(table["releases"])}
    return table


def _comparable(version: str) -> str:
    """A spelling in which equal releases are equal strings: no ``v``, local part or trailing ``.0``."""
    text = version.strip().lower().removeprefix("v").partition("+")[0]
    while text.endswith(".0"):
        text = text[:-2]
    return text


def nearest(library: str, version: str) -> str | None:
    """The newest tabled release that is not newer than `version`, by its numbers; None if all are newer.

    For releases that the table has not: a development build, or one that came out after the table was made.
    """
    try:
        return str(_table(library)["releases"][position(library, version)])
    except UntabledError:
        wanted = _numbers(version)
        older = [release for release in _table(library)["releases"] if _numbers(release) <= wanted]
        return older[-1] if older else None


def _numbers(version: str) -> tuple[int, ...]:
    """The release numbers of a version; pre- and post-release parts are left out."""
    found = _LEADING_NUMBERS.match(version.strip().lower().removeprefix("v"))
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def releases(library: str) -> tuple[str, ...]:
    """All tabled releases, oldest first. FileNotFoundError if the library has no table."""
    return tuple(_table(library)["releases"])


def position(library: str, version: str) -> int:
    """Place of a release in `releases`. Raises UntabledError."""
    found = _table(library)["index"].get(_comparable(version))
    if found is None:
        raise UntabledError(f"{library} {version}")
    return int(found)


def classes(library: str) -> tuple[str, ...]:
    """Names of the tabled classes and functions (``SFTConfig``, ``SFTTrainer.__init__``)."""
    return tuple(_table(library)["classes"])


def names(library: str, cls: str) -> frozenset[str]:
    """The fields that a class had in any tabled release, without those from bases in other libraries."""
    return frozenset(_table(library)["classes"].get(cls, {}).get("fields", {}))


def bases(library: str, cls: str) -> tuple[tuple[str, str], ...]:
    """The bases in other tables that a class had in any tabled release, as (library, class)."""
    found = _table(library)["classes"].get(cls, {}).get("bases", {})
    return tuple((base.partition(".")[0], base.partition(".")[2]) for base in found)


def has(library: str, cls: str, field: str, release: str) -> bool:
    """Whether a class has a field of its own at a release. Raises UntabledError."""
    table, at = _table(library), position(library, release)
    return _row_at(table, table["classes"].get(cls, {}).get("fields", {}).get(field, []), at) is not None


def row_of(library: str, cls: str, field: str, release: str) -> Row | None:
    """The row of one field at a release; None if the class has it not. Raises UntabledError."""
    table, at = _table(library), position(library, release)
    row = _row_at(table, table["classes"].get(cls, {}).get("fields", {}).get(field, []), at)
    return None if row is None else _with_choices(table, row, at)


def fields_of(library: str, cls: str, version: str) -> dict[str, Row]:
    """The rows of a class at a release, without those from bases in other libraries; empty if it had no
    such class.

    Raises UntabledError.
    """
    table, at = _table(library), position(library, version)
    fields = table["classes"].get(cls, {}).get("fields", {})
    found = {}
    for name, flat in fields.items():
        row = _row_at(table, flat, at)
        if row is not None:
            found[name] = _with_choices(table, row, at)
    return found


def inherited_fields(library: str, cls: str, versions: Mapping[str, str]) -> tuple[dict[str, Row], bool]:
    """Fields of a class with those of its bases in other libraries, and whether that is all of them.

    `versions` maps a library to its release; a base whose library is not in it leaves the fields incomplete.
    Raises UntabledError.
    """
    fields: dict[str, Row] = {}
    complete = True
    for base_library, base in bases_of(library, cls, versions[library]):
        if base_library in versions:
            rows, whole = inherited_fields(base_library, base, versions)
            fields.update(rows)
            complete = complete and whole
        else:
            complete = False
    fields.update(fields_of(library, cls, versions[library]))
    return fields, complete


def bases_of(library: str, cls: str, version: str) -> list[tuple[str, str]]:
    """Bases of a class that other tables hold, as (library, class): the last one gives way to the first."""
    table, at = _table(library), position(library, version)
    bases = table["classes"].get(cls, {}).get("bases", {})
    held = [base for base, spans in bases.items() if _covers(spans, at)]
    return [(base.partition(".")[0], base.partition(".")[2]) for base in reversed(held)]


def module_of(library: str, cls: str, version: str) -> str | None:
    """The module that defines a class at a release (``trl.trainer.sft_config``); None if none does."""
    table, at = _table(library), position(library, version)
    modules = table["classes"].get(cls, {}).get("modules", {})
    return next((module for module, spans in modules.items() if _covers(spans, at)), None)


def takes_any_keyword(library: str, cls: str, version: str) -> bool:
    """Whether the constructor takes ``**kwargs``, so that an unknown name is no error."""
    table, at = _table(library), position(library, version)
    return _covers(table["classes"].get(cls, {}).get("open", []), at)


def history(library: str, cls: str, field: str) -> list[Span]:
    """How a field's declaration changed, oldest first; empty if no tabled release has it."""
    table = _table(library)
    flat = table["classes"].get(cls, {}).get("fields", {}).get(field, [])
    names = table["releases"]
    return [
        Span(names[first], names[last], _with_choices(table, table["rows"][row], last))
        for first, last, row in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    ]


def first_release(library: str, cls: str, field: str) -> str | None:
    """The first tabled release with the field; None if none has it."""
    spans = history(library, cls, field)
    return spans[0].first if spans else None


def last_release(library: str, cls: str, field: str) -> str | None:
    """The last tabled release with the field (the newest, if it is still there); None if none has it."""
    spans = history(library, cls, field)
    return spans[-1].last if spans else None


def default_at(library: str, cls: str, field: str, version: str) -> tuple[bool, Any]:
    """(True, default) where the release declares a constant one; else (False, None). Raises UntabledError."""
    table, at = _table(library), position(library, version)
    row = _row_at(table, table["classes"].get(cls, {}).get("fields", {}).get(field, []), at)
    if row is None or "default" not in row or "when" in row:
        return False, None
    return True, row["default"]


def default_over(library: str, cls: str, field: str, versions: Iterable[str]) -> tuple[bool, Any]:
    """(True, default) if all of `versions` agree on one constant default; else (False, None).

    A release without the field or table, or with a default that hangs on the environment, agrees with
    nothing.
    """
    table, at = _table(library), _positions(library, tuple(versions))
    flat = table["classes"].get(cls, {}).get("fields", {}).get(field, [])
    agreed: list[Any] = []
    covered = 0
    for start in range(0, len(flat), 3):
        held = bisect_right(at, flat[start + 1]) - bisect_left(at, flat[start])
        if not held:
            continue
        row = table["rows"][flat[start + 2]]
        if "default" not in row or "when" in row or (agreed and not _same(agreed[0], row["default"])):
            return False, None
        agreed.append(row["default"])
        covered += held
    return (True, agreed[0]) if agreed and covered == len(at) else (False, None)


@cache
def _positions(library: str, versions: tuple[str, ...]) -> tuple[int, ...]:
    """Sorted places of several releases; -1, which no field covers, for one that is not tabled."""
    index = _table(library)["index"]
    return tuple(sorted(index.get(_comparable(version), -1) for version in versions))


def enum_values(library: str, enum: str, version: str) -> list[Any]:
    """Values of an Enum at a release, in the order of its source. Raises UntabledError."""
    table, at = _table(library), position(library, version)
    return _members(table, enum, at)


def enum_history(library: str, enum: str, value: Any) -> list[tuple[str, str]]:
    """Spans of releases whose Enum has the value, as (first, last); empty if none has it."""
    table = _table(library)
    spans = table["enums"].get(enum, {}).get(json.dumps(value), [])
    return [(table["releases"][first], table["releases"][last]) for first, last in _pairs(spans)]


def requires(library: str, version: str) -> list[str] | None:
    """Requirement strings of a release; None if it does not state them. Raises UntabledError."""
    table, at = _table(library), position(library, version)
    if _covers(table["unstated"], at):
        return None
    return [text for text, spans in table["requires"].items() if _covers(spans, at)]


def requires_python(library: str, version: str) -> str | None:
    """The Python versions a release asks for, as a specifier; None if it states none. Raises
    UntabledError.
    """
    table, at = _table(library), position(library, version)
    return next((text for text, spans in table["python"].items() if _covers(spans, at)), None)


def _row_at(table: Mapping[str, Any], flat: list[int], at: int) -> Row | None:
    for start in range(0, len(flat), 3):
        if flat[start] <= at <= flat[start + 1]:
            row: Row = table["rows"][flat[start + 2]]
            return row
    return None


def _with_choices(table: Mapping[str, Any], row: Row, at: int) -> Row:
    if "enum" not in row or not (members := _members(table, row["enum"], at)):
        return row
    return {**row, "choices": members}


def _members(table: Mapping[str, Any], enum: str, at: int) -> list[Any]:
    members = table["enums"].get(enum, {})
    return [json.loads(value) for value, spans in members.items() if _covers(spans, at)]


def _pairs(spans: list[int]) -> Iterator[tuple[int, int]]:
    return zip(spans[::2], spans[1::2], strict=True)


def _covers(spans: list[int], at: int) -> bool:
    return any(first <= at <= last for first, last in _pairs(spans))


def _same(left: Any, right: Any) -> bool:
    """Equality that tells True from 1 and 1 from 1.0."""
    return type(left) is type(right) and bool(left == right)
