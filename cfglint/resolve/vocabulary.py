"""The compiled vocabulary at run time: which dialect a mapping is written in, and what its keys and calls mean."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from cfglint.parse.tree import Mapping

if TYPE_CHECKING:
    from cfglint.parse.script import Call
from cfglint.source import Span


class KeyMap(NamedTuple):
    """How one dialect, or one call in it, spells fields.

    ``keys`` maps a dotted key to its targets [field, values or None, otherwise]; a key that it lacks is the field of
    that name in one of the ``includes`` namespaces if it is registered there, else in ``namespace``.
    """

    keys: dict[str, list[list[Any]]]
    includes: list[str]
    namespace: str
    reverse: dict[str, str]

    def targets(self, key: str, types: dict[str, str]) -> list[list[Any]]:
        """What a key sets."""
        found = self.keys.get(key)
        if found is not None:
            return found
        own = [f"{self.namespace}.{key}", None, "same"]
        outer, dot, _ = key.partition(".")
        for namespace in self.includes:
            if f"{namespace}.{key}" in types:
                return [[f"{namespace}.{key}", None, "same"]]
            if dot and outer not in self.keys and f"{namespace}.{outer}" in types:
                # What stands inside a setting is a part of the setting.
                return [[f"{namespace}.{key}", None, "same"], own]
        return [own]

    def spelling(self, field: str) -> str | None:
        """The key that writes a field plainly, for edits."""
        key = self.reverse.get(field)
        if key is not None:
            return key
        namespace, _, name = field.partition(".")
        return name if namespace == self.namespace or namespace in self.includes else None


class CallPattern(NamedTuple):
    """A call that a dialect reads; ``spec`` is its compiled entry."""

    dialect: dict[str, Any]
    spec: dict[str, Any]
    keys: KeyMap


class Vocabulary:
    """Dialects, calls, steps and field types, indexed for reading files."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.types: dict[str, str] = table["fields"]
        self.derived: dict[str, Any] = table["derived"]
        self.native: list[str] = table["native"]
        self.dialects: dict[str, dict[str, Any]] = {dialect["name"]: dialect for dialect in table["dialects"]}
        self.steps: list[dict[str, Any]] = table["steps"]
        #: The packages whose versions any rule asks about.
        self.packages: frozenset[str] = frozenset(table["packages"])
        self._calls: list[tuple[str, str, CallPattern]] = []
        for dialect in table["dialects"]:
            for spec in dialect["calls"]:
                shared = spec["keys"] is None
                keys = KeyMap(
                    dialect["keys"] if shared else spec["keys"],
                    spec["includes"],
                    spec["namespace"],
                    dialect["reverse"] if shared else spec["reverse"],
                )
                for name in spec["names"]:
                    package, _, pattern = name.partition(":")
                    self._calls.append((package, pattern, CallPattern(dialect, spec, keys)))

    def key_map(self, dialect: dict[str, Any]) -> KeyMap:
        """The keys of a dialect's files."""
        return KeyMap(dialect["keys"], dialect["includes"], dialect["namespace"], dialect["reverse"])

    def detect(self, tree: Mapping) -> dict[str, Any] | None:
        """The dialect that a mapping is written in: the first whose key groups match; None for a stranger."""
        keys = {entry.key.value for entry in tree.entries}
        for dialect in self.dialects.values():
            for group in dialect["detect"]:
                if _matches(group, keys, tree):
                    return dialect
        return None

    def detect_flags(self, names: set[str]) -> dict[str, Any] | None:
        """The dialect whose settings the flags of a script are, for dialects that are also written as such flags."""
        empty = Mapping((), Span(0, 0))
        for dialect in self.dialects.values():
            if dialect["script_flags"] and any(
                _matches(group, set(names), empty) for group in dialect["detect"]
            ):
                return dialect
        return None

    def call(self, callee: str) -> CallPattern | None:
        """What a call with this resolved name configures."""
        for package, pattern, found in self._calls:
            if _is_call(callee, package, pattern):
                return found
        return None

    def step_calls(self, call: Call) -> list[dict[str, Any]]:
        """The steps that a call takes."""
        return [
            step
            for step in self.steps
            if any(_is_step(call.callee, name) for name in step["calls"])
            and not any(part in call.callee for part in step["except"])
            and (
                not step["receiver"]
                or step["receiver"] in call.receiver.lower()
                or call.receiver.endswith(")")
            )
        ]

    def step_settings(self, target: str) -> list[dict[str, Any]]:
        """The steps that an assignment to this target takes."""
        return [
            step for step in self.steps if any(fnmatchcase(target, pattern) for pattern in step["assigns"])
        ]


def _is_call(callee: str, package: str, pattern: str) -> bool:
    if not callee.startswith(package + "."):
        return False
    tail = ".".join(callee.split(".")[-(pattern.count(".") + 1) :])
    return tail == pattern or ("*" in pattern and fnmatchcase(tail, pattern))


def _is_step(callee: str, name: str) -> bool:
    package, colon, pattern = name.partition(":")
    if colon:
        return _is_call(callee, package, pattern)
    return callee.rsplit(".", 1)[-1] == name[2:] and "." in callee


def _matches(group: dict[str, Any], keys: set[object], tree: Mapping) -> bool:
    if not all(key in keys for key in group.get("all", ())):
        return False
    for some in ("any", "any2"):
        if some in group and not any(key in keys for key in group[some]):
            return False
    if any(key in keys for key in group.get("not", ())):
        return False
    if "of" in group and sum(key in keys for key in group["of"]) < group.get("count", 1):
        return False
    if "all_of_two" in group and sum(key in keys for key in group["all_of_two"]) < 2:
        return False
    inner = group.get("map_value_has")
    if inner is not None:
        return any(isinstance(entry.value, Mapping) and entry.value.get(inner) for entry in tree.entries)
    return True


#: Words that stand in every file of some dialect; a text without any of them is not worth parsing.
KEY_WORDS = re.compile(
    r"learning_rate|batch_size|gradient_accumulation|finetuning_type|lora|zero_optimization|peft_type|distributed_type"
    r"|base_model|_component_|model_name_or_path|cutoff_len|train_type|tuner_type|sft_type|autotuning|machine_rank"
    r"|transformer_layer_cls_to_wrap|use_orig_params|activation_checkpointing"
)
