"""Type annotations in one normal spelling, with the choices that Literal and Enum types admit."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from cfglint.authoring.fields.constants import NotConstantError, Scope, constant, is_enum
from cfglint.authoring.fields.module_tree import External, Located

_LOWERED = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "Type": "type",
    "Sequence": "Sequence",
}


class FieldType(NamedTuple):
    """`text` as in ``list[str] | None``; `choices` of its Literals; the `enums` it names."""

    text: str
    choices: tuple[Any, ...] = ()
    enums: tuple[Located, ...] = ()


def field_type(node: ast.expr | None, scope: Scope, depth: int = 0) -> FieldType | None:
    """The annotation normalised: Optional and Union as ``|``, no module prefixes, aliases unfolded."""
    if node is None:
        return None
    if depth > 12:
        return FieldType(ast.unparse(node))
    match node:
        case ast.Constant(value=None):
            return FieldType("None")
        case ast.Constant(value=str(text)):
            try:
                return field_type(ast.parse(text, mode="eval").body, scope, depth + 1)
            except SyntaxError:
                return FieldType(text)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _union([field_type(left, scope, depth + 1), field_type(right, scope, depth + 1)])
        case ast.Subscript(value=value, slice=inner):
            return _generic(_last_name(value), _items(inner), scope, depth + 1)
        case ast.Call(func=func, args=[item, *_]) if _last_name(func) == "conlist":
            return _generic("list", [item], scope, depth + 1)
        case ast.Call(func=func) if _last_name(func) in {"conint", "confloat", "constr"}:
            return FieldType(_last_name(func).removeprefix("con"))
        case ast.Name(id=name):
            return _named(name, scope, depth + 1)
        case ast.Attribute(attr=name):
            return FieldType(_LOWERED.get(name, name))
    return FieldType(ast.unparse(node))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _generic(name: str, items: list[ast.expr], scope: Scope, depth: int) -> FieldType | None:
    if name == "Literal":
        return FieldType("Literal", tuple(_literals(items, scope)))
    if name in {"Annotated", "Required", "NotRequired", "SkipValidation", "InitVar", "Final"}:
        return field_type(items[0], scope, depth)
    if name == "Optional":
        return _union([field_type(items[0], scope, depth), FieldType("None")])
    parts = [field_type(item, scope, depth) for item in items if not _ellipsis(item)]
    if name == "Union":
        return _union(parts)
    inner = ", ".join(part.text for part in parts if part)
    choices = tuple(choice for part in parts if part for choice in part.choices)
    enums = tuple(enum for part in parts if part for enum in part.enums)
    return FieldType(f"{_LOWERED.get(name, name)}[{inner}]", choices, enums)


def _ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _literals(items: list[ast.expr], scope: Scope) -> list[Any]:
    values: list[Any] = []
    for item in items:
        try:
            value = constant(item, scope)
        except NotConstantError:
            continue
        values.extend(value if isinstance(value, list) else [value])
    return values


def _union(parts: list[FieldType | None]) -> FieldType:
    texts: list[str] = []
    for part in parts:
        for text in _alternatives(part.text) if part else ():
            if text not in texts:
                texts.append(text)
    if "None" in texts:
        texts = [text for text in texts if text != "None"] + ["None"]
    choices: list[Any] = []
    for part in parts:
        for choice in part.choices if part else ():
            if not any(
                choice is known or (type(choice) is type(known) and choice == known) for known in choices
            ):
                choices.append(choice)
    enums = tuple(enum for part in parts if part for enum in part.enums)
    return FieldType(" | ".join(texts), tuple(choices), enums)


def _alternatives(text: str) -> list[str]:
    """Split at the ``|`` that stand outside brackets."""
    parts, level, start = [], 0, 0
    for position, character in enumerate(text):
        level += (character == "[") - (character == "]")
        if character == "|" and not level:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]


def _named(name: str, scope: Scope, depth: int) -> FieldType | None:
    found = scope.tree.resolve(scope.module, name)
    if isinstance(found, Located):
        if isinstance(found.node, ast.ClassDef):
            return FieldType(found.node.name, (), (found,) if is_enum(found, scope.tree) else ())
        if isinstance(found.node, (ast.Subscript, ast.BinOp)):
            return field_type(found.node, scope.at(found.module), depth)
    if isinstance(found, External):
        return FieldType(_LOWERED.get(found.name, found.name))
    return FieldType(_LOWERED.get(name, name))
