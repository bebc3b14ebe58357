"""The settings that a class takes in one release: dataclasses, pydantic models and explicit constructors."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import NamedTuple

from cfglint.authoring.fields.constants import NotConstantError, Scope, constant
from cfglint.authoring.fields.deprecations import add_warned, check_replacements
from cfglint.authoring.fields.field_row import Row, annotated_row, parameter_row, set_default
from cfglint.authoring.fields.module_tree import External, Located, ModuleTree
from cfglint.authoring.fields.targets import LIBRARIES


class Declared(NamedTuple):
    """Fields of a class or function, its bases in other tables, whether it is open, its module."""

    fields: dict[str, Row]
    bases: tuple[str, ...] = ()
    open: bool = False
    module: str = ""


class _Class(NamedTuple):
    scope: Scope
    node: ast.ClassDef


def class_fields(located: Located, tree: ModuleTree, inherited: Collection[str] = ()) -> Declared:
    """Fields of a class with those that its bases inside the release give it.

    `inherited` are names that its bases in other libraries are known to have.
    """
    lineage, bases = _lineage(located, tree)
    maker = next((cls for cls in lineage if _is_dataclass(cls) or _initializer(cls)), None)
    if any(_is_model(cls) for cls in lineage):
        maker = None
    if maker is not None and _initializer(maker):
        fields, accepts_more = _initializer_fields(lineage[lineage.index(maker) :])
    else:
        takes = [cls for cls in lineage if maker is None or _is_dataclass(cls)]
        fields, accepts_more = _annotated_fields(takes), False
    for cls in lineage:
        add_warned(fields, cls.node)
    check_replacements(fields, inherited if bases else ())
    return Declared(fields, bases, accepts_more, located.module.name)


def function_fields(located: Located, method: str, tree: ModuleTree) -> Declared | None:
    """Parameters of ``Class.method``, or of a plain function if `method` is empty."""
    scope = Scope(tree, located.module)
    node: ast.AST | None = located.node
    if method:
        lineage, _ = _lineage(located, tree)
        node = None
        for cls in lineage:
            node = next((item for item in cls.node.body if _is_function(item, method)), None)
            if node is not None:
                scope = cls.scope
                break
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    return Declared(_parameters(node, scope), (), node.args.kwarg is not None, located.module.name)


def _is_function(item: ast.stmt, name: str) -> bool:
    return isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name


def _lineage(located: Located, tree: ModuleTree) -> tuple[list[_Class], tuple[str, ...]]:
    """The class and its bases in resolution order, and the bases that another library's table holds."""
    order: list[_Class] = []
    outside: list[str] = []

    def visit(found: Located, depth: int) -> None:
        if not isinstance(found.node, ast.ClassDef) or depth > 16:
            return
        order.append(_Class(Scope(tree, found.module), found.node))
        for base in found.node.bases:
            path = ast.unparse(base)
            head, _, rest = path.partition(".")
            target = tree.resolve(found.module, head)
            if isinstance(target, External) and rest:
                module, _, attribute = f"{target.path}.{rest}".rpartition(".")
                target = tree.imported(module, attribute)
            if isinstance(target, Located):
                if target.node is not found.node:
                    visit(target, depth + 1)
            elif (
                isinstance(target, External)
                and _tabled(target)
                and f"{target.package}.{target.name}" not in outside
            ):
                outside.append(f"{target.package}.{target.name}")

    visit(located, 0)
    # A base shared by two parents comes after both of them: keep its last place.
    last = {id(cls.node): position for position, cls in enumerate(order)}
    return [cls for position, cls in enumerate(order) if last[id(cls.node)] == position], tuple(outside)


def _tabled(base: External) -> bool:
    library = LIBRARIES.get(base.package)
    return library is not None and base.name in library.classes


def _is_dataclass(cls: _Class) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in cls.node.decorator_list)


def _is_model(cls: _Class) -> bool:
    """Whether a class derives from BaseModel itself: its fields count, whatever its ``__init__`` takes."""
    return any(ast.unparse(base).rpartition(".")[2] == "BaseModel" for base in cls.node.bases)


