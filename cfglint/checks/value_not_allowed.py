"""Values outside the choices of the release that reads them, where the library raises for them.

Coded, because the choices come from the tables of each release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, readers
from cfglint.checks.tabled_values import Declared, choice_releases, declared, kinds
from cfglint.model.finding import SEVERITIES
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Node, Scalar
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

#: Settings whose values are looked up in an enum while the arguments are built (transformers/training_args.py,
#: __post_init__), or asserted (llamafactory/hparams/finetuning_args.py), or turned into an enum (accelerate's
#: ClusterConfig). Other choices of dataclasses are only checked on the command line.
_RAISING = {
    "transformers": (
        "optim",
        "lr_scheduler_type",
        "eval_strategy",
        "evaluation_strategy",
        "save_strategy",
        "logging_strategy",
        "hub_strategy",
    ),
    "llamafactory": ("finetuning_type", "stage"),
    "accelerate": ("distributed_type", "compute_environment"),
}
_BY_PYDANTIC = frozenset(("axolotl", "deepspeed"))


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value that the run's release, or the newest that it may see, refuses."""
    for reader in readers(run):
        for entry in reader.entries:
            value = entry.value
            if not isinstance(value, Scalar) or not _may_be_choice(value):
                continue
            found = declared(run, reader, str(entry.key.value))
            if found is not None and is_other_choice(found, value) and not found.seen.beyond:
                yield _match(run, reader, entry, value, found)


def is_other_choice(found: Declared, value: Node) -> bool:
    """Whether a value is none of the choices of a field whose library checks them."""
    return (
        isinstance(value, Scalar)
        and _may_be_choice(value)
        and bool(found.row.get("choices"))
        and _raises(found)
        and value.value not in found.row["choices"]
    )


def _may_be_choice(value: Scalar) -> bool:
    if value.weak or isinstance(value.value, bool) or not isinstance(value.value, (str, int)):
        return False
    return value.value not in ("", "auto")


def _raises(found: Declared) -> bool:
    if found.library in _BY_PYDANTIC:
        return kinds(found.row) <= {"choice", "bool", "none"}
    return found.field in _RAISING.get(found.library, ())


def _match(run: Run, reader: Reader, entry: Entry, value: Scalar, found: Declared) -> Match:
    from difflib import get_close_matches

    name = f"{reader.path}{entry.key.value}"
    choices = [str(choice) for choice in found.row["choices"]]
    span = choice_releases(found, value.value)
    place = Place(reader.source, entry.span)
    packages = (found.library,) if found.library in run.packages else ()
    worst = "warning" if reader.loader == "any" else "error"
    if span is None:
        close = get_close_matches(str(value.value), choices, 1, 0.75)
        what = f"{name} knows no {value.value} in any release of {found.library}, and is refused: it takes {_short(choices)}"
        return Match(
            place,
            what,
            f"write {close[0]}" if close else f"write one of {_short(choices)}",
            severity=worst,
            packages=packages,
        )
    names = fieldtable.releases(found.library)
    exact = found.seen.kind == "exact"
    said = found.seen.said if exact else f"{found.release} is the newest that may be used"
    if names.index(found.release) < names.index(span[0]):
        what = f"{name} knows {value.value} only since {found.library} {span[0]}, and {said}"
        instead = f"use {found.library} {span[0]} or later, or write one of {_short(choices)}"
    else:
        what = f"{name} knows {value.value} only up to {found.library} {span[1]}, and {said}"
        instead = f"write one of {_short(choices)}"
    lowered = {"exact": 0, "range": 1}.get(found.seen.kind, 2)
    return Match(
        place,
        what,
        instead,
        severity=SEVERITIES[max(0, SEVERITIES.index(worst) - lowered)],
        packages=packages,
    )


def _short(choices: list[str]) -> str:
    return ", ".join(choices) if len(choices) <= 12 else ", ".join(choices[:12]) + " …"
