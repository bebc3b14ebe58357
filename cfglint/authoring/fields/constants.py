"""The value of an expression in library source, as far as it can be known without running anything."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cfglint.authoring.fields.module_tree import External, Located, Module, ModuleTree


class NotConstantError(Exception):
    """The expression depends on something that only a running program knows."""


class Scope(NamedTuple):
    """Where a name is looked up: names local to a class body first, then the module."""

    tree: ModuleTree
    module: Module
    local: Mapping[str, ast.expr] = {}

    def at(self, module: Module) -> Scope:
        """The scope of another module of the same release."""
        return Scope(self.tree, module)


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
# Enum members of other libraries that serve as defaults: their values, which never changed.
_FOREIGN_MEMBERS = {
    ("OptimizerNames", "ADAMW_HF"): "adamw_hf",
    ("OptimizerNames", "ADAMW_TORCH_FUSED"): "adamw_torch_fused",
    ("SchedulerType", "COSINE"): "cosine",
    ("TaskType", "CAUSAL_LM"): "CAUSAL_LM",
}
_ENUM_BASES = {"Enum", "ExplicitEnum", "StrEnum", "IntEnum", "BaseEnum", "EnumWithContains"}


def constant(node: ast.expr, scope: Scope, depth: int = 0) -> Any:
    """JSON-able value of `node`, infinities as a config holds them. Raises NotConstantError."""
    if depth > 16:
        raise NotConstantError(ast.unparse(node))
    step = depth + 1
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, (bool, int, float, str)):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [constant(item, scope, step) for item in items]
        case ast.Set(elts=items):
            return sorted((constant(item, scope, step) for item in items), key=str)
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            return {
                str(constant(key, scope, step)): constant(value, scope, step)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _calculated(operator.mul, -1, constant(operand, scope, step), node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not constant(operand, scope, step)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            if isinstance(op, ast.Pow) and not isinstance(right, ast.Constant):
                raise NotConstantError(ast.unparse(node))
            return _calculated(
                _OPERATORS[type(op)], constant(left, scope, step), constant(right, scope, step), node
            )
        case ast.Name(id=name):
            return _named(name, node, scope, step)
        case ast.Attribute():
            return _attribute(node, scope, step)
        case ast.Call():
            return _call(node, scope, step)
        case ast.JoinedStr(values=parts):
            return "".join(
                str(constant(part.value if isinstance(part, ast.FormattedValue) else part, scope, step))
                for part in parts
            )
    raise NotConstantError(ast.unparse(node))


def enum_members(located: Located, tree: ModuleTree) -> dict[str, Any]:
    """Member name -> value of an Enum class with its bases; ``auto()`` gives the lower-cased name."""
    members: dict[str, Any] = {}
    if not isinstance(located.node, ast.ClassDef):
        return members
    scope = Scope(tree, located.module)
    for base in located.node.bases:
        if isinstance(base, ast.Name):
            found = tree.resolve(located.module, base.id)
            if isinstance(found, Located) and found.node is not located.node and is_enum(found, tree):
                members.update(enum_members(found, tree))
    for statement in located.node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name, value = statement.targets[0].id, statement.value
        elif (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value
        ):
            name, value = statement.target.id, statement.value
        else:
            continue
        if name.startswith("_"):
            continue
        try:
            members[name] = constant(value, Scope(tree, scope.module, _expressions(members)))
        except NotConstantError:
            members[name] = name.lower()
    return members


def is_enum(located: Located | External | None, tree: ModuleTree, depth: int = 0) -> bool:
    """Whether a class is an Enum, by the names of its bases."""
    if not isinstance(located, Located) or not isinstance(located.node, ast.ClassDef) or depth > 6:
        return False
    for base in located.node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        if name in _ENUM_BASES:
            return True
        if isinstance(base, ast.Name) and is_enum(tree.resolve(located.module, name), tree, depth + 1):
            return True
    return False


def _expressions(members: dict[str, Any]) -> dict[str, ast.expr]:
    return {name: ast.Constant(value) for name, value in members.items() if isinstance(value, (str, int))}


def _calculated(operation: Callable[[Any, Any], Any], left: Any, right: Any, node: ast.expr) -> Any:
    try:
        return operation(left, right)
    except (TypeError, ValueError, ArithmeticError) as problem:
        raise NotConstantError(ast.unparse(node)) from problem


def _named(name: str, node: ast.expr, scope: Scope, depth: int) -> Any:
    if name in scope.local:
        rest = {key: value for key, value in scope.local.items() if key != name}
        return constant(scope.local[name], Scope(scope.tree, scope.module, rest), depth)
    found = scope.tree.resolve(scope.module, name)
    if isinstance(found, Located) and isinstance(found.node, ast.expr):
        return constant(found.node, scope.at(found.module), depth)
    raise NotConstantError(ast.unparse(node))


def _attribute(node: ast.Attribute, scope: Scope, depth: int) -> Any:
    """``Enum.MEMBER``, ``Enum.MEMBER.value`` or ``module.CONSTANT``."""
    if ast.unparse(node) == "sys.maxsize":
        return 2**63 - 1
    if node.attr in {"value", "name"} and isinstance(node.value, ast.Attribute):
        if node.attr == "name":
            return node.value.attr
        return _attribute(node.value, scope, depth)
    if isinstance(node.value, ast.Name):
        found = scope.tree.resolve(scope.module, node.value.id)
        if isinstance(found, External) and (found.name, node.attr) in _FOREIGN_MEMBERS:
            return _FOREIGN_MEMBERS[found.name, node.attr]
        if isinstance(found, Located) and is_enum(found, scope.tree):
            members = enum_members(found, scope.tree)
            if node.attr in members:
                return members[node.attr]
        if isinstance(found, External):
            module = scope.tree.module(found.path)
            if module is not None:
                return _named(node.attr, node, scope.at(module), depth)
    raise NotConstantError(ast.unparse(node))


def _call(node: ast.Call, scope: Scope, depth: int) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in {"list", "dict", "set", "tuple"} and not node.args and not node.keywords:
        return {} if name == "dict" else []
    if name == "dict" and not node.args and all(keyword.arg for keyword in node.keywords):
        return {str(keyword.arg): constant(keyword.value, scope, depth) for keyword in node.keywords}
    if name in {"list", "tuple", "sorted", "int", "str"} and len(node.args) == 1 and not node.keywords:
        value = constant(node.args[0], scope, depth)
        return value if name in {"list", "tuple", "sorted"} else int(value) if name == "int" else str(value)
    if name == "pp_int" and node.args:
        # DeepSpeed's int that prints itself in a readable way.
        return constant(node.args[0], scope, depth)
    if name == "float" and len(node.args) == 1:
        value = constant(node.args[0], scope, depth)
        return str(value) if str(value).lstrip("+-") in {"inf", "nan"} else float(value)
    raise NotConstantError(ast.unparse(node))
