"""Where the attributes of a script's own values come from: assignments, fields, keyword arguments, options."""

from __future__ import annotations

import ast

from cfglint.parse.python_options import (
    Option,
    class_fields,
    command_options,
    decorator_option,
    default_of,
    is_dataclass,
)
from cfglint.parse.python_origins import BRANCHED, IMPORTED, MANY, UNDEFINED, Origins
from cfglint.parse.python_scopes import CLASS, FUNCTION, PARAMETER, Binding, Scope, Use, dotted_text
from cfglint.parse.python_walk import Assignment

#: Calls that make an object of their keyword arguments.
_NAMESPACES = frozenset(
    {"SimpleNamespace", "Namespace", "EasyDict", "edict", "DotDict", "AttrDict", "Munch", "Box"}
)

#: Calls (last part of the name) that fill options from a command line or a file.
PARSES = frozenset(
    {
        "parse_args",
        "parse_known_args",
        "parse_args_into_dataclasses",
        "parse_args_and_config",
        "parse_dict",
        "parse_json_file",
        "parse_yaml_file",
        "parse_known_args_into_dataclasses",
        "cli",
        "CLI",
        "auto_cli",
        "entrypoint",
    }
)


class Members:
    """Looks attributes and parameters up in one walked script."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.walk = origins.walk
        self._fields: dict[ast.ClassDef, dict[str, Option]] = {}
        self._parsers: set[ast.AST] | None = None
        self._options: dict[str, list[Option]] | None = None
        self._set: dict[str, list[Assignment]] | None = None

    def parameter_option(self, name: str, binding: Binding) -> Option | None:
        """The default of a parameter: its command-line option's, else its signature's."""
        scope = binding.scope
        outer = scope.parent or scope
        if isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and scope.node.decorator_list:
            option = decorator_option(scope.node, name, outer, binding.branch)
            if option is not None:
                return option
        default = default_of(binding.value)
        return Option(
            default, Use(outer, binding.position, binding.branch), f"default of {name}", binding.node
        )

    def member(self, holder: str, name: str, use: Use, depth: int = 4) -> tuple[Option | None, bool, str]:
        """Where ``holder.name`` comes from: its value or default, whether that is weak, else the reason."""
        assigned = self._assigned(f"{holder}.{name}", use)
        if assigned is not None:
            return assigned
        if "." in holder or not depth:
            return None, False, "attribute"
        if holder in ("self", "cls"):
            scope: Scope | None = use.scope
            while scope is not None and not isinstance(scope.node, ast.ClassDef):
                scope = scope.parent
            if scope is None or not isinstance(scope.node, ast.ClassDef):
                return None, False, "attribute"
            return self._field(scope.node, name, is_weak=True)
        binding = self.origins.binding(holder, use)
        if isinstance(binding, str):
            return self._any_option(name) if binding != IMPORTED else (None, False, "attribute")
        if binding.kind == CLASS:
            return self._field(binding.node, name, is_weak=False)  # type: ignore[arg-type]
        if binding.kind == PARAMETER:
            return self._of_parameter(binding, holder, name, depth)
        value = binding.value
        if isinstance(value, ast.Subscript):
            # parse_args_into_dataclasses()[0]
            value = value.value
        if isinstance(value, ast.Call):
            return self._of_call(binding, value, name)
        if isinstance(binding.value, ast.Name):
            there = Use(binding.scope, binding.position, binding.branch)
            return self.member(binding.value.id, name, there, depth - 1)
        return None, False, "attribute"

    def _assigned(self, target: str, use: Use) -> tuple[Option | None, bool, str] | None:
        if self._set is None:
            self._set = {}
            for assignment in self.walk.assignments:
                self._set.setdefault(dotted_text(assignment.target), []).append(assignment)
        found = self._set.get(target)
        if not found:
            return None
        if len(found) > 1:
            return None, False, MANY
        only = found[0]
        position = (only.statement.lineno, only.statement.col_offset)
        if only.value is None:
            return None, False, MANY
        if use.branch[: len(only.branch)] != only.branch:
            return None, False, BRANCHED
        before = only.scope is use.scope and position < use.position
        if not before and not (target.startswith("self.") and only.scope.name.endswith("__init__")):
            return None, False, "assigned elsewhere"
        there = Use(only.scope, position, only.branch)
        return Option(only.value, there, f"{target} set", only.statement), False, ""

    def _of_call(self, binding: Binding, call: ast.Call, name: str) -> tuple[Option | None, bool, str]:
        use = Use(binding.scope, binding.position, binding.branch)
        text = dotted_text(call.func)
        last = text.rpartition(".")[2] or getattr(call.func, "attr", "")
        made = self.origins.binding(text, use) if text and "." not in text else UNDEFINED
        if last in _NAMESPACES or (isinstance(made, Binding) and made.kind == CLASS):
            for keyword in call.keywords:
                if keyword.arg == name:
                    return Option(keyword.value, use, f"{last}({name}=…)", keyword.value), False, ""
                if keyword.arg is None:
                    return None, False, "attribute"
            if isinstance(made, Binding) and not call.args:
                return self._field(made.node, name, is_weak=False)  # type: ignore[arg-type]
            return None, False, "attribute"
        if last in PARSES or (
            isinstance(made, Binding) and made.kind == FUNCTION and self._parses(made.node)
        ):
            return self._any_option(name)
        return None, False, "attribute"

    def _parses(self, function: ast.AST) -> bool:
        """Whether a function of the script reads the command line."""
        if self._parsers is None:
            self._parsers = {
                site.scope.node
                for site in self.walk.calls
                if site.scope.node
                and isinstance(site.node.func, ast.Attribute)
                and site.node.func.attr in PARSES
            }
        return function in self._parsers

    def _of_parameter(
        self, binding: Binding, holder: str, name: str, depth: int
    ) -> tuple[Option | None, bool, str]:
        annotation = getattr(binding.node, "annotation", None)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.Name(annotation.value, ast.Load())
        stated = dotted_text(annotation)
        if stated:
            made = self.origins.binding(stated, Use(self.walk.module, (1 << 30, 0), ()))
            if isinstance(made, Binding) and made.kind == CLASS:
                return self._field(made.node, name, is_weak=True)  # type: ignore[arg-type]
            if stated.rpartition(".")[2] not in ("Namespace", "Any", "DictConfig"):
                return None, False, "attribute"
        given = self.origins.only_call(binding.scope, holder)
        if given is not None and given[0] is not None:
            text = dotted_text(given[0])
            if text:
                return self.member(text, name, given[1], depth - 1)
            if isinstance(given[0], ast.Call):
                there = binding._replace(scope=given[1].scope, position=given[1].position)
                return self._of_call(there, given[0], name)
        return self._any_option(name)

    def _field(self, node: ast.ClassDef, name: str, is_weak: bool) -> tuple[Option | None, bool, str]:
        """A field of a class of the script or of its bases there."""
        seen = 0
        current: ast.ClassDef | None = node
        while current is not None and seen < 8:
            if current not in self._fields:
                self._fields[current] = class_fields(current, self.walk.module)
            option = self._fields[current].get(name)
            if option is not None:
                return option, is_weak, "" if option.default is not None else "no default"
            following = None
            for base in current.bases:
                if isinstance(base, ast.Name):
                    found = self.walk.module.bindings.get(base.id, [])
                    if len(found) == 1 and isinstance(found[0].node, ast.ClassDef):
                        following = found[0].node
                        break
            current = following
            seen += 1
        return None, False, "attribute"

    def _any_option(self, name: str) -> tuple[Option | None, bool, str]:
        """The script's option or dataclass field of a name, if there is only one."""
        if self._options is None:
            self._options = command_options(self.walk)
            for node, scope, _ in self.walk.classes:
                if is_dataclass(node):
                    for field, option in class_fields(node, scope).items():
                        self._options.setdefault(field, []).append(option)
        found = self._options.get(name, [])
        if not found:
            return None, False, "attribute"
        first = found[0]
        for other in found[1:]:
            same = first.default is not None and other.default is not None
            if not same or ast.dump(first.default) != ast.dump(other.default):  # type: ignore[arg-type]
                return None, False, "several options of that name"
        return first, True, "" if first.default is not None else "no default"
