"""Values that the pydantic classes of Axolotl and DeepSpeed refuse: another type, out of bounds, no section.

Coded, because types and bounds come from the tables of each release, for every key. A choice that is none of the
field's is another check's matter (`value_not_allowed`), since that knows the releases that have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

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

_LIBRARIES = frozenset(("axolotl", "deepspeed"))
#: DeepSpeed's sections that may be something else: null is as if left out, a bool is the old spelling of stage 1.
_MAY_BE_NULL = frozenset(("aio",))
_MAY_BE_BOOL = frozenset(("zero_optimization",))
#: What DeepSpeed joins bitwise (`get_wall_clock_breakdown(param_dict) | flops_profiler.enabled`).
_JOINED = frozenset(("wall_clock_breakdown", "flops_profiler.enabled"))
#: Sections without tabled keys that it reads with .get or .items all the same.
_MAPPINGS = frozenset(("pipeline", "data_types", "timers", "checkpoint", "fp16", "bf16"))
#: How a text begins that a field takes besides its choices: the tables know no patterns.
_PREFIXES = {("axolotl", "chat_template"): "tokenizer_default_fallback_"}
#: Keys of features that DeepSpeed has dropped, and stops at, from a release on (runtime/config.py,
#: _reject_removed_config_keys); before that they were read, later ones would otherwise ignore them.
_REJECTED_SINCE = "0.19.8"
_REJECTED = frozenset(
    (
        *("nebula", "compression_training", "amp", "quantize_training", "sparse_gradients", "eigenvalue"),
        *(
            "sparse_attention",
            "elasticity",
            "graph_harvesting",
            "curriculum_learning",
            "progressive_layer_drop",
        ),
        *("zero_optimization.mics_shard_size", "zero_optimization.mics_hierarchical_params_gather"),
        "zero_optimization.zeropp_loco_param",
    )
)


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
            what = _rejected(run, reader, entry) if library == "deepspeed" else ""
            what = what or _refused(run, reader, entry, library)
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


def _rejected(run: Run, reader: Reader, entry: Entry) -> str:
    """What DeepSpeed says of the key of a feature that it has dropped."""
    if f"{reader.path}{entry.key.value}" not in _REJECTED:
        return ""
    view, names = seen(run, "deepspeed"), fieldtable.releases("deepspeed")
    if not view.releases or names.index(view.releases[0]) < names.index(_REJECTED_SINCE):
        return ""
    return (
        f"belongs to a feature that was removed: DeepSpeed {_REJECTED_SINCE} and later stop with "
        "DeepSpeedConfigError instead of ignoring it"
    )


def _refused(run: Run, reader: Reader, entry: Entry, library: str) -> str:
    key, value = str(entry.key.value), entry.value
    if isinstance(value, Opaque):
        return ""
    if library == "deepspeed" and reader.path and isinstance(value, Scalar) and value.value == "auto":
        return ""
    if library == "deepspeed" and not reader.path and not isinstance(value, Mapping):
        bare = value.value if isinstance(value, Scalar) else ()
        accepted = _is_left_out(key, newest(run, library)) if bare is None else False
        accepted = accepted or (isinstance(bare, bool) and key in _MAY_BE_BOOL)
        if key in _JOINED and not isinstance(bare, (bool, int)):
            return f"is added to the profiler's switch bitwise, and {_shown(value)} is no bool: TypeError"
        if _is_section(key, newest(run, library)) and not accepted:
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


def _is_left_out(key: str, release: str) -> bool:
    """Whether null counts as if the section were not there; that of bf16 does since it is a model (0.17.1)."""
    row = fieldtable.row_of("deepspeed", "DeepSpeedConfig", key, release) if release else None
    return key in _MAY_BE_NULL or (key == "bf16" and bool(row and "model" in row))


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
def _is_section(key: str, release: str) -> bool:
    """Whether DeepSpeed reads a key's value by keys of its own."""
    if not release:
        return False
    rows = fieldtable.fields_of("deepspeed", "DeepSpeedConfig", release)
    if key in _MAPPINGS:
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
