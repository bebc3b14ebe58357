"""Operators on literals, with limits: what a script computes must not cost more than reading it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

#: Longest number that a power may make, and longest operand (bits).
_LIMIT = 4_096

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}

#: Methods of text whose result is text or a list of it, no longer than a few times what they are given.
TEXT_METHODS = frozenset({"split", "rsplit", "lower", "upper", "strip", "lstrip", "rstrip", "title"})

CONVERSIONS: dict[str, Callable[[Any], object]] = {"int": int, "float": float, "str": str, "bool": bool}

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def arithmetic(sign: ast.operator, left: object, right: object) -> object:
    """The result of a binary operator on numbers, or of ``+`` on texts.

    Raises OverflowError where the result may be too large, TypeError for anything else than that, and what
    the operator raises.
    """
    act = _ARITHMETIC.get(type(sign))
    if isinstance(left, str) and isinstance(right, str) and isinstance(sign, ast.Add):
        return left + right
    if act is None or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise TypeError
    if max(_bits(left), _bits(right)) > _LIMIT:
        raise OverflowError
    if isinstance(sign, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        if _bits(left) * abs(right) > _LIMIT:
            raise OverflowError
    return act(left, right)


def _bits(value: float) -> int:
    return value.bit_length() if isinstance(value, int) else 64
