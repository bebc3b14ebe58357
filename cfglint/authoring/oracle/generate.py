"""Configurations to ask with: the same for every run, from the field table, values in public use, and pools.

A pool (``tests/oracle/pools/<subject>.yaml``) names the ``fields`` that the library's checks read, with the values at
which those checks turn, and in ``inherits`` the pool whose values hold for other fields; ``foreign`` are names that the
release does not have, a text in one of ``paths`` is a file's name, so that no other is generated, and one of the
pinned settings in ``absent`` is left out now and then. A choice in ``outside`` does what the hardware or other packages
decide, and is not made. Where a tool's file has sections, names are dotted.
``tests/oracle/values/<name>.json`` holds the values that public configurations give each field. Every other field gets
values from its type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from cfglint.authoring.oracle.nested import assembled, names_ever, rows_of, within
from cfglint.authoring.oracle.subjects import Subject
from cfglint.resolve import fieldtable

_BESIDE = Path(__file__).parents[3] / "tests" / "oracle"
#: Where the pools, the values and the golden outcomes are: in the checkout, also where the package is installed apart.
DATA = _BESIDE if _BESIDE.is_dir() else Path.cwd() / "tests" / "oracle"

# Of the fields, so many come from the pool; of the values, so many are ones that the type does not admit.
FROM_POOL = 0.7
ODD = 0.06
# One configuration of so many has a field that this release does not have.
FOREIGN = 0.04
MOST_FIELDS = 9

_BY_TYPE: Mapping[str, tuple[Sequence[Any], Sequence[Any]]] = {
    # The first are what the type admits, the second what people write all the same.
    "bool": ((True, False), ("true", "false", "no", 0, 1, None)),
    "int": ((0, 1, 2, 8, 16, 100, 500, 1000), (-1, 2.5, 4.0, "4", "1e3", None, True)),
    "float": ((0.0, 0.1, 0.5, 1.0, 3, 1e-5), (-0.1, 1.5, "1e-5", "0.1", None, True)),
    "str": (("a", "model", "logs"), ("", None, 3, True)),
    "list": (([], ["a"], ["q_proj", "v_proj"]), ("a", None, 3)),
    "dict": (({}, {"a": 1}), ("{}", None, "a", 3)),
    "": (("a", 1, True), (None,)),
}


def configurations(
    subject: Subject, anchor: Mapping[str, str], count: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yields `count` configurations (default: the subject's own number) for the releases of an anchor.

    The n-th is the same whatever `count` is. Values that JSON does not have are written ``{"__name__": "torch.…"}``.
    """
    rows = rows_of(subject, anchor)
    pool = _pool(subject.name)
    seen = {name: values for name, values in _values(subject).items() if name in rows}
    foreign = sorted((names_ever(subject) | set(pool.get("foreign", ()))) - set(rows))
    foreign = [name for name in foreign if not within(name, subject.left_out)]
    for name, values in pool.get("outside", {}).items():
        if "choices" in rows.get(name, {}):
            rows[name] = {
                **rows[name],
                "choices": [one for one in rows[name]["choices"] if one not in values],
            }
    sections = {name.partition(".")[0] for name in rows if "." in name}
    rows.update((name, {}) for name in sections & set(pool["fields"]))
    pooled = [name for name in pool["fields"] if name in rows]
    base = _pool(pool["inherits"]) if "inherits" in pool else {"fields": {}}
    given, paths = {**base["fields"], **pool["fields"]}, pool.get("paths", base.get("paths", ()))
    for number in range(subject.configurations if count is None else count):
        random = Random(f"{subject.name} {number}")
        found = _configuration(random, rows, given, pooled, seen, foreign, paths, subject)
        if "absent" in pool and random.random() < FOREIGN:
            found.pop(pick(random, pool["absent"]), None)
        yield assembled(found) if sections else found


def _configuration(
    random: Random,
    rows: Mapping[str, fieldtable.Row],
    pool: Mapping[str, Sequence[Any]],
    pooled: Sequence[str],
    seen: Mapping[str, Sequence[Any]],
    foreign: Sequence[str],
    paths: Sequence[str],
    subject: Subject,
) -> dict[str, Any]:
    found = dict(subject.pinned)
    # What the table knows no type of, only the pool knows values for.
    names = sorted(
        name for name, row in rows.items() if "type" in row or name in pool or subject.form == "call"
    )
    for _ in range(1 + int(random.random() * MOST_FIELDS)):
        name = pick(random, pooled) if pooled and random.random() < FROM_POOL else pick(random, names)
        value = _value(random, rows[name], pool.get(name, ()), seen.get(name, ()))
        if not (name in paths and isinstance(value, (str, int)) and value not in pool.get(name, ())):
            found[name] = value
    if foreign and random.random() < FOREIGN:
        found[pick(random, foreign)] = pick(random, (True, 1, "a"))
    return found


def _value(random: Random, row: fieldtable.Row, pool: Sequence[Any], seen: Sequence[Any]) -> Any:
    usual, odd = of_type(row)
    sources = [source for source in (pool, seen, row.get("choices", ())) if source]
    if random.random() < ODD:
        return pick(random, [*odd, "bogus"] if row.get("choices") else odd)
    if not sources:
        return pick(random, usual)
    return pick(random, pick(random, sources))


def of_type(row: fieldtable.Row) -> tuple[Sequence[Any], Sequence[Any]]:
    """Values that the type of a field admits, and values that people write all the same."""
    return _BY_TYPE[_kind(str(row.get("type", "")))]


def _kind(annotation: str) -> str:
    for part in ("dict", "list", "bool", "int", "float", "str"):
        if part in annotation.lower():
            return part
    return ""


def pick(random: Random, values: Sequence[Any]) -> Any:
    """One of the values."""
    # Not Random.choice: how that draws is no promise between Python releases.
    return values[int(random.random() * len(values))]


def _pool(name: str) -> dict[str, Any]:
    path = DATA / "pools" / f"{name}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {"fields": {}}
    return loaded


def _values(subject: Subject) -> dict[str, list[Any]]:
    path = DATA / "values" / f"{subject.values}.json"
    loaded: dict[str, list[Any]] = json.loads(path.read_text("utf-8")) if subject.values else {}
    return loaded
