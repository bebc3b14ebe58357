"""Prints, as JSON, what the libraries of this interpreter really declare: run by `check` in another
environment.

Reads from standard input ``{library: {class: module}}`` and writes
``{library: {"version": …, "classes": {class: {field: default}}}}``; a required field's default is
``["required"]``, any other is ``["is", value]``, or ``["opaque", type]`` for one that JSON does not hold.
Imports nothing of cfglint.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json
import math
import sys
from importlib.metadata import PackageNotFoundError, version


def shown(value: object) -> list[object]:
    """A default as JSON holds it: enum members by value, tuples as lists, infinities as text."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, float) and not math.isfinite(value):
        return ["is", str(value)]
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    try:
        return ["is", json.loads(json.dumps(value, default=lambda inner: inner.value))]
    except (TypeError, ValueError, AttributeError):
        return ["opaque", type(value).__name__]


def declared(cls: type) -> dict[str, list[object]]:
    """Constructor arguments of a class with their defaults."""
    model_fields = getattr(cls, "model_fields", None)
    if isinstance(model_fields, dict):
        return {
            name: ["required"] if field.is_required() else shown(field.get_default(call_default_factory=True))
            for name, field in model_fields.items()
        }
    factories = {}
    if dataclasses.is_dataclass(cls):
        factories = {
            field.name: field.default_factory
            for field in dataclasses.fields(cls)
            if field.default_factory is not dataclasses.MISSING
        }
    found: dict[str, list[object]] = {}
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.default is parameter.empty:
            found[parameter.name] = ["required"]
        elif parameter.name in factories and type(parameter.default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
            found[parameter.name] = shown(factories[parameter.name]())
        else:
            found[parameter.name] = shown(parameter.default)
    if any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in inspect.signature(cls).parameters.values()
    ):
        found = {**attributes(cls), **found}
    return found


def attributes(cls: type) -> dict[str, list[object]]:
    """What an object made without arguments holds, as ``["holds", value]``: ``**kwargs`` hides settings."""
    try:
        made = cls()
    except Exception:
        return {}
    values = {name: shown(value) for name, value in vars(made).items()}
    return {name: ["holds", value[1]] for name, value in values.items() if value[0] == "is"}


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    answer = {}
    for library, classes in request.items():
        try:
            found: dict[str, object] = {"version": version(library)}
        except PackageNotFoundError:
            continue
        read = {}
        for name, module in classes.items():
            try:
                read[name] = declared(getattr(importlib.import_module(module), name))
            except Exception as problem:
                print(f"{library} {name}: {type(problem).__name__}: {problem}"[:200], file=sys.stderr)
        found["classes"] = read
        answer[library] = found
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
