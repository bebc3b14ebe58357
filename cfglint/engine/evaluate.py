"""The condition language, run: an interpreter of lowered conditions with three-valued logic.

A value is a plain Python object, UNSET or UNKNOWN. Unset compares False; Unknown, a wrong type and a division by
zero give Unknown and never an exception. What made a condition undecided is collected in ``Facts.missing``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cfglint.model.value import KNOWN
from cfglint.model.value import UNSET as STATE_UNSET

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts


class _Marker:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __bool__(self) -> bool:
        raise TypeError(f"{self.name} has no truth value")


UNSET = _Marker("UNSET")
UNKNOWN = _Marker("UNKNOWN")


def truth(ir: list[Any], facts: Facts) -> bool | None:
    """A condition's verdict: True, False, or None when it is undecided."""
    return _truth(evaluate(ir, facts))


def _truth(value: Any) -> bool | None:
    if value is True or value is False:
        return value
    if value is UNSET:
        return False
    return None


def evaluate(ir: list[Any], facts: Facts) -> Any:
    """The value of a lowered expression."""
    return _OPERATIONS[ir[0]](ir, facts)


def _and(ir: list[Any], facts: Facts) -> Any:
    decided = True
    for part in ir[1:]:
        value = _truth(_OPERATIONS[part[0]](part, facts))
        if value is False:
            return False
        if value is None:
            decided = False
    return True if decided else UNKNOWN


def _or(ir: list[Any], facts: Facts) -> Any:
    decided = True
    for part in ir[1:]:
        value = _truth(_OPERATIONS[part[0]](part, facts))
        if value is True:
            return True
        if value is None:
            decided = False
    return False if decided else UNKNOWN


def _not(ir: list[Any], facts: Facts) -> Any:
    value = _truth(evaluate(ir[1], facts))
    return UNKNOWN if value is None else not value


def _field(ir: list[Any], facts: Facts) -> Any:
    return facts.get(ir[1])


def _comparable(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    if isinstance(left, (int, float)):
        return isinstance(right, (int, float))
    return type(left) is type(right)


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[list[Any], Facts], Any]:
    def run(ir: list[Any], facts: Facts) -> Any:
        left = evaluate(ir[1], facts)
        if left is UNSET:
            return False
        right = evaluate(ir[2], facts)
        if right is UNSET:
            return False
        if left is UNKNOWN or right is UNKNOWN or not _comparable(left, right):
            return UNKNOWN
        return test(left, right)

    return run


def _order(test: Callable[[Any, Any], bool]) -> Callable[[list[Any], Facts], Any]:
    def run(ir: list[Any], facts: Facts) -> Any:
        left, right = evaluate(ir[1], facts), evaluate(ir[2], facts)
        if left is UNSET or right is UNSET:
            return False
        if not _number(left) or not _number(right):
            return UNKNOWN
        return test(left, right)

    return run


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _contains(ir: list[Any], facts: Facts) -> Any:
    left, right = evaluate(ir[1], facts), evaluate(ir[2], facts)
    if left is UNSET or right is UNSET:
        return False
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(right, str):
        return left in right if isinstance(left, str) else UNKNOWN
    if isinstance(right, (list, tuple, dict)):
        if isinstance(left, (list, tuple, dict)):
            return UNKNOWN
        if left in right and any(_comparable(left, item) and left == item for item in right):
            return True
        # One item that cannot be read may be the one that is asked for.
        return UNKNOWN if None in right else False
    return UNKNOWN


def _misses(ir: list[Any], facts: Facts) -> Any:
    left, right = evaluate(ir[1], facts), evaluate(ir[2], facts)
    if left is UNSET or right is UNSET:
        return False
    found = _contains(ir, facts)
    return UNKNOWN if found is UNKNOWN else not found


