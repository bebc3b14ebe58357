"""What operators, comparisons and conditions on known values give."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cfglint.parse.python_operators import COMPARISONS, arithmetic
from cfglint.parse.python_scopes import Use
from cfglint.parse.tree import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from cfglint.parse.python_values import Values


def unary(values: Values, node: ast.UnaryOp, use: Use, depth: int) -> Node:
    """``-x`` and ``not x``."""
    operand = values.node(node.operand, use, depth)
    if isinstance(operand, Scalar):
        value = operand.value
        if isinstance(node.op, ast.Not):
            return values.scalar(node, not value, operand)
        if isinstance(value, (int, float)) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return values.scalar(node, -value if isinstance(node.op, ast.USub) else +value, operand)
    return values.blocked(node, operand)


def binary(values: Values, node: ast.BinOp, use: Use, depth: int) -> Node:
    """Arithmetic, joined texts and lists, and merged dicts."""
    left = values.node(node.left, use, depth)
    right = values.node(node.right, use, depth)
    if isinstance(left, Mapping) and isinstance(right, Mapping) and isinstance(node.op, ast.BitOr):
        return Mapping(left.entries + right.entries, values.text.span(node), left.open or right.open)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and isinstance(node.op, ast.Add):
        return Sequence(left.items + right.items, values.text.span(node))
    if not isinstance(left, Scalar) or not isinstance(right, Scalar):
        return values.blocked(node, left, right)
    try:
        return values.computed(node, arithmetic(node.op, left.value, right.value), left, right)
    except OverflowError:
        return values.opaque(node, "too large to read")
    except (ArithmeticError, TypeError, ValueError):
        return values.opaque(node, "expression")


def compare(values: Values, node: ast.Compare, use: Use, depth: int) -> Node:
    """One comparison of two known values, or whether a value is in a list or text."""
    left = values.node(node.left, use, depth)
    right = values.node(node.comparators[0], use, depth)
    act = COMPARISONS.get(type(node.ops[0]))
    if len(node.ops) == 1 and isinstance(left, Scalar):
        kind = node.ops[0]
        if act is not None and isinstance(right, Scalar):
            try:
                return values.computed(node, act(left.value, right.value), left, right)
            except TypeError:
                return values.opaque(node, "expression")
        if isinstance(kind, (ast.In, ast.NotIn)) and isinstance(right, Scalar):
            if isinstance(left.value, str) and isinstance(right.value, str):
                inside = left.value in right.value
                return values.scalar(node, inside == isinstance(kind, ast.In), left, right)
        if isinstance(kind, (ast.In, ast.NotIn)) and isinstance(right, Sequence):
            members = [item for item in right.items if isinstance(item, Scalar)]
            if len(members) == len(right.items):
                inside = any(left.value == item.value for item in members)
                return values.scalar(node, inside == isinstance(kind, ast.In), left, *members)
    return values.blocked(node, left, right)


def either(values: Values, node: ast.BoolOp, use: Use, depth: int) -> Node:
    """``and`` and ``or`` as far as they have to be read."""
    parts: list[Scalar] = []
    for operand in node.values:
        found = values.node(operand, use, depth)
        if not isinstance(found, Scalar):
            return values.blocked(node, found)
        parts.append(found)
        if bool(found.value) == isinstance(node.op, ast.Or):
            break
    return values.scalar(node, parts[-1].value, *parts)


def conditional(values: Values, node: ast.IfExp, use: Use, depth: int) -> Node:
    """The part that a known test chooses, or both where they say the same."""
    test = values.node(node.test, use, depth)
    if isinstance(test, Scalar):
        chosen = values.node(node.body if test.value else node.orelse, use, depth)
        return values.moved(chosen, node, test.note, test.weak)
    body = values.node(node.body, use, depth)
    other = values.node(node.orelse, use, depth)
    if isinstance(body, Scalar) and isinstance(other, Scalar) and repr(body.value) == repr(other.value):
        return values.scalar(node, body.value, body, other)
    return values.blocked(node, test, body, other, reason="conditional")
