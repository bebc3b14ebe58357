"""Values that the pydantic classes of Axolotl and DeepSpeed refuse: another type, out of bounds, no section.

Coded, because types and bounds come from the tables of each release, for every key. A choice that is none of the
field's is another check's matter (`value_not_allowed`), since that knows the releases that have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Rows
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.checks.pydantic_lax import refusal
from cfglint.checks.readers import Reader, readers
from cfglint.checks.seen_releases import newest, pinned, seen
from cfglint.checks.tabled_values import Declared, declared
from cfglint.checks.value_not_allowed import is_other_choice
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Mapping, Opaque, Scalar, Sequence
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

RowOfKey = Rows[str, Any]
_LIBRARIES = frozenset(("axolotl", "deepspeed"))
#: How a text begins that a field takes besides its choices: the tables know no patterns.
_PREFIXES = {("axolotl", "chat_template"): "tokenizer_default_fallback_"}
#: What DeepSpeed's keys may be besides what their fields say, by key: ``null`` is as if left out, ``bool`` is an old
#: spelling, ``mapping`` a section without tabled keys that is read with .get or .items, ``joined`` is added to the
#: profiler's switch bitwise (get_wall_clock_breakdown(param_dict) | flops_profiler.enabled), and ``rejected_since`` the
#: release from which DeepSpeed stops at a feature that it has dropped (runtime/config.py, _reject_removed_config_keys).
TABLE = "deepspeed_sections"


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value that the run's release, or the newest that it may see, refuses."""
    for reader in readers(run):
        library = reader.classes[0][0]
        if library not in _LIBRARIES or seen(run, library).beyond:
            continue
        for entry in (*reader.entries, *reader.nulls):
            if (
                library == "deepspeed"
                and entry.key.value == "flops_profiler"
                and isinstance(entry.value, Mapping)
            ):
                yield from _profiler(run, reader, entry.value)
            said = (
                facts.tables(TABLE).get(f"{reader.path}{entry.key.value}", {})
                if library == "deepspeed"
                else {}
            )
            what = _rejected(run, said) or _refused(run, reader, entry, library, said)
            if what:
                yield Match(
                    Place(reader.source, entry.span),
                    f"{reader.path}{entry.key.value} {what}",
                    f"give {reader.path}{entry.key.value} a value that {reader.name} takes",
                    severity="" if pinned(run, library) else "warning",
                    packages=(library,) if library in run.packages else (),
                )


def _profiler(run: Run, reader: Reader, section: Mapping) -> Iterator[Match]:
    found = section.get("enabled")
    if found is not None and not (
        isinstance(found.value, Opaque)
        or (isinstance(found.value, Scalar) and isinstance(found.value.value, (bool, int)))
    ):
        yield Match(
            Place(reader.source, found.span),
            f"flops_profiler.enabled is added to wall_clock_breakdown bitwise, and {_shown(found.value)} is no bool: TypeError",
            "write true or false",
            packages=("deepspeed",) if "deepspeed" in run.packages else (),
        )


def _rejected(run: Run, said: RowOfKey) -> str:
    """What DeepSpeed says of the key of a feature that it has dropped."""
    view, names = seen(run, "deepspeed"), fieldtable.releases("deepspeed")
    since = said.get("rejected_since")
    if since is None or not view.releases or names.index(view.releases[0]) < names.index(since):
        return ""
    return (
        f"belongs to a feature that was removed: DeepSpeed {since} and later stop with "
        "DeepSpeedConfigError instead of ignoring it"
    )


def _refused(run: Run, reader: Reader, entry: Entry, library: str, said: RowOfKey) -> str:
    key, value = str(entry.key.value), entry.value
    if isinstance(value, Opaque):
        return ""
    if library == "deepspeed" and reader.path and isinstance(value, Scalar) and value.value == "auto":
        return ""
    if library == "deepspeed" and not reader.path and not isinstance(value, Mapping):
        bare = value.value if isinstance(value, Scalar) else ()
        accepted = _is_left_out(key, newest(run, library), said) if bare is None else False
        accepted = accepted or (isinstance(bare, bool) and bool(said.get("bool")))
        if said.get("joined") and not isinstance(bare, (bool, int)):
            return f"is added to the profiler's switch bitwise, and {_shown(value)} is no bool: TypeError"
        if _is_section(key, newest(run, library), bool(said.get("mapping"))) and not accepted:
            return f"is a section with keys of its own, and {_shown(value)} stands there: DeepSpeed stops while it reads the file"
    found = declared(run, reader, key)
    if found is None or is_other_choice(found, value, reader.loader):
        return ""
    row = found.row if "type" in found.row else _aliased(library, found.cls, key, found.release) or found.row
    why = refusal(value, row, library) or _out_of_pattern(found, value)
    return (
        why
        and f"takes no {_shown(value)}: it {why} in {reader.name} {found.release}, and the file is refused"
    )


def _is_left_out(key: str, release: str, said: RowOfKey) -> bool:
    """Whether null counts as if the section were not there; that of bf16 does since it is a model (0.17.1)."""
    row = fieldtable.row_of("deepspeed", "DeepSpeedConfig", key, release) if release else None
    return bool(said.get("null")) or (key == "bf16" and bool(row and "model" in row))


@lru_cache(maxsize=256)
def _aliased(library: str, cls: str, key: str, release: str) -> fieldtable.Row | None:
    """The row of the field that a key is an alias of."""
    rows = fieldtable.fields_of(library, cls, release).values()
    return next((row for row in rows if row.get("alias") == key), None)


def _out_of_pattern(found: Declared, value: Scalar | Sequence | Mapping) -> str:
    """Why a text is refused where only texts of one form are taken besides the choices."""
    prefix = _PREFIXES.get((found.library, found.field))
    if prefix is None or not isinstance(value, Scalar) or not isinstance(value.value, str):
        return ""
    choices = found.row.get("choices", ())
    taken = value.value in choices or value.value.startswith(prefix) or not choices
    return "" if taken else f"is none of its templates, and does not begin with {prefix}"


@lru_cache(maxsize=256)
def _is_section(key: str, release: str, is_mapping: bool) -> bool:
    """Whether DeepSpeed reads a key's value by keys of its own."""
    if not release:
        return False
    rows = fieldtable.fields_of("deepspeed", "DeepSpeedConfig", release)
    if is_mapping:
        return key in rows
    monitors = fieldtable.fields_of("deepspeed", "DeepSpeedMonitorConfig", release)
    return key in monitors or "model" in rows.get(key, {}) or any(name.startswith(f"{key}.") for name in rows)


def _shown(value: Scalar | Sequence | Mapping) -> str:
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, Sequence):
        return "list"
    if value.value is None:
        return "null"
    return f"{value.value!r}" if isinstance(value.value, str) else value.raw
