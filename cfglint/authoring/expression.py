"""The condition language, read: a small typed subset of Python expressions, parsed by ``ast``, lowered to JSON lists.

What is supported: literals, dotted canonical fields, ``and or not``, chained comparisons, ``in`` and ``not in`` with
a list or a macro list, ``+ - * / // % **``, ``a if c else b``, ``any(… for x in field)`` and ``all(…)``, and the
functions of FUNCTIONS. Everything else is an error that says what is supported. ``cfglint.engine.evaluate`` runs
the result with three-valued logic.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

IR = list[Any]

#: Functions: name -> (kinds of arguments, result type). "field" is a field name, "step" a step name, "package" a
#: package name, "text" a literal string, "any" an expression.
FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "set": (("field",), "bool"),
    "unset": (("field",), "bool"),
    "known": (("field",), "bool"),
    "explicit": (("field",), "bool"),
    "is_string": (("field",), "bool"),
    "raw": (("field",), "str"),
    "has": (("step",), "bool"),
    "before": (("step", "step"), "bool"),
    "package": (("package", "any"), "bool"),
    "pinned": (("package",), "bool"),
    "lookup": (("text", "any", "text"), "any"),
    "matches": (("any", "text"), "bool"),
    "startswith": (("any", "any"), "bool"),
    "endswith": (("any", "any"), "bool"),
    "lower": (("any",), "str"),
    "len": (("any",), "number"),
    "abs": (("number",), "number"),
    "sqrt": (("number",), "number"),
    "number": (("any",), "number"),
    "min": (("number", "number"), "number"),
    "max": (("number", "number"), "number"),
}

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "notin",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}


class ExpressionError(ValueError):
    """A condition that is not in the language; the message names the part and what is supported."""


class Registry(NamedTuple):
    """What names mean: ``field_type`` gives a field's type or None, ``steps`` the step names, ``packages`` verdicts.

    ``unsaid`` decides a specifier over all tabled releases of a package: True, False or None (undecided).
    ``macros`` maps names to expression texts, ``lists`` to lists of literals.
    """

    field_type: Callable[[str], str | None]
    steps: frozenset[str]
    unsaid: Callable[[str, str], bool | None]
    macros: Mapping[str, str]
    lists: Mapping[str, list[Any]]


class Compiled(NamedTuple):
    """A lowered condition with its type and what it reads."""

    ir: IR
    type: str
    fields: tuple[str, ...]
    packages: tuple[str, ...]
    steps: tuple[str, ...]


def compile_expression(text: str, registry: Registry, boolean: bool = True) -> Compiled:
    """Parse, check and lower one expression. Raises ExpressionError with what is wrong and what would be right."""
    compiler = _Compiler(registry)
    ir, kind = compiler.parse(text)
    if boolean:
        compiler.need(kind, "bool", text)
    return Compiled(
        ir,
        kind,
        tuple(sorted(compiler.fields)),
        tuple(sorted(compiler.packages)),
        tuple(sorted(compiler.steps)),
    )


class _Compiler:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.fields: set[str] = set()
        self.packages: set[str] = set()
        self.steps: set[str] = set()
        self.variables: list[str] = []
        self.macro_stack: list[str] = []

    def parse(self, text: str) -> tuple[IR, str]:
        try:
            tree = ast.parse(text.strip().replace("\n", " "), mode="eval")
        except (SyntaxError, ValueError, RecursionError) as error:
            raise ExpressionError(f"cannot be parsed: {error}: {text.strip()!r}") from None
        return self.lower(tree.body)

    def need(self, kind: str, wanted: str, what: str) -> None:
        if kind == wanted or "any" in (kind, wanted):
            return
        if wanted == "bool":
            raise ExpressionError(f"{what!r} is a {kind}, not a condition: compare it, or write set(…)")
        raise ExpressionError(f"{what!r} is a {kind}, expected a {wanted}")

    def lower(self, node: ast.expr) -> tuple[IR, str]:
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is None:
            raise ExpressionError(
                f"{ast.unparse(node)!r}: {type(node).__name__} is not supported; write fields, literals, comparisons, "
                f"and/or/not, arithmetic, any/all, or one of {', '.join(sorted(FUNCTIONS))}"
            )
        result: tuple[IR, str] = method(node)
        return result

    def on_Constant(self, node: ast.Constant) -> tuple[IR, str]:
        if node.value is None or isinstance(node.value, (bytes, complex)) or node.value is ...:
            raise ExpressionError(
                f"{ast.unparse(node)!r} is no value here; for a missing setting write unset(field)"
            )
        kind = (
            "bool"
            if isinstance(node.value, bool)
            else "number"
            if isinstance(node.value, (int, float))
            else "str"
        )
        return ["k", node.value], kind

    def on_List(self, node: ast.List) -> tuple[IR, str]:
        items = [self.lower(item)[0] for item in node.elts]
        if any(item[0] != "k" for item in items):
            raise ExpressionError(f"{ast.unparse(node)!r}: a list holds literals only")
        return ["k", [item[1] for item in items]], "list"

    on_Tuple = on_List

    def on_Name(self, node: ast.Name) -> tuple[IR, str]:
        name = node.id
        if name in self.variables:
            return ["v", name], "any"
        if name in self.registry.lists:
            return ["k", list(self.registry.lists[name])], "list"
        if name in self.registry.macros:
            if name in self.macro_stack:
                raise ExpressionError(f"macro {name!r} uses itself")
            self.macro_stack.append(name)
            result = self.parse(self.registry.macros[name])
            self.macro_stack.pop()
            return result
        return self.field(name)

    def on_Attribute(self, node: ast.Attribute) -> tuple[IR, str]:
        name = ast.unparse(node)
        head = name.split(".", 1)[0]
        if head in self.variables:
            return ["item", head, name.split(".", 1)[1]], "any"
        return self.field(name)

    def field(self, name: str) -> tuple[IR, str]:
        kind = self.registry.field_type(name)
        if kind is None:
            raise ExpressionError(
                f"unknown field, macro or list {name!r}; fields are listed in rules/fields.yaml"
            )
        self.fields.add(name)
        return ["f", name, kind], {"int": "number", "float": "number"}.get(kind, kind)

    def on_BoolOp(self, node: ast.BoolOp) -> tuple[IR, str]:
        parts = []
        for value in node.values:
            ir, kind = self.lower(value)
            self.need(kind, "bool", ast.unparse(value))
            parts.append(ir)
        return ["and" if isinstance(node.op, ast.And) else "or", *parts], "bool"

    def on_UnaryOp(self, node: ast.UnaryOp) -> tuple[IR, str]:
        ir, kind = self.lower(node.operand)
        if isinstance(node.op, ast.Not):
            self.need(kind, "bool", ast.unparse(node.operand))
            return ["not", ir], "bool"
        if isinstance(node.op, ast.USub):
            self.need(kind, "number", ast.unparse(node.operand))
            return (["k", -ir[1]], "number") if ir[0] == "k" else (["-", ["k", 0], ir], "number")
        raise ExpressionError(f"{ast.unparse(node)!r}: this operator is not supported")

    def on_Compare(self, node: ast.Compare) -> tuple[IR, str]:
        parts = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            symbol = _COMPARE.get(type(operator))
            if symbol is None:
                raise ExpressionError(f"{ast.unparse(node)!r}: use == and !=, not is")
            left_ir, left_kind = self.lower(left)
            right_ir, right_kind = self.lower(right)
            if symbol in ("in", "notin"):
                if right_kind not in ("list", "str", "any", "map"):
                    raise ExpressionError(f"{ast.unparse(node)!r}: the right side of in is a list or a text")
            elif symbol in ("==", "!="):
                if "any" not in (left_kind, right_kind) and left_kind != right_kind:
                    raise ExpressionError(f"{ast.unparse(node)!r} compares a {left_kind} with a {right_kind}")
            else:
                self.need(left_kind, "number", ast.unparse(left))
                self.need(right_kind, "number", ast.unparse(right))
            parts.append([symbol, left_ir, right_ir])
            left = right
        return (parts[0] if len(parts) == 1 else ["and", *parts]), "bool"

    def on_BinOp(self, node: ast.BinOp) -> tuple[IR, str]:
        symbol = _ARITHMETIC.get(type(node.op))
        if symbol is None:
            raise ExpressionError(f"{ast.unparse(node)!r}: this operator is not supported")
        left, left_kind = self.lower(node.left)
        right, right_kind = self.lower(node.right)
        self.need(left_kind, "number", ast.unparse(node.left))
        self.need(right_kind, "number", ast.unparse(node.right))
        return [symbol, left, right], "number"

    def on_IfExp(self, node: ast.IfExp) -> tuple[IR, str]:
        test, kind = self.lower(node.test)
        self.need(kind, "bool", ast.unparse(node.test))
        then, then_kind = self.lower(node.body)
        other, other_kind = self.lower(node.orelse)
        return ["if", test, then, other], then_kind if then_kind == other_kind else "any"

    def on_Call(self, node: ast.Call) -> tuple[IR, str]:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise ExpressionError(
                f"{ast.unparse(node)!r}: call one of {', '.join(sorted(FUNCTIONS))} without keywords"
            )
        name = node.func.id
        if name in ("any", "all"):
            return self.quantifier(name, node)
        if name not in FUNCTIONS:
            raise ExpressionError(
                f"{name!r} is no function; there are {', '.join(sorted(FUNCTIONS))}, any, all"
            )
        kinds, result = FUNCTIONS[name]
        if len(node.args) != len(kinds):
            raise ExpressionError(f"{ast.unparse(node)!r}: {name} takes {len(kinds)} argument(s)")
        arguments = [self.argument(name, kind, value) for kind, value in zip(kinds, node.args, strict=True)]
        if name == "package":
            package, spec = arguments
            self.packages.add(package)
            unsaid = self.registry.unsaid(package, spec[1]) if spec[0] == "k" else None
            return ["package", package, spec, unsaid], "bool"
        return [name, *arguments], result

    def argument(self, function: str, kind: str, node: ast.expr) -> Any:
        if kind == "field":
            name = ast.unparse(node)
            self.field(name)
            return name
        if kind in ("step", "package", "text"):
            value = node.id if isinstance(node, ast.Name) and kind != "text" else None
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                value = node.value
            if value is None:
                raise ExpressionError(f"{function}(): {ast.unparse(node)!r} must be a {kind}'s name")
            if kind == "step":
                if value not in self.registry.steps:
                    raise ExpressionError(
                        f"unknown step {value!r}; there are {', '.join(sorted(self.registry.steps))}"
                    )
                self.steps.add(value)
            if kind == "package":
                value = value.lower().replace("_", "-")
                self.packages.add(value)
            return value
        ir, found = self.lower(node)
        if kind == "number":
            self.need(found, "number", ast.unparse(node))
        return ir

    def quantifier(self, name: str, node: ast.Call) -> tuple[IR, str]:
        body = node.args[0] if len(node.args) == 1 else None
        if not isinstance(body, ast.GeneratorExp) or len(body.generators) != 1:
            raise ExpressionError(f"{ast.unparse(node)!r}: write {name}(condition for x in field)")
        generator = body.generators[0]
        if not isinstance(generator.target, ast.Name) or generator.ifs:
            raise ExpressionError(f"{ast.unparse(node)!r}: one variable and no if")
        over, _ = self.lower(generator.iter)
        self.variables.append(generator.target.id)
        test, kind = self.lower(body.elt)
        self.variables.pop()
        self.need(kind, "bool", ast.unparse(body.elt))
        return [name, generator.target.id, over, test], "bool"