def _arithmetic(apply: Callable[[Any, Any], Any]) -> Callable[[list[Any], Facts], Any]:
    def run(ir: list[Any], facts: Facts) -> Any:
        left, right = evaluate(ir[1], facts), evaluate(ir[2], facts)
        if left is UNSET or right is UNSET:
            return UNSET
        if not _number(left) or not _number(right):
            return UNKNOWN
        try:
            result = apply(left, right)
        except (ArithmeticError, ValueError):
            return UNKNOWN
        return result if _number(result) else UNKNOWN

    return run


def _if(ir: list[Any], facts: Facts) -> Any:
    test = _truth(evaluate(ir[1], facts))
    if test is not None:
        return evaluate(ir[2] if test else ir[3], facts)
    then, other = evaluate(ir[2], facts), evaluate(ir[3], facts)
    return then if then is not UNKNOWN and then is not UNSET and then == other else UNKNOWN


def _quantifier(stop: bool) -> Callable[[list[Any], Facts], Any]:
    def run(ir: list[Any], facts: Facts) -> Any:
        _, name, over, test = ir
        items = evaluate(over, facts)
        if items is UNSET:
            return False
        if isinstance(items, dict):
            items = list(items)
        if not isinstance(items, (list, tuple)):
            return UNKNOWN
        decided = True
        for item in items:
            value = UNKNOWN if item is None else _truth(evaluate(_substitute(test, name, item), facts))
            if value is stop:
                return stop
            if value is None or value is UNKNOWN:
                decided = False
        return (not stop) if decided else UNKNOWN

    return run


def _substitute(ir: Any, name: str, item: Any) -> Any:
    if not isinstance(ir, list) or not ir:
        return ir
    if ir[0] == "v" and ir[1] == name:
        return ["k", item]
    if ir[0] == "item" and ir[1] == name:
        return ["k", item.get(ir[2], UNSET) if isinstance(item, dict) else UNKNOWN]
    if ir[0] == "k":
        return ir
    return [_substitute(part, name, item) for part in ir]


def _set(ir: list[Any], facts: Facts) -> Any:
    value = facts.value(ir[1])
    facts.read.append(ir[1])
    if value.state == KNOWN:
        return value.value is not None
    if value.state == STATE_UNSET:
        return False
    if value.place is not None and "${" not in value.raw:
        return True  # it stands in a file; only what it says is not known (an interpolation may say nothing)
    facts.missing.append(ir[1])
    return UNKNOWN


def _unset(ir: list[Any], facts: Facts) -> Any:
    found = _set(ir, facts)
    return UNKNOWN if found is UNKNOWN else not found


def _known(ir: list[Any], facts: Facts) -> Any:
    return facts.value(ir[1]).state == KNOWN


def _explicit(ir: list[Any], facts: Facts) -> Any:
    """Whether a file states the field itself: neither a default nor derived."""
    value = facts.run.fields.get(ir[1])
    if value is not None and value.place is not None and value.state != STATE_UNSET:
        facts.read.append(ir[1])
        return True
    absent = facts.run.absent(ir[1])
    return False if absent.state != -1 else UNKNOWN


def _is_string(ir: list[Any], facts: Facts) -> Any:
    value = facts.get(ir[1])
    return value if value is UNKNOWN or value is UNSET else isinstance(value, str)


def _raw(ir: list[Any], facts: Facts) -> Any:
    # A null is not set, and is written all the same.
    stated = facts.run.fields.get(ir[1])
    value = stated if stated is not None and stated.raw else facts.value(ir[1])
    facts.read.append(ir[1])
    return value.raw if value.raw else (UNSET if value.state == STATE_UNSET else UNKNOWN)


def _has(ir: list[Any], facts: Facts) -> Any:
    found = facts.run.has_step(ir[1])
    facts.read.append("steps." + ir[1])
    if found is None:
        facts.missing.append("steps." + ir[1])
    return UNKNOWN if found is None else found


def _before(ir: list[Any], facts: Facts) -> Any:
    found = facts.run.step_before(ir[1], ir[2])
    facts.read += ["steps." + ir[1], "steps." + ir[2]]
    return UNKNOWN if found is None else found


