"""What pydantic's lax mode makes of a value: whether a field of a tabled type takes it, and if not, why.

Source: pydantic's conversion table (lax mode, Python input), checked against pydantic 2.14 value by value. Types that
the tables do not resolve take anything here, so that nothing is said of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from cfglint.checks.tabled_values import head_of, parts_of
from cfglint.parse.tree import Mapping, Node, Scalar, Sequence, plain
from cfglint.resolve import fieldtable

#: What is read as a bool, whatever its case.
_BOOL_TEXTS = frozenset(("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n"))
_ANYTHING = frozenset(("Any", "object"))
#: Enums of transformers that other libraries' models name; the table of transformers has their values.
_HF_ENUMS = frozenset(("OptimizerNames", "SchedulerType"))
_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("ge", "is not greater than or equal to", operator.ge),
    ("gt", "is not greater than", operator.gt),
    ("le", "is not less than or equal to", operator.le),
    ("lt", "is not less than", operator.lt),
)


def refusal(node: Node, row: fieldtable.Row, library: str) -> str:
    """Why a field refuses a value, in words that follow the value; "" where it takes it or that cannot be told."""
    text = str(row.get("type", ""))
    if not text or _takes(node, text, row, library) is not False:
        return _out_of_bounds(node, row)
    if row.get("choices") and "Literal" in text:
        return f"is none of {', '.join(map(str, row['choices']))}"
    return f"cannot be read as {text}"


def _out_of_bounds(node: Node, row: fieldtable.Row) -> str:
    number = _number(node.value) if isinstance(node, Scalar) else None
    if number is None:
        return ""
    for name, words, holds in _BOUNDS:
        if name in row and not holds(number, row[name]):
            return f"{words} {row[name]}"
    return ""


def _takes(node: Node, text: str, row: fieldtable.Row, library: str) -> bool | None:
    """Whether a type takes a value; None where the type is not one that is known here."""
    if not isinstance(node, (Scalar, Sequence, Mapping)):
        return None
    answers = [_takes_part(node, part, row, library) for part in parts_of(text)]
    return True if True in answers else None if None in answers else False


def _takes_part(
    node: Scalar | Sequence | Mapping, part: str, row: fieldtable.Row, library: str
) -> bool | None:
    head = head_of(part)
    inner = part[len(head) + 1 : -1] if part.endswith("]") else ""
    if head in _ANYTHING:
        return True
    if head in ("list", "tuple", "dict"):
        return _takes_container(node, head, inner, row, library)
    if head == "Literal" or head == row.get("enum"):
        return _is_choice(node, head, row)
    if head in fieldtable.classes(library):
        # The fields of a section are read on their own.
        return isinstance(node, Mapping)
    if head in _HF_ENUMS:
        value = plain(node)
        return isinstance(value, str) and bool(fieldtable.enum_history("transformers", head, value))
    if head not in ("bool", "int", "float", "str", "Path", "None"):
        # A class that is not tabled is a model where its name says so.
        return False if head.endswith("Config") and not isinstance(node, Mapping) else None
    return isinstance(node, Scalar) and _reads(node.value, head)


def _takes_container(node: Node, head: str, inner: str, row: fieldtable.Row, library: str) -> bool | None:
    kinds = parts_of(inner, ",") if inner else []
    if head == "dict":
        if not isinstance(node, Mapping):
            return False
        held = [_takes(entry.value, kinds[-1], row, library) for entry in node.entries] if kinds else []
    else:
        if not isinstance(node, Sequence):
            return False
        if head == "tuple" and kinds and kinds[-1] != "...":
            if len(kinds) != len(node.items):
                return False
            held = [_takes(item, kind, row, library) for item, kind in zip(node.items, kinds, strict=True)]
        else:
            held = [_takes(item, kinds[0], row, library) for item in node.items] if kinds else []
    return False if False in held else None if None in held else True


def _is_choice(node: Node, head: str, row: fieldtable.Row) -> bool | None:
    choices = row.get("choices")
    if not choices:
        return None
    value = plain(node)
    if isinstance(value, (list, dict)):
        return False
    if any(isinstance(choice, str) == isinstance(value, str) and choice == value for choice in choices):
        return True
    if head == "Literal" or any(isinstance(choice, str) for choice in choices):
        return False
    # An Enum of numbers takes what its number type takes.
    return _number(value) in choices


def _reads(value: Any, kind: str) -> bool:
    if kind == "None":
        return value is None
    if value is None:
        return False
    if kind in ("str", "Path"):
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool) or (
            value.lower() in _BOOL_TEXTS if isinstance(value, str) else value in (0, 1)
        )
    number = _number(value)
    if number is None:
        return False
    if kind == "int":
        return math.isfinite(number) and number == int(number) and not _has_exponent(value)
    return True


def _has_exponent(value: Any) -> bool:
    """A text like "1e3", which is a number to a float field and none to an int field."""
    return (
        isinstance(value, str) and not value.strip().lstrip("+-").replace("_", "").replace(".", "").isdigit()
    )


def _number(value: Any) -> float | int | None:
    if isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, str):
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None
