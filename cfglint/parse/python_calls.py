"""What a call on known values gives: conversions, dicts, methods of text, ``getattr`` and ``get``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cfglint.parse.python_constants import ASKS_GPU, TORCH_DTYPES
from cfglint.parse.python_files import LOADERS, file_item, file_root
from cfglint.parse.python_operators import CONVERSIONS, TEXT_METHODS
from cfglint.parse.python_scopes import Use, dotted_text
from cfglint.parse.tree import Entry, Mapping, Node, Opaque, Scalar, Sequence

if TYPE_CHECKING:
    from cfglint.parse.python_values import Values

GPU = "depends on the GPU"
ENVIRONMENT = "environment variable"


def call_value(values: Values, node: ast.Call, use: Use, depth: int) -> Node:
    """What a call gives, where that follows from what it is called on and given."""
    name = values.origins.dotted(node.func, use) or dotted_text(node.func)
    last = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
    if last in ASKS_GPU:
        return values.opaque(node, GPU)
    if name in ("os.environ.get", "os.getenv", "os.environ.setdefault"):
        return values.opaque(node, ENVIRONMENT)
    if name == "dict" and not node.args:
        return _keywords(values, node, use, depth)
    if name in CONVERSIONS and len(node.args) == 1 and not node.keywords:
        return _converted(values, node, name, use, depth)
    if name in ("list", "tuple") and len(node.args) == 1 and not node.keywords:
        inner = values.node(node.args[0], use, depth)
        return values.moved(inner, node, "") if isinstance(inner, Sequence) else values.opaque(node, "call")
    if name == "len" and len(node.args) == 1:
        return _length(values, node, use, depth)
    if name == "getattr" and len(node.args) in (2, 3):
        return _getattr(values, node, use, depth)
    if last in TEXT_METHODS and isinstance(node.func, ast.Attribute) and not node.keywords:
        return _text_method(values, node, node.func, use, depth)
    if last == "get" and isinstance(node.func, ast.Attribute) and len(node.args) in (1, 2):
        return _get(values, node, node.func.value, use, depth)
    if name in LOADERS:
        return file_root(values, node, LOADERS[name], use, depth)
    returned = values.origins.returned(name, use)
    if returned is not None:
        expression, there = returned
        found = values.node(expression, there, depth)
        return values.moved(found, node, f"returned {values.text.line_name(there.position[0])}")
    return values.opaque(node, "call")


def _text_method(values: Values, node: ast.Call, function: ast.Attribute, use: Use, depth: int) -> Node:
    """``name.split("/")`` and the like on known text."""
    receiver = values.node(function.value, use, depth)
    given = [values.node(argument, use, depth) for argument in node.args]
    known = [part for part in (receiver, *given) if isinstance(part, Scalar) and isinstance(part.value, str)]
    if len(known) != len(given) + 1:
        return values.blocked(node, receiver, *given, reason="call")
    try:
        texts = [part.value for part in known]
        value = getattr(texts[0], function.attr)(*texts[1:])
    except (TypeError, ValueError):
        return values.opaque(node, "call")
    if isinstance(value, list):
        items = tuple(values.scalar(node, item, *known) for item in value[:1000])
        return Sequence(items, values.text.span(node))
    return values.computed(node, value, *known)


def _keywords(values: Values, node: ast.Call, use: Use, depth: int) -> Node:
    entries: list[Entry] = []
    open_ = False
    for keyword in node.keywords:
        found = values.node(keyword.value, use, depth)
        if keyword.arg is None:
            if isinstance(found, Mapping):
                entries.extend(found.entries)
            open_ = open_ or not isinstance(found, Mapping) or found.open
            continue
        start, _ = values.text.range(keyword)
        key = Scalar(keyword.arg, keyword.arg, values.text.place(start, start + len(keyword.arg)))
        entries.append(Entry(key, found))
    return Mapping(tuple(entries), values.text.span(node), open_)


def _converted(values: Values, node: ast.Call, kind: str, use: Use, depth: int) -> Node:
    inner = values.node(node.args[0], use, depth)
    if isinstance(inner, Opaque) and inner.origin is not None and not inner.origin.convert:
        return values.opaque(node, inner.reason, inner.origin._replace(convert=kind))
    if not isinstance(inner, Scalar):
        return values.blocked(node, inner, reason="call")
    try:
        value = CONVERSIONS[kind](inner.value)
    except (TypeError, ValueError, OverflowError):
        return values.opaque(node, "call")
    return values.computed(node, value, inner)


def _length(values: Values, node: ast.Call, use: Use, depth: int) -> Node:
    inner = values.node(node.args[0], use, depth)
    if isinstance(inner, Sequence):
        return values.scalar(node, len(inner.items))
    if isinstance(inner, Scalar) and isinstance(inner.value, str):
        return values.scalar(node, len(inner.value), inner)
    return values.blocked(node, inner, reason="call")


def _getattr(values: Values, node: ast.Call, use: Use, depth: int) -> Node:
    holder, key = node.args[0], values.node(node.args[1], use, depth)
    if not isinstance(key, Scalar) or not isinstance(key.value, str):
        return values.blocked(node, key, reason="call")
    dotted = values.origins.dotted(holder, use)
    if dotted == "torch" and key.value in TORCH_DTYPES:
        return values.scalar(node, TORCH_DTYPES[key.value], key)
    if dotted:
        return values.opaque(node, "attribute")
    return values.member(node, holder, key.value, use, depth)


def _get(values: Values, node: ast.Call, receiver: ast.expr, use: Use, depth: int) -> Node:
    holder = values.node(receiver, use, depth)
    key = values.node(node.args[0], use, depth)
    if (
        isinstance(holder, Mapping)
        and not holder.open
        and isinstance(key, Scalar)
        and isinstance(key.value, str)
    ):
        entry = holder.get(key.value)
        if entry is not None:
            return values.moved(entry.value, node, key.note, key.weak)
        if len(node.args) == 2:
            return values.moved(values.node(node.args[1], use, depth), node, key.note, key.weak)
        return values.scalar(node, None, key)
    default = values.node(node.args[1], use, depth) if len(node.args) == 2 else None
    return file_item(values, node, holder, key, default) or values.blocked(node, holder, key, reason="call")
