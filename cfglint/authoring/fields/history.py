"""Snapshots of many releases folded into one compact change history.

The JSON, per library; spans are flat pairs of positions in ``releases``, both ends included:

- ``library``, ``releases``: the name, and the releases read, oldest first
- ``python``, ``requires``: specifier or requirement -> spans; ``unstated``: spans of releases that state none
- ``enums``: enum -> member value, as JSON -> spans
- ``classes``: class -> ``on``: spans; ``modules``, ``bases``: dotted name -> spans; ``open``: spans that take
  ``**kwargs``; ``fields``: name -> ``[first, last, row, first, last, row, …]``
- ``rows``: the distinct field declarations, each once
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from cfglint.authoring.fields.class_fields import Declared
from cfglint.authoring.fields.requirements import Requirements


class Snapshot(NamedTuple):
    """What was read from one release. `requires` is None where the release does not state it."""

    version: str
    classes: dict[str, Declared]
    enums: dict[str, tuple[Any, ...]]
    requires: Requirements | None


def fold(library: str, snapshots: list[Snapshot]) -> dict[str, Any]:
    """The change history of `snapshots`, which come oldest first."""
    rows = _Rows()
    return {
        "library": library,
        "releases": [snapshot.version for snapshot in snapshots],
        "python": _spans((s.requires.python,) if s.requires and s.requires.python else () for s in snapshots),
        "requires": _spans(s.requires.packages if s.requires else () for s in snapshots),
        "unstated": _spans(() if s.requires else ("requires",) for s in snapshots).get("requires", []),
        "enums": {
            name: _spans([json.dumps(value) for value in s.enums.get(name, ())] for s in snapshots)
            for name in _names(s.enums for s in snapshots)
        },
        "classes": {
            name: _class(name, snapshots, rows) for name in sorted(_names(s.classes for s in snapshots))
        },
        "rows": rows.listed,
    }


def text(table: dict[str, Any]) -> str:
    """One class, enum or list a line: small on disk, and a new release is a readable diff."""

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    lines = []
    for key, value in table.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f" {json.dumps(name)}:{compact(part)}" for name, part in value.items())
            lines.append(f'"{key}":{{\n{inner}\n}}')
        elif key == "rows":
            inner = ",\n".join(f" {compact(row)}" for row in value)
            lines.append(f'"{key}":[\n{inner}\n]')
        else:
            lines.append(f'"{key}":{compact(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


class _Rows:
    """Distinct rows in order of appearance."""

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self._index: dict[str, int] = {}

    def index(self, row: dict[str, Any]) -> int:
        key = json.dumps(row, sort_keys=True)
        if key not in self._index:
            self._index[key] = len(self.listed)
            self.listed.append(row)
        return self._index[key]


def _names(mappings: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _spans(present: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """For each thing, the spans of snapshots that have it."""
    spans: dict[str, list[int]] = {}
    for position, things in enumerate(present):
        for thing in things:
            flat = spans.setdefault(thing, [])
            if flat and flat[-1] == position - 1:
                flat[-1] = position
            elif not flat or flat[-1] != position:
                flat += [position, position]
    return spans


def _class(name: str, snapshots: list[Snapshot], rows: _Rows) -> dict[str, Any]:
    declared = [snapshot.classes.get(name) for snapshot in snapshots]
    folded: dict[str, Any] = {"on": _spans((name,) if one else () for one in declared)[name]}
    folded["modules"] = _spans((one.module,) if one else () for one in declared)
    if bases := _spans(one.bases if one else () for one in declared):
        folded["bases"] = bases
    if takes_more := _spans(("open",) if one and one.open else () for one in declared):
        folded["open"] = takes_more["open"]
    fields: dict[str, list[int]] = {}
    for position, one in enumerate(declared):
        for field, row in one.fields.items() if one else ():
            flat, index = fields.setdefault(field, []), rows.index(row)
            if flat and flat[-2] == position - 1 and flat[-1] == index:
                flat[-2] = position
            else:
                flat += [position, position, index]
    folded["fields"] = fields
    return folded
