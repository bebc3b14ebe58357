"""The JSON keys that DeepSpeed's configuration reads by hand, outside its pydantic models.

DeepSpeed reads ``get_scalar_param(param_dict, KEY, DEFAULT)`` for a top-level key and
``get_scalar_param(param_dict[SECTION], KEY, DEFAULT)`` for one in a section; keys and defaults are constants of
neighbouring modules. The result is one flat table of dotted names (``fp16.loss_scale``).
"""

from __future__ import annotations

import ast

from cfglint.authoring.fields.class_fields import Declared
from cfglint.authoring.fields.constants import NotConstant, Scope, constant
from cfglint.authoring.fields.field_row import Row, set_default
from cfglint.authoring.fields.module_tree import Module, ModuleTree

_READERS = {"get_scalar_param", "get_dict_param", "get_list_param"}
_ROOTS = {"param_dict", "_param_dict", "ds_config", "config_dict"}


def json_keys(tree: ModuleTree) -> Declared:
    """Every key read by the modules of ``deepspeed``, dotted by section."""
    rows: dict[str, Row] = {}
    for name in tree.names():
        module = tree.module(name)
        if module is not None and name.startswith("deepspeed."):
            _read_module(module, Scope(tree, module), rows)
    return Declared(dict(sorted(rows.items())))


def _read_module(module: Module, scope: Scope, rows: dict[str, Row]) -> None:
    sections = _section_variables(module, scope)
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=reader), args=[place, key, *default]) if reader in _READERS:
                section, name = _section(place, scope, sections), _text(key, scope)
                if section is not None and name:
                    row: Row = {}
                    set_default(row, default[0] if default else ast.Constant(None), scope)
                    rows.setdefault(f"{section}.{name}" if section else name, row)
            case ast.Compare(left=key, ops=[ast.In()], comparators=[place]):
                _note(rows, _section(_without_keys_call(place), scope, sections), _text(key, scope))
            case ast.Subscript(value=place, slice=key):
                _note(rows, _section(place, scope, sections), _text(key, scope))
            case ast.Call(func=ast.Attribute(value=place, attr="get"), args=[key, *_]):
                _note(rows, _section(place, scope, sections), _text(key, scope))


def _without_keys_call(node: ast.expr) -> ast.expr:
    """``mapping`` of ``mapping.keys()``."""
    match node:
        case ast.Call(func=ast.Attribute(value=mapping, attr="keys")):
            return mapping
    return node


def _note(rows: dict[str, Row], section: str | None, name: str | None) -> None:
    if section is not None and name:
        rows.setdefault(f"{section}.{name}" if section else name, {})


def _text(node: ast.expr, scope: Scope) -> str | None:
    try:
        value = constant(node, scope)
    except NotConstant:
        return None
    return value if isinstance(value, str) else None


def _section(node: ast.expr, scope: Scope, variables: dict[str, str]) -> str | None:
    """Dotted path of the mapping that an expression stands for: empty for the whole file, None if unknown."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in variables:
            return variables[name]
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _ROOTS:
            return ""
        case (
            ast.Subscript(value=place, slice=key)
            | ast.Call(func=ast.Attribute(value=place, attr="get"), args=[key, *_])
        ):
            outer, inner = _section(place, scope, variables), _text(key, scope)
            if outer is None or inner is None:
                return None
            return f"{outer}.{inner}" if outer else inner
    return None


def _section_variables(module: Module, scope: Scope) -> dict[str, str]:
    """Variables of the module that only ever hold one section (``fp16_dict = param_dict[FP16]``)."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            section = _section(node.value, scope, {})
            if section:
                found.setdefault(node.targets[0].id, set()).add(section)
    return {name: sections.pop() for name, sections in found.items() if len(sections) == 1}
