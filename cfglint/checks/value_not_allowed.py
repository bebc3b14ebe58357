"""Values outside the choices of the release that reads them, where the library raises for them.

Coded, because the choices come from the tables of each release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from cfglint.checks.match import Match
from cfglint.checks.pydantic_lax import refusal
from cfglint.checks.readers import Reader, readers
from cfglint.checks.tabled_values import Declared, choice_releases, declared, kinds
from cfglint.model.finding import SEVERITIES
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Node, Scalar, Sequence
from cfglint.resolve import fieldtable
from cfglint.resolve.read import TRUSTING

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
        "fsdp",
        "debug",
    ),
    "llamafactory": ("finetuning_type",),
    "accelerate": ("distributed_type", "compute_environment"),
}


class _Options(NamedTuple):
    """A setting whose text holds several members of an enum; from the release `lists` on its lists are checked too."""

    enum: str
    lists: str = ""


_OPTIONS = {
    ("transformers", "fsdp"): _Options("FSDPOption", "5.10.1"),
    ("transformers", "debug"): _Options("DebugOption"),
}
_BY_PYDANTIC = frozenset(("axolotl", "deepspeed"))


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value that the run's release, or the newest that it may see, refuses."""
    for reader in readers(run):
        for entry in reader.entries:
            if _may_be_choice(entry.value, reader.loader):
                found = declared(run, reader, str(entry.key.value))
                if found is not None and not found.seen.beyond:
                    for value in _refused(found, entry.value):
                        yield _match(run, reader, entry, value, found)


def is_other_choice(found: Declared, value: Node, loader: str) -> bool:
    """Whether a value is none of the choices of a field whose library checks them."""
    return _may_be_choice(value, loader) and bool(_refused(found, value))


def _may_be_choice(value: Node, loader: str) -> bool:
    if not isinstance(value, Scalar):
        return isinstance(value, Sequence)
    if value.weak or isinstance(value.value, bool) or not isinstance(value.value, (str, int)):
        return False
    return value.value != "auto" and (value.value != "" or loader in TRUSTING)


def _refused(found: Declared, value: Node) -> list[str | int]:
    """The values that the field does not know."""
    if not _raises(found):
        return []
    options = _OPTIONS.get((found.library, found.field))
    if options is not None:
        known = fieldtable.enum_values(found.library, options.enum, found.release)
        return [part for part in _members(found, value, options) if part not in known]
    choices = found.row.get("choices")
    if not choices or not isinstance(value, Scalar) or not isinstance(value.value, (str, int)):
        return []
    taken = value.value in choices or (
        found.library in _BY_PYDANTIC and not refusal(value, found.row, found.library)
    )
    return [] if taken else [value.value]


def _members(found: Declared, value: Node, options: _Options) -> list[str]:
    """The members that a text or a list of options names, as far as they are looked up."""
    if isinstance(value, Scalar):
        return value.value.split() if isinstance(value.value, str) else []
    place = fieldtable.position
    if not isinstance(value, Sequence) or not options.lists:
        return []
    if place(found.library, found.release) < place(found.library, options.lists):
        return []
    return [item.value for item in value.items if isinstance(item, Scalar) and isinstance(item.value, str)]


def _raises(found: Declared) -> bool:
    if found.library in _BY_PYDANTIC:
        return kinds(found.row) <= {"choice", "bool", "none"}
    return found.field in _RAISING.get(found.library, ())


def _match(run: Run, reader: Reader, entry: Entry, value: str | int, found: Declared) -> Match:
    from difflib import get_close_matches

    name = f"{reader.path}{entry.key.value}"
    options = _OPTIONS.get((found.library, found.field))
    listed = (
        fieldtable.enum_values(found.library, options.enum, found.release)
        if options
        else found.row["choices"]
    )
    choices = [str(choice) for choice in listed]
    span = choice_releases(found, value)
    place = Place(reader.source, entry.span)
    packages = (found.library,) if found.library in run.packages else ()
    worst = "warning" if reader.loader == "any" else "error"
    if span is None:
        close = get_close_matches(str(value), choices, 1, 0.75)
        what = f"{name} knows no {value} in any release of {found.library}, and is refused: it takes {_short(choices)}"
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
        what = f"{name} knows {value} only since {found.library} {span[0]}, and {said}"
        instead = f"use {found.library} {span[0]} or later, or write one of {_short(choices)}"
    else:
        what = f"{name} knows {value} only up to {found.library} {span[1]}, and {said}"
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
