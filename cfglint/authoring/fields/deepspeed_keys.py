"""The JSON keys that DeepSpeed's configuration class reads, dotted by section (``fp16.loss_scale``).

DeepSpeed hands the parsed file from function to function: ``get_scalar_param(param_dict, KEY, DEFAULT)``
reads a key, ``param_dict[SECTION]`` is a section, ``Model(**param_dict.get(SECTION, {}))`` gives a section
to a pydantic model. This follows the file, and the sections taken out of it, through those calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from cfglint.authoring.fields.class_fields import Declared
from cfglint.authoring.fields.constants import NotConstantError, Scope, constant
from cfglint.authoring.fields.field_row import Row, set_default
from cfglint.authoring.fields.module_tree import Located, Module, ModuleTree

_MODULE, _CLASS, _WHOLE_FILE = "deepspeed.runtime.config", "DeepSpeedConfig", "_param_dict"
_READERS = {"get_scalar_param", "get_dict_param", "get_list_param"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def json_keys(tree: ModuleTree) -> Declared | None:
    """Every key that the configuration class reads; None if the release has no such class.

    The row of a section that a pydantic model takes names it as ``model``.
    """
    module = tree.module(_MODULE)
    cls = module.bindings.get(_CLASS) if module else None
    if module is None or not isinstance(cls, ast.ClassDef):
        return None
    reader = _Reader(tree)
    for function in _methods(cls):
        whole = {argument.arg: "" for argument in function.args.args if argument.arg == "param_dict"}
        reader.follow(_Place(module, cls, function), {**whole, _WHOLE_FILE: ""}, {})
    return Declared(dict(sorted(reader.rows.items())), module=_MODULE)


class _Place(NamedTuple):
    module: Module
    cls: ast.ClassDef | None
    function: _Function


def _methods(cls: ast.ClassDef) -> list[_Function]:
    return [item for item in cls.body if isinstance(item, _Function)]


class _Reader:
    def __init__(self, tree: ModuleTree) -> None:
        self.rows: dict[str, Row] = {}
        self._tree = tree
        self._followed: set[tuple[int, str]] = set()

    def follow(self, place: _Place, sections: dict[str, str], constants: dict[str, ast.expr]) -> None:
        """Note what a function reads, given the section or the constant that each of its variables holds."""
        shown = {name: ast.dump(value) for name, value in constants.items()}
        visit = (id(place.function), repr((sorted(sections.items()), sorted(shown.items()))))
        if visit in self._followed or len(self._followed) > 2000:
            return
        self._followed.add(visit)
        local = {**_parameter_defaults(place.function), **constants}
        walk = _Walk(Scope(self._tree, place.module, local), sections, _loops(place.function))
        for node in ast.walk(place.function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                section = walk.section(node.value)
                if section is not None:
                    walk.sections.setdefault(node.targets[0].id, section)
        for node in ast.walk(place.function):
            self._read(node, walk)
            if isinstance(node, ast.Call):
                self._follow_call(node, walk, place)

    def _read(self, node: ast.AST, walk: _Walk) -> None:
        match node:
            case ast.Call(func=ast.Name(id=reader), args=[holder, key, *default]) if reader in _READERS:
                for path in walk.paths(holder, key):
                    row: Row = {}
                    set_default(row, default[0] if default else ast.Constant(None), walk.scope)
                    self.rows[path] = {**row, **self.rows.get(path, {})}
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[holder]):
                self._note(walk.paths(holder, key))
            case ast.Subscript(value=holder, slice=key, ctx=ast.Load()):
                self._note(walk.paths(holder, key))
            case ast.Call(func=ast.Attribute(value=holder, attr="get" | "pop"), args=[key, *_]):
                self._note(walk.paths(holder, key))

    def _note(self, paths: Iterator[str]) -> None:
        for path in paths:
            self.rows.setdefault(path, {})

    def _follow_call(self, call: ast.Call, walk: _Walk, place: _Place) -> None:
        target = self._called(call, place)
        if target is None:
            return
        name = target.cls.name if target.cls and target.function.name == "__init__" else ""
        parameters = [
            argument.arg for argument in target.function.args.args if argument.arg not in {"self", "cls"}
        ]
        passed = dict(zip(parameters, call.args, strict=False))
        for keyword in call.keywords:
            section = walk.section(keyword.value)
            if keyword.arg is None and section and name:
                self.rows.setdefault(section, {})["model"] = name
            elif keyword.arg is not None:
                passed[keyword.arg] = keyword.value
        sections = {
            key: section for key, node in passed.items() if (section := walk.section(node)) is not None
        }
        if sections:
            self.follow(
                target, sections, {key: value for key, node in passed.items() if (value := walk.folded(node))}
            )

    def _called(self, call: ast.Call, place: _Place) -> _Place | None:
        match call.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if place.cls is not None:
                return next((place._replace(function=f) for f in _methods(place.cls) if f.name == name), None)
            case ast.Name(id=name) if name not in _READERS:
                found = self._tree.resolve(place.module, name)
                if not isinstance(found, Located):
                    return None
                if isinstance(found.node, _Function):
                    return _Place(found.module, None, found.node)
                if isinstance(found.node, ast.ClassDef):
                    makers = [f for f in _methods(found.node) if f.name == "__init__"]
                    return _Place(found.module, found.node, makers[0] if makers else _NO_INIT)
        return None


# Stands for the constructor of a class that states none (a pydantic model).
_NO_INIT = ast.FunctionDef(
    name="__init__",
    args=ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]),
    body=[ast.Pass()],
    decorator_list=[],
)


class _Walk(NamedTuple):
    scope: Scope
    sections: dict[str, str]
    loops: dict[str, list[ast.expr]]

    def paths(self, holder: ast.expr, key: ast.expr) -> Iterator[str]:
        """Dotted names of ``holder[key]``; several if `key` is a loop variable, none if either is unknown."""
        match holder:
            case ast.Call(func=ast.Attribute(value=mapping, attr="keys")):
                holder = mapping
        outer = self.section(holder)
        if outer is None:
            return
        keys = self.loops.get(key.id, [key]) if isinstance(key, ast.Name) else [key]
        for one in keys:
            try:
                name = constant(one, self.scope)
            except NotConstantError:
                continue
            if isinstance(name, str):
                yield f"{outer}.{name}" if outer else name

    def folded(self, node: ast.expr) -> ast.expr | None:
        """The expression as a literal that means the same in any module; None if it is no constant."""
        try:
            return ast.parse(repr(constant(node, self.scope)), mode="eval").body
        except NotConstantError:
            return None

    def section(self, node: ast.expr) -> str | None:
        """Dotted path of the mapping that an expression stands for: empty for the file, None if unknown."""
        match node:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.sections.get(name)
            case ast.Subscript(value=holder, slice=key):
                return next(self.paths(holder, key), None)
            case ast.Call(func=ast.Attribute(value=holder, attr="get"), args=[key, *_]):
                return next(self.paths(holder, key), None)
            case ast.Call(func=ast.Attribute(attr="copy" | "deepcopy"), args=[copied]):
                return self.section(copied)
            case ast.Call(func=ast.Attribute(value=copied, attr="copy"), args=[]):
                return self.section(copied)
            case ast.IfExp(body=body):
                return self.section(body)
        return None


def _parameter_defaults(function: _Function) -> dict[str, ast.expr]:
    names = [argument.arg for argument in function.args.args]
    defaults = function.args.defaults
    return dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))


def _loops(function: _Function) -> dict[str, list[ast.expr]]:
    """Loop variables that run over a list of constants, in statements and comprehensions."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case (
                ast.For(target=ast.Name(id=name), iter=ast.List(elts=items) | ast.Tuple(elts=items))
                | ast.comprehension(
                    target=ast.Name(id=name), iter=ast.List(elts=items) | ast.Tuple(elts=items)
                )
            ):
                found[name] = list(items)
    return found
