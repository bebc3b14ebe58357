"""Defaults that a script gives its own options: argparse, click, typer, dataclasses and plain classes."""

from __future__ import annotations

import ast
from typing import NamedTuple

from cfglint.parse.python_scopes import Branch, Scope, Use, dotted_text
from cfglint.parse.python_walk import Walk


class Option(NamedTuple):
    """A default of one option: its expression (None for none), where it is read, how a note names it."""

    default: ast.expr | None
    use: Use
    label: str
    node: ast.AST


def _constant(value: object, at: ast.AST) -> ast.expr:
    """A default that is implied rather than written."""
    return ast.copy_location(ast.Constant(value), at)  # type: ignore[arg-type]


def command_options(walk: Walk) -> dict[str, list[Option]]:
    """The options of every ``add_argument`` call of a script by the attribute they end up in."""
    options: dict[str, list[Option]] = {}
    for site in walk.calls:
        call = site.node
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        use = Use(site.scope, (call.lineno, call.col_offset), site.branch)
        if method == "set_defaults":
            for keyword in call.keywords:
                if keyword.arg:
                    option = Option(keyword.value, use, f"set_defaults({keyword.arg}=…)", call)
                    options[keyword.arg] = [option]
        elif method in ("add_argument", "add_option"):
            flags = _texts(call.args)
            if flags:
                keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
                option = _declared(flags, keywords, use, call)
                options.setdefault(_destination(flags, keywords), []).append(option)
    return options


def _texts(arguments: list[ast.expr]) -> list[str]:
    return [arg.value for arg in arguments if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def _destination(flags: list[str], keywords: dict[str, ast.expr]) -> str:
    given = keywords.get("dest")
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    longest = next((flag for flag in flags if flag.startswith("--")), flags[0])
    return longest.lstrip("-").replace("-", "_")


def _declared(flags: list[str], keywords: dict[str, ast.expr], use: Use, call: ast.Call) -> Option:
    longest = next((flag for flag in flags if flag.startswith("--")), flags[0])
    default = keywords.get("default")
    action = keywords.get("action")
    if default is None and isinstance(action, ast.Constant) and action.value in ("store_true", "store_false"):
        default = _constant(action.value == "store_false", call)
    required = keywords.get("required")
    needed = not longest.startswith("-") or (isinstance(required, ast.Constant) and bool(required.value))
    if default is None and not needed:
        default = _constant(None, call)
    return Option(_converted(default, keywords.get("type")), use, f"default of {longest}", call)


def _converted(default: ast.expr | None, kind: ast.expr | None) -> ast.expr | None:
    """A default as argparse hands it out: it converts one that is a string, and only that."""
    if (
        not isinstance(default, ast.Constant)
        or not isinstance(default.value, str)
        or not isinstance(kind, ast.Name)
    ):
        return default
    convert = {"int": int, "float": float}.get(kind.id)
    if convert is None:
        return default
    try:
        return ast.copy_location(ast.Constant(convert(default.value)), default)
    except ValueError:
        return default


def decorator_option(
    function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str, scope: Scope, branch: Branch
) -> Option | None:
    """The ``@click.option`` that fills a parameter of the function it decorates."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        if not dotted_text(decorator.func).endswith(("option", "argument")):
            continue
        flags = _texts(decorator.args)
        names = {flag.partition("/")[0].lstrip("-").replace("-", "_") for flag in flags}
        if parameter not in names:
            continue
        keywords = {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
        default = keywords.get("default")
        flag = keywords.get("is_flag")
        if default is None and (any("/" in item for item in flags) or isinstance(flag, ast.Constant)):
            default = _constant(False, decorator)
        use = Use(scope, (decorator.lineno, decorator.col_offset), branch)
        return Option(default or _constant(None, decorator), use, f"default of {flags[0]}", decorator)
    return None


def default_of(value: ast.expr | None) -> ast.expr | None:
    """The default inside ``field(default=…)``, ``Field(…)``, ``typer.Option(…)``, else the value itself."""
    if not isinstance(value, ast.Call):
        return value
    name = dotted_text(value.func).rpartition(".")[2]
    if name not in ("field", "Field", "Option", "Argument", "HfArg", "ib", "attrib", "Factory"):
        return value
    for keyword in value.keywords:
        if keyword.arg == "default":
            return keyword.value
        if keyword.arg in ("default_factory", "factory"):
            if isinstance(keyword.value, ast.Lambda):
                return keyword.value.body
            built_in = {"list": ast.List([], ast.Load()), "dict": ast.Dict([], [])}.get(
                dotted_text(keyword.value)
            )
            return ast.copy_location(built_in, keyword.value) if built_in else keyword.value
    if name == "field" or not value.args:
        return None
    return None if isinstance(value.args[0], ast.Constant) and value.args[0].value is ... else value.args[0]


def is_dataclass(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass, an attrs class or a settings model: its fields are options."""
    for decorator in node.decorator_list:
        name = dotted_text(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if name.rpartition(".")[2] in ("dataclass", "define", "frozen", "s", "attrs", "chz"):
            return True
    return any(dotted_text(base).rpartition(".")[2] in ("BaseModel", "BaseSettings") for base in node.bases)


def class_fields(node: ast.ClassDef, scope: Scope) -> dict[str, Option]:
    """The fields and constants that a class's own body gives a value or declares."""
    fields: dict[str, Option] = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            target: ast.expr = statement.target
            value = statement.value
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            value = statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            use = Use(scope, (statement.lineno, statement.col_offset), ())
            label = f"default of {node.name}.{target.id}"
            fields[target.id] = Option(default_of(value), use, label, statement)
    return fields
