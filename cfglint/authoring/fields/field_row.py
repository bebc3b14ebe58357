"""One field as one release declares it: type, default, bounds and deprecation."""

from __future__ import annotations

import ast
from typing import Any

from cfglint.authoring.fields.annotations import field_type
from cfglint.authoring.fields.constants import NotConstantError, Scope, constant, enum_members
from cfglint.authoring.fields.deprecations import replacement, says_deprecated

# A field's row: type, default | expr | required, choices | enum, ge/gt/le/lt, alias, deprecated.
Row = dict[str, Any]

_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def annotated_row(annotation: ast.expr, value: ast.expr | None, scope: Scope) -> Row | None:
    """Row of ``name: annotation = value``; None where the class leaves the name out of its constructor."""
    row: Row = {}
    _describe_type(row, annotation, scope)
    for extra in _annotated_extras(annotation):
        _describe_call(row, extra, scope)
    if isinstance(value, ast.Call) and _called(value) in {"field", "Field", "PrivateAttr", "dataclass_field"}:
        if _called(value) == "PrivateAttr" or _is_false(_keyword(value, "init")):
            return None
        _describe_call(row, value, scope)
        _default_of_call(row, value, scope)
    else:
        _default(row, value, scope)
    return row


def parameter_row(annotation: ast.expr | None, default: ast.expr | None, scope: Scope) -> Row:
    """Row of a function's parameter."""
    row: Row = {}
    _describe_type(row, annotation, scope)
    _default(row, default, scope)
    return row


def set_default(row: Row, value: ast.expr | None, scope: Scope) -> None:
    """Fill in ``default``, or ``expr`` for one that only a running program knows, or ``required``."""
    _default(row, value, scope)


def _describe_type(row: Row, annotation: ast.expr | None, scope: Scope) -> None:
    kind = field_type(annotation, scope)
    if kind is None:
        return
    row["type"] = kind.text
    choices = list(kind.choices)
    if len(kind.enums) == 1 and not choices and isinstance(kind.enums[0].node, ast.ClassDef):
        row["enum"] = kind.enums[0].node.name
        return
    for enum in kind.enums:
        choices.extend(enum_members(enum, scope.tree).values())
    if choices:
        row["choices"] = choices


def _default(row: Row, value: ast.expr | None, scope: Scope) -> None:
    if value is None or (isinstance(value, ast.Constant) and value.value is ...):
        row["required"] = True
        return
    row.pop("required", None)
    try:
        row["default"] = constant(value, scope)
    except NotConstantError:
        row["expr"] = ast.unparse(value)[:160]


def _default_of_call(row: Row, call: ast.Call, scope: Scope) -> None:
    """The default in ``field(default=…)``, ``field(default_factory=…)`` or pydantic's ``Field(…)``."""
    factory = _keyword(call, "default_factory")
    if factory is None:
        positional = call.args[0] if call.args else None
        _default(row, _keyword(call, "default") or positional, scope)
        return
    if isinstance(factory, ast.Lambda):
        _default(row, factory.body, scope)
    else:
        _default(row, ast.Call(func=factory, args=[], keywords=[]), scope)


def _describe_call(row: Row, call: ast.Call, scope: Scope) -> None:
    """Bounds, choices, alias and deprecation that ``field`` or ``Field`` states beside the default."""
    for bound in _BOUNDS:
        if (limit := _known(_keyword(call, bound), scope)) is not None:
            row[bound] = limit
    for key in ("alias", "validation_alias"):
        if isinstance(alias := _known(_keyword(call, key), scope), str):
            row["alias"] = alias
    texts = [_keyword(call, "description")]
    for key in ("metadata", "json_schema_extra"):
        extra = _keyword(call, key)
        if isinstance(extra, ast.Dict):
            for name, value in zip(extra.keys, extra.values, strict=True):
                if not isinstance(name, ast.Constant):
                    continue
                if name.value == "choices" and "enum" not in row and "choices" not in row:
                    _describe_choices(row, value, scope)
                elif name.value in {"help", "description"}:
                    texts.append(value)
                elif name.value == "new_param":
                    row["deprecated"] = _known(value, scope) or True
                elif name.value == "deprecated":
                    row.setdefault("deprecated", True)
    stated = _keyword(call, "deprecated")
    if stated is not None and not _is_false(stated):
        said = _known(stated, scope)
        row["deprecated"] = (replacement(said) if isinstance(said, str) else None) or True
    for text in texts:
        said = _known(text, scope)
        if isinstance(said, str) and "deprecated" not in row and says_deprecated(said):
            row["deprecated"] = replacement(said) or True


def _describe_choices(row: Row, value: ast.expr, scope: Scope) -> None:
    """Choices that metadata lists: a list, or a comprehension over an Enum."""
    if isinstance(value, ast.ListComp) and isinstance(value.generators[0].iter, ast.Name):
        kind = field_type(value.generators[0].iter, scope)
        if kind and kind.enums and isinstance(kind.enums[0].node, ast.ClassDef):
            row["enum"] = kind.enums[0].node.name
        return
    if isinstance(choices := _known(value, scope), list):
        row["choices"] = choices


def _annotated_extras(annotation: ast.expr) -> list[ast.Call]:
    """``Field(...)`` calls inside ``Annotated[...]``."""
    if not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
        return []
    if ast.unparse(annotation.value).rpartition(".")[2] != "Annotated":
        return []
    return [item for item in annotation.slice.elts if isinstance(item, ast.Call) and _called(item) == "Field"]


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _known(node: ast.expr | None, scope: Scope) -> Any:
    try:
        return None if node is None else constant(node, scope)
    except NotConstantError:
        return None