def _initializer(cls: _Class) -> ast.FunctionDef | None:
    found = [item for item in cls.node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
    return found[-1] if found else None


def _initializer_fields(lineage: list[_Class]) -> tuple[dict[str, Row], bool]:
    """Parameters of the first ``__init__``; of the next one too, as long as keywords are passed on to it."""
    fields: dict[str, Row] = {}
    fixed: set[str] = set()
    accepts_more = True
    for cls in lineage:
        init = _initializer(cls)
        if init is None:
            continue
        for name, row in {**_parameters(init, cls.scope), **_popped(init, cls.scope)}.items():
            if name not in fixed:
                fields.setdefault(name, row)
        accepts_more = init.args.kwarg is not None
        if init.args.kwarg is None or not _passes_on(init, init.args.kwarg.arg):
            break
        fixed.update(_set_by_call(init))
    return fields, accepts_more


def _passes_on(init: ast.FunctionDef, keywords: str) -> bool:
    return any(
        _is_super_call(call) and _spreads(call, keywords)
        for call in ast.walk(init)
        if isinstance(call, ast.Call)
    )


def _is_super_call(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"


def _spreads(call: ast.Call, name: str) -> bool:
    return any(
        keyword.arg is None and isinstance(keyword.value, ast.Name) and keyword.value.id == name
        for keyword in call.keywords
    )


def _set_by_call(init: ast.FunctionDef) -> list[str]:
    """Names that the call of the base's ``__init__`` sets itself, so that no caller can."""
    own = {argument.arg for argument in (*init.args.args, *init.args.kwonlyargs)}
    return [
        keyword.arg
        for call in ast.walk(init)
        if isinstance(call, ast.Call) and _is_super_call(call)
        for keyword in call.keywords
        if keyword.arg and keyword.arg not in own
    ]


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> dict[str, Row]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = [*zip(positional, [*missing, *arguments.defaults], strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {
        argument.arg: parameter_row(argument.annotation, default, scope)
        for argument, default in pairs
        if argument.arg not in {"self", "cls"}
    }


def _popped(init: ast.FunctionDef, scope: Scope) -> dict[str, Row]:
    """Settings taken out of ``**kwargs`` by ``kwargs.pop("name", default)``, or by ``get``.

    One that is taken without a default, after a look whether it is there, gets an empty row: an alias.
    """
    rows: dict[str, Row] = {}
    if init.args.kwarg is None:
        return rows
    for call in ast.walk(init):
        match call:
            case ast.Call(
                func=ast.Attribute(attr="pop" | "get", value=ast.Name(id=name)),
                args=[ast.Constant(value=str(key)), *default],
            ) if name == init.args.kwarg.arg and not key.startswith("_"):
                row: Row = {}
                if default:
                    set_default(row, default[0], scope)
                if row or key not in rows:
                    rows[key] = row
    return rows


def _annotated_fields(takes: list[_Class]) -> dict[str, Row]:
    fields: dict[str, Row] = {}
    for cls in reversed(takes):
        local: dict[str, ast.expr] = {}
        conditional: dict[str, list[tuple[str, ast.expr]]] = {}
        for statement in cls.node.body:
            _note_locals(statement, "", local, conditional)
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            if (
                name.startswith("_")
                or name == "model_config"
                or "ClassVar" in ast.unparse(statement.annotation)
            ):
                continue
            scope = Scope(cls.scope.tree, cls.scope.module, local)
            row = annotated_row(statement.annotation, statement.value, scope)
            if row is None:
                fields.pop(name, None)
                continue
            _add_conditional(row, statement.value, conditional, scope)
            fields[name] = row
    return fields


def _note_locals(
    statement: ast.stmt,
    condition: str,
    local: dict[str, ast.expr],
    conditional: dict[str, list[tuple[str, ast.expr]]],
) -> None:
    """Names that a class body sets for its own use; under an ``if``, beside the condition they hold on."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        if condition:
            conditional.setdefault(name, []).append((condition, statement.value))
        else:
            local[name] = statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        local[statement.target.id] = statement.value
    elif isinstance(statement, ast.If):
        test = ast.unparse(statement.test)
        for inner in statement.body:
            _note_locals(inner, f"{condition} and {test}" if condition else test, local, conditional)


def _add_conditional(
    row: Row, value: ast.expr | None, conditional: dict[str, list[tuple[str, ast.expr]]], scope: Scope
) -> None:
    """``when``: defaults that hold under a condition on the environment, as ``[condition, default]``."""
    if value is None:
        return
    for name in (node.id for node in ast.walk(value) if isinstance(node, ast.Name)):
        for condition, other in conditional.get(name, ()):
            try:
                row.setdefault("when", []).append([_package_condition(condition), constant(other, scope)])
            except NotConstantError:
                row["expr"] = ast.unparse(other)


def _package_condition(condition: str) -> str:
    """``torch>=2.8`` where the condition asks for that, else its source text."""
    named = re.search(r"is_(\w+?)_(?:greater_or_equal_than|version_at_least)_(\d+)_(\d+)", condition)
    if named:
        return f"{named.group(1)}>={named.group(2)}.{named.group(3)}"
    asked = re.search(r"is_(\w+?)_(?:greater_or_equal|version)\(.*?'(>=|<)?,? ?'?([\d.]+)'", condition)
    if asked:
        return f"{asked.group(1)}{asked.group(2) or '>='}{asked.group(3)}"
    compared = re.search(r"(\w+)\.__version__.*?(>=|<=|>|<) ?version\.parse\('([\d.]+)'\)", condition)
    return f"{compared.group(1)}{compared.group(2)}{compared.group(3)}" if compared else condition