def _package(ir: list[Any], facts: Facts) -> Any:
    _, name, spec_ir, unsaid = ir
    spec = evaluate(spec_ir, facts)
    if spec is UNSET:
        return False
    if not isinstance(spec, str):
        return UNKNOWN
    versions = facts.run.packages.get(name)
    facts.read.append("packages." + name)
    if versions is None:
        verdict = unsaid
    else:
        if facts.newest:
            versions = versions.newest() or versions
        verdict = versions.satisfies(spec)
    if verdict is None:
        facts.missing.append("packages." + name)
        return UNKNOWN
    return verdict


def _pinned(ir: list[Any], facts: Facts) -> Any:
    versions = facts.run.packages.get(ir[1])
    return versions is not None and versions.kind in ("pin", "lock", "installed", "target")


def _lookup(ir: list[Any], facts: Facts) -> Any:
    key = evaluate(ir[2], facts)
    if key is UNSET or key is UNKNOWN:
        return key
    row = facts.tables(ir[1]).get(str(key))
    if row is None:
        return UNSET
    value = row.get(ir[3])
    return UNSET if value is None else value


def _text(apply: Callable[[str, Any], Any]) -> Callable[[list[Any], Facts], Any]:
    def run(ir: list[Any], facts: Facts) -> Any:
        value = evaluate(ir[1], facts)
        if value is UNSET:
            return False
        other = ir[2] if len(ir) > 2 else ""
        if isinstance(other, list):
            other = evaluate(other, facts)
        if not isinstance(value, str) or not isinstance(other, str):
            return UNKNOWN
        return apply(value, other)

    return run


def _len(ir: list[Any], facts: Facts) -> Any:
    value = evaluate(ir[1], facts)
    if value is UNSET:
        return UNSET
    return len(value) if isinstance(value, (str, list, tuple, dict)) else UNKNOWN


def _to_number(ir: list[Any], facts: Facts) -> Any:
    value = evaluate(ir[1], facts)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return UNKNOWN
    if isinstance(value, bool):
        return int(value)
    return value if value is UNSET or _number(value) else UNKNOWN


def _one(apply: Callable[[Any], Any]) -> Callable[[list[Any], Facts], Any]:
    run = _arithmetic(lambda value, _: apply(value))
    return lambda ir, facts: run([ir[0], ir[1], ["k", 0]], facts)


_OPERATIONS: dict[str, Callable[[list[Any], Facts], Any]] = {
    "k": lambda ir, facts: ir[1],
    "f": _field,
    "and": _and,
    "or": _or,
    "not": _not,
    "if": _if,
    "==": _compare(lambda a, b: bool(a == b)),
    "!=": _compare(lambda a, b: bool(a != b)),
    "<": _order(lambda a, b: bool(a < b)),
    "<=": _order(lambda a, b: bool(a <= b)),
    ">": _order(lambda a, b: bool(a > b)),
    ">=": _order(lambda a, b: bool(a >= b)),
    "in": _contains,
    "notin": _misses,
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(lambda a, b: a / b),
    "//": _arithmetic(lambda a, b: a // b),
    "%": _arithmetic(lambda a, b: a % b),
    # A power of large numbers could run for ever; no setting needs one.
    "**": _arithmetic(lambda a, b: a**b if abs(b) <= 64 and abs(a) <= 1e6 else math.nan),
    "min": _arithmetic(min),
    "max": _arithmetic(max),
    "abs": _one(abs),
    "sqrt": _one(math.sqrt),
    "any": _quantifier(True),
    "all": _quantifier(False),
    "set": _set,
    "unset": _unset,
    "known": _known,
    "explicit": _explicit,
    "is_string": _is_string,
    "raw": _raw,
    "has": _has,
    "before": _before,
    "package": _package,
    "pinned": _pinned,
    "lookup": _lookup,
    "matches": _text(lambda value, pattern: re.search(pattern, value) is not None),
    "startswith": _text(lambda value, prefix: value.startswith(prefix)),
    "endswith": _text(lambda value, suffix: value.endswith(suffix)),
    "lower": _text(lambda value, _: value.lower()),
    "len": _len,
    "number": _to_number,
}
