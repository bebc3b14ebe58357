"""Lower the dialect files: inheritance resolved, every key's targets spelled out, defaults with compiled conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Keys of a dialect file; anything else is a typing error.
_DIALECT_KEYS = {
    "name", "title", "priority", "framework", "loader", "extends", "namespace", "includes", "detect", "provides", "keys",
    "links", "defaults", "defaults_of", "calls", "programs", "presence", "satellite", "foreign", "script_flags",
}  # fmt: skip
_CALL_KEYS = {
    "names", "role", "positional", "provides", "defaults", "further_defaults", "namespace", "includes", "keys", "sets", "callee_field",
    "string_model", "extends",
}  # fmt: skip
_DETECT_KEYS = {"any", "any2", "all", "not", "count", "of", "all_of_two", "map_value_has"}

AffectsCompiler = Callable[[Any, str], list[Any]]


class DialectError(ValueError):
    """A dialect file that does not hold."""


def compile_dialects(
    files: list[dict[str, Any]], types: dict[str, str], affects: AffectsCompiler
) -> list[dict[str, Any]]:
    """All dialects, most specific detection first. Raises DialectError for an unknown key or field."""
    raw = {data["name"]: data for data in files}
    result = []
    for data in sorted(files, key=lambda item: item.get("priority", 100)):
        name = data["name"]
        unknown = set(data) - _DIALECT_KEYS
        if unknown:
            raise DialectError(f"dialect {name}: unknown keys {sorted(unknown)}")
        for group in data.get("detect", []):
            if set(group) - _DETECT_KEYS:
                raise DialectError(f"dialect {name}: unknown detect keys {sorted(set(group) - _DETECT_KEYS)}")
        parents = [raw[parent] for parent in (data.get("extends"),) if parent]
        keys = _merge(*[parent.get("keys", {}) for parent in parents], data.get("keys", {}))
        defaults = _merge(
            *[
                raw[parent].get("defaults", {})
                for parent in (data.get("extends"), data.get("defaults_of"))
                if parent
            ],
            data.get("defaults", {}),
        )
        compiled_keys = _keys(name, keys, types)
        compiled_defaults = _defaults(name, defaults, affects)
        result.append(
            {
                "name": name,
                "title": data.get("title", name),
                "framework": data.get("framework", ""),
                "loader": data.get("loader", "json"),
                "namespace": data["namespace"],
                "includes": data.get("includes", []),
                "detect": data.get("detect", []),
                "provides": data.get("provides", []),
                "keys": compiled_keys,
                "reverse": _reverse(compiled_keys),
                "links": _merge(*[parent.get("links", {}) for parent in parents], data.get("links", {})),
                "defaults": compiled_defaults,
                "presence": data.get("presence", {}),
                "satellite": bool(data.get("satellite")),
                "foreign": bool(data.get("foreign")),
                "script_flags": bool(data.get("script_flags")),
                "calls": [
                    _call(name, call, data, raw, keys, defaults, types, affects)
                    for call in data.get("calls", [])
                ],
                "programs": [_program(name, program, types) for program in data.get("programs", [])],
            }
        )
    return result


def _merge(*parts: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        merged.update(part)
    return merged


def _keys(dialect: str, keys: dict[Any, Any], types: dict[str, str]) -> dict[str, list[list[Any]]]:
    return {_spelling(key): _targets(dialect, key, spec, types) for key, spec in keys.items()}


def _spelling(key: Any) -> str:
    # YAML 1.1 reads an unquoted `on` or `yes` key as a bool.
    return str(key)


def _targets(dialect: str, key: Any, spec: Any, types: dict[str, str]) -> list[list[Any]]:
    """Targets of one key: [field, values or None, otherwise]; otherwise is "same", "unset" or ["value", v]."""
    result: list[list[Any]] = []
    for item in spec if isinstance(spec, list) else [spec]:
        if isinstance(item, str):
            result.append([item, None, "same"])
            continue
        otherwise = item.get("otherwise", "unset")
        values = [[raw, value] for raw, value in item.get("values", {}).items()]
        result.append(
            [item["field"], values, otherwise if otherwise in ("same", "unset") else ["value", otherwise]]
        )
        if "also" in item:
            result.append([item["also"], None, "same"])
    for field, _, _ in result:
        namespace = field.split(".", 1)[0]
        known = {name.split(".", 1)[0] for name in types} | {
            "llamafactory",
            "axolotl",
            "unsloth",
            "swift",
            "torchtune",
            "trl",
            "trainer_call",
            "accelerate",
            "steps",
        }
        if namespace not in known:
            raise DialectError(f"dialect {dialect}: key {key!r} maps to {field!r}, which is no field")
    return result


def _reverse(keys: dict[str, list[list[Any]]]) -> dict[str, str]:
    """For edits: the key that writes a field plainly (the first one that maps to it without a table of values)."""
    found: dict[str, str] = {}
    for key, targets in keys.items():
        for field, values, _ in targets:
            if values is None:
                found.setdefault(field, key)
    return found


def _defaults(dialect: str, defaults: dict[str, Any], affects: AffectsCompiler) -> dict[str, list[list[Any]]]:
    """Defaults as a list of [condition or None, value], first that holds; an empty list takes an inherited one away."""
    result: dict[str, list[list[Any]]] = {}
    for field, spec in defaults.items():
        rows = spec if isinstance(spec, list) else [{"value": spec}]
        if rows:
            result[field] = [
                [
                    affects(row["affects"], f"dialect {dialect}: default of {field}")
                    if "affects" in row
                    else None,
                    row["value"],
                ]
                for row in rows
            ]
    return result


def _call(
    dialect: str,
    call: dict[str, Any],
    data: dict[str, Any],
    raw: dict[str, dict[str, Any]],
    keys: dict[str, Any],
    defaults: dict[str, Any],
    types: dict[str, str],
    affects: AffectsCompiler,
) -> dict[str, Any]:
    if set(call) - _CALL_KEYS:
        raise DialectError(f"dialect {dialect}: unknown call keys {sorted(set(call) - _CALL_KEYS)}")
    own_namespace = "namespace" in call or "keys" in call
    call_keys = call.get("keys", {}) if own_namespace else keys
    includes = call.get("includes", [] if "namespace" in call else data.get("includes", []))
    namespace = call.get("namespace", data["namespace"])
    if "extends" in call:
        parent = raw[call["extends"]]
        call_keys = _merge(parent.get("keys", {}), call.get("keys", {}))
        includes, namespace, defaults = parent["includes"], parent["namespace"], parent["defaults"]
    wanted = call.get("defaults")
    further = call.get("further_defaults", {})
    call_defaults = {**(defaults if wanted is True else wanted or {}), **further}
    shared = not own_namespace and "extends" not in call
    compiled = {} if shared else _keys(dialect, call_keys, types)
    return {
        "names": call["names"],
        "role": call["role"],
        "positional": call.get("positional", []),
        "provides": call.get("provides", []),
        "namespace": namespace,
        "includes": includes,
        # None: those of the dialect's files, so that twenty calls of one library do not repeat them.
        "keys": None if shared else compiled,
        "reverse": None if shared else _reverse(compiled),
        "defaults": None
        if wanted is True and "extends" not in call and not further
        else _defaults(dialect, call_defaults, affects),
        "sets": call.get("sets", {}),
        "callee_field": call.get("callee_field", ""),
        "string_model": call.get("string_model", ""),
        "follows_links": call["role"] == "arguments",
    }


def _program(dialect: str, program: dict[str, Any], types: dict[str, str]) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    links: dict[str, str] = {}
    for flag, spec in program.get("flags", {}).items():
        if isinstance(spec, dict) and "link" in spec:
            links[flag] = spec["link"]
        else:
            flags[flag] = _targets(dialect, flag, spec, types)
    return {
        "launcher": program["launcher"],
        "subcommands": program.get("subcommands", {}),
        "config_flag": program.get("config_flag", ""),
        "flags": flags,
        "links": links,
    }


def compile_steps(steps: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The step table: name, call patterns, assignment patterns, names of positional arguments."""
    return [
        {
            "name": name,
            "calls": spec.get("calls", []),
            "assigns": spec.get("assigns", []),
            "positional": spec.get("positional", []),
            "except": spec.get("except", []),
            "receiver": spec.get("needs_receiver", ""),
        }
        for name, spec in steps.items()
    ]
