"""From a parsed script to documents and steps, grouped into the runs that it holds."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from cfglint.model.run import Document, StepSite
from cfglint.model.value import KNOWN, UNSET, Place, Value, unknown
from cfglint.parse.script import Call, Script
from cfglint.parse.tree import Opaque, Scalar, plain
from cfglint.resolve.loaded import Loaded, split
from cfglint.resolve.project import ParsedFile
from cfglint.resolve.read import read_call
from cfglint.resolve.vocabulary import CallPattern, Vocabulary
from cfglint.source import Source

#: Roles of calls of which a run has one; a script with several training configs holds several runs.
_PRIMARY = "arguments"


class ScriptFacts(NamedTuple):
    """One run of a script: its documents, the steps it takes, and whether hidden calls may exist.

    ``hidden`` holds the namespaces of which unread keyword arguments (``**more``) may state anything. ``files`` are those
    that the script takes settings out of.
    """

    documents: list[Document]
    steps: dict[str, list[StepSite]]
    step_fields: dict[str, Value]
    whole: bool
    trains: bool
    unsloth: bool
    hidden: frozenset[str]
    files: tuple[ParsedFile, ...] = ()


def read_script(
    vocabulary: Vocabulary, source: Source, script: Script, loaded: Loaded | None = None
) -> list[ScriptFacts]:
    """The runs of a script; [] when it configures and starts nothing that a dialect knows.

    ``loaded`` looks up what it takes out of files; without it such values stay unknown.
    """
    found: list[tuple[Call, CallPattern]] = []
    for call in script.calls:
        pattern = vocabulary.call(call.callee)
        if pattern is not None:
            found.append((call, pattern))
    placed = script if loaded is None else script._replace(calls=tuple(map(loaded.placed, script.calls)))
    steps, fields = _steps(vocabulary, source, placed)
    fields["data.speaks_of_eos"] = Value(KNOWN, _speaks_of_eos(source, script), None, "derived")
    configuring = [item for item in found if item[1].spec["role"] not in ("tokenizer",)]
    trains = any(name in steps for name in ("make_trainer", "train", "accelerator")) or any(
        pattern.spec["role"] in (_PRIMARY, "trainer", "adapter", "quantization") for _, pattern in found
    )
    if not configuring or not trains:
        return []
    found, apart = _of_one_class(found)
    whole = not script.local_imports and not apart
    unsloth = any(name.split(".")[0] == "unsloth" for name in script.imports.values())
    primaries: list[tuple[Call, CallPattern] | None] = [
        item for item in found if item[1].spec["role"] == _PRIMARY
    ]
    primaries = primaries or [None]
    facts = []
    for primary in primaries:
        calls = _calls_of(found, primary)
        documents: list[Document] = []
        hidden: set[str] = set()
        for call, pattern in calls:
            elsewhere: list[Document] = []
            if loaded is not None:
                call, elsewhere = split(vocabulary, pattern, call, loaded)
            documents += [read_call(vocabulary, pattern, source, call), *elsewhere]
            if call.open:
                hidden.update(pattern.spec["provides"])
        files = () if loaded is None else tuple(loaded.files)
        facts.append(ScriptFacts(documents, steps, fields, whole, trains, unsloth, frozenset(hidden), files))
    return facts


def _of_one_class(
    found: list[tuple[Call, CallPattern]],
) -> tuple[list[tuple[Call, CallPattern]], bool]:
    """The calls without those in another class than the adapter's, and whether there were such.

    Without training arguments nothing says that what one class builds is what another one trains.
    """
    adapter = next((call for call, pattern in found if pattern.spec["role"] == "adapter"), None)
    if (
        adapter is None
        or "." not in adapter.scope
        or any(pattern.spec["role"] == _PRIMARY for _, pattern in found)
    ):
        return found, False
    own = adapter.scope.partition(".")[0]
    kept = [item for item in found if "." not in item[0].scope or item[0].scope.partition(".")[0] == own]
    return kept, len(kept) < len(found)


#: How a script puts an end of text into its examples: the token, its usual spellings, or a chat template.
_EOS = re.compile(
    r"eos_token|</s>|<\|(?:im_end|eot_id|end_of_text|endoftext)\|>|chat_template|setup_chat_format"
)


def _speaks_of_eos(source: Source, script: Script) -> bool:
    """Whether the script mentions an end of text anywhere but where it chooses the pad token."""
    pads = [
        setting.span for setting in script.settings if setting.target.endswith(("pad_token", "pad_token_id"))
    ]
    mentions = _EOS.finditer(source.text)
    return any(not any(pad.start <= match.start() < pad.end for pad in pads) for match in mentions)


def _calls_of(
    found: list[tuple[Call, CallPattern]], primary: tuple[Call, CallPattern] | None
) -> list[tuple[Call, CallPattern]]:
    """The primary call and, of every other role, the one that goes with it: the nearest before, else after."""
    chosen: list[tuple[Call, CallPattern]] = []
    if primary is not None:
        chosen.append(primary)
    roles: dict[str, list[tuple[Call, CallPattern]]] = {}
    for item in found:
        role = item[1].spec["role"]
        if role != _PRIMARY:
            roles.setdefault(role, []).append(item)
    for role, calls in roles.items():
        if primary is None or len(calls) == 1:
            chosen.append(calls[-1] if role == "trainer" else calls[0])
            continue
        at = primary[0].span.start
        before = [item for item in calls if item[0].span.start <= at]
        after = [item for item in calls if item[0].span.start > at]
        if role == "trainer":
            chosen.append(after[0] if after else before[-1])
        else:
            chosen.append(before[-1] if before else after[0])
    return chosen


def _steps(
    vocabulary: Vocabulary, source: Source, script: Script
) -> tuple[dict[str, list[StepSite]], dict[str, Value]]:
    steps: dict[str, list[StepSite]] = {}
    fields: dict[str, Value] = {}
    for call in script.calls:
        for step in vocabulary.step_calls(call):
            name = step["name"]
            steps.setdefault(name, []).append(
                StepSite(Place(source, call.name_span), call.scope, call.branch)
            )
            _step_arguments(source, call, step, fields)
    for setting in script.settings:
        for step in vocabulary.step_settings(setting.target):
            name = step["name"]
            place = Place(source, setting.span)
            steps.setdefault(name, []).append(StepSite(place, setting.scope, setting.branch))
            _record(fields, f"steps.{name}.text", Value(KNOWN, setting.text, place, "file", setting.text))
            _record(
                fields, f"steps.{name}.target", Value(KNOWN, setting.target, place, "file", setting.target)
            )
            if isinstance(setting.value, Scalar):
                _record(
                    fields,
                    f"steps.{name}.value",
                    Value(KNOWN, setting.value.value, place, "file", setting.text, setting.value.span),
                )
            else:
                _record(fields, f"steps.{name}.value", unknown("an expression", place, raw=setting.text))
    return steps, fields


def _step_arguments(source: Source, call: Call, step: dict[str, Any], fields: dict[str, Value]) -> None:
    prefix = f"steps.{step['name']}."
    place = Place(source, call.name_span)
    _record(fields, prefix + "callee", Value(KNOWN, call.callee, place, "file", call.callee))
    _record(fields, prefix + "receiver", Value(KNOWN, call.receiver, place, "file", call.receiver))
    for name, argument in call.named(step["positional"]):
        at = Place(source, argument.span)
        node = argument.value
        if isinstance(node, Opaque):
            value = unknown(node.reason, at, name, node.text)
        elif isinstance(node, Scalar):
            known = UNSET if node.value is None else KNOWN
            value = Value(known, node.value, at, "file", node.raw, node.span, name, node.weak)
        else:
            value = Value(KNOWN, plain(node), at, "file", "", node.span, name)
            if isinstance(value.value, dict):
                for key, item in value.value.items():
                    if isinstance(key, str) and isinstance(item, (str, bool, int, float)):
                        _record(
                            fields,
                            f"{prefix}{name}.{key}",
                            Value(KNOWN, item, at, "file", str(item), node.span, name),
                        )
        _record(fields, prefix + name, value)
    if call.open:
        _record(fields, prefix + "*", unknown("unread keyword arguments", place))


def _record(fields: dict[str, Value], name: str, value: Value) -> None:
    """The first site speaks; a later one that says something else makes the value unknown."""
    old = fields.get(name)
    if old is None:
        fields[name] = value
    elif old.state != value.state or old.value != value.value:
        if name.endswith((".callee", ".receiver", ".text", ".target")):
            return
        fields[name] = unknown("several calls say different things", old.place, old.key, old.raw)
