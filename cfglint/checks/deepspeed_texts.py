"""Texts that DeepSpeed compares with the few that it knows while it reads its file.

Coded, since null and values of other types are refused too. What is known stands in rules/facts/deepspeed_texts.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.checks.seen_releases import pinned, seen
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Mapping, Opaque, Scalar, Sequence, plain
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value that is none of those that DeepSpeed knows."""
    view = seen(run, "deepspeed")
    names = fieldtable.releases("deepspeed")
    for document in run.documents:
        if document.dialect != "deepspeed" or document.layout.kind != "mapping":
            continue
        for name, row in facts.tables("deepspeed_texts").items():
            entry = _entry(document.layout.entries, name)
            since = names.index(row.get("since", names[0]))
            if entry is None or not view.releases or names.index(view.releases[0]) < since:
                continue
            if not _is_known(entry, row):
                listed = ", ".join(row["choices"])
                shown = entry.value.raw if isinstance(entry.value, Scalar) else "this"
                yield Match(
                    Place(document.source, entry.span),
                    f"{name} knows {listed}, and {shown} is refused",
                    f"write {row['choices'][0]}",
                    severity="" if pinned(run, "deepspeed") or "since" not in row else "warning",
                    packages=("deepspeed",) if "deepspeed" in run.packages else (),
                )


def _entry(entries: tuple[Entry, ...], name: str) -> Entry | None:
    head, _, rest = name.partition(".")
    found = next((entry for entry in reversed(entries) if entry.key.value == head), None)
    if found is None or not rest:
        return found
    return _entry(found.value.entries, rest) if isinstance(found.value, Mapping) else None


def _is_known(entry: Entry, row: Any) -> bool:
    value = plain(entry.value)
    if isinstance(entry.value, Opaque):
        return True
    if isinstance(entry.value, Sequence):
        return bool(row.get("list")) and all(isinstance(item, str) for item in value)  # type: ignore[attr-defined]
    if value is None:
        return bool(row.get("null"))
    if isinstance(value, str):
        if "number" in row and value.lstrip("+-").isdigit():
            return False  # a text is not "auto", and pydantic leaves it a text
        return (
            value in row["choices"] if row.get("exact") else value.lower() in map(str.lower, row["choices"])
        )
    if isinstance(value, (int, float)) and "number" in row:
        return row["number"] is None or value >= row["number"]
    return False
