"""Which binding, import, option or call a name or attribute of a script goes back to."""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left

from cfglint.parse.python_options import (
    Option,
    class_fields,
    command_options,
    decorator_option,
    default_of,
    is_dataclass,
)
from cfglint.parse.python_scopes import (
    CLASS,
    FUNCTION,
    PARAMETER,
    VALUE,
    Assignment,
    Binding,
    CallSite,
    Scope,
    Use,
    Walk,
    dotted_text,
)

MANY = "assigned more than once"
BRANCHED = "assigned in a branch"
IMPORTED = "imported name"
UNDEFINED = "undefined name"

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


class Origins:
    """Looks names up in one walked script."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.imports = _import_table(walk)
        self._sorted: set[Scope] = set()
        self._fields: dict[ast.ClassDef, dict[str, Option]] = {}
        self._parsers: set[ast.AST] | None = None
        self._options: dict[str, list[Option]] | None = None
        self._set: dict[str, list[Assignment]] | None = None
        self._called: dict[str, list[CallSite]] | None = None
        self._star = walk.star_imports[0] if len(walk.star_imports) == 1 else ""

    # Names.

    def binding(self, name: str, use: Use) -> Binding | str:
        """The binding that a use of a name sees, or why none is certain."""
        scope: Scope | None = use.scope
        here = True
        while scope is not None:
            found = scope.bindings.get(name)
            if found and (here or not isinstance(scope.node, ast.ClassDef)):
                if scope.inner:
                    return found[-1]
                return self._reaching(found, use) if here else _certain(found)
            here = here and scope.inner
            scope = scope.parent
        return IMPORTED if name in self.imports else UNDEFINED

    def _reaching(self, found: list[Binding], use: Use) -> Binding | str:
        """The last binding before a use in its scope, when no branch or loop makes another one possible."""
        if len(found) == 1 and found[0].kind in (FUNCTION, CLASS, PARAMETER):
            return found[0]
        if len(found) == 1:
            count = int(found[0].position < use.position)
        else:
            if found[0].scope not in self._sorted:
                # A walrus or a ``global`` may be met out of order.
                self._sorted.add(found[0].scope)
                for bindings in found[0].scope.bindings.values():
                    bindings.sort(key=_position)
            count = bisect_left(found, use.position, key=_position)
        if not count:
            return "assigned later" if use.branch or len(found) > 1 else UNDEFINED
        last = found[count - 1]
        if use.branch[: len(last.branch)] != last.branch:
            return BRANCHED if len(found) == 1 else MANY
        if count < len(found):
            loops = [part for part in use.branch if part in self.walk.loops]
            if any(loop in binding.branch for loop in loops for binding in found[count:]):
                return MANY
        return last

    def dotted(self, node: ast.expr, use: Use) -> str:
        """``a.b.c`` with an imported root spelled out; "" when the root is not imported."""
        text = dotted_text(node)
        if not text:
            return ""
        root, dot, rest = text.partition(".")
        scope: Scope | None = use.scope
        while scope is not None and scope.parent is not None:
            if root in scope.bindings:
                return ""
            scope = scope.parent
        imported = self.imports.get(root)
        if imported is not None:
            return imported + dot + rest
        if scope is None or root not in scope.bindings:
            if root == "torch":
                return text
            if self._star and not hasattr(builtins, root):
                return f"{self._star}.{text}"
        return ""

    def callee(self, function: ast.expr, use: Use) -> tuple[str, str]:
        """A called function's dotted name and its receiver's dotted text ("" for an expression)."""
        dotted = self.dotted(function, use)
        if dotted:
            return dotted, ""
        text = dotted_text(function)
        if not text:
            return (f"*.{function.attr}", "") if isinstance(function, ast.Attribute) else ("*", "")
        root, dot, rest = text.partition(".")
        binding = self.binding(root, use)
        if isinstance(binding, Binding):
            base = self._known_as(binding)
            if base:
                return base + dot + rest, ""
        if not dot:
            return text, ""
        receiver, _, method = text.rpartition(".")
        return f"*.{method}", receiver

    def _known_as(self, binding: Binding, depth: int = 8) -> str:
        """The imported name behind ``Config = SFTConfig`` or ``class Config(SFTConfig)``, "" for none."""
        use = Use(binding.scope, binding.position, binding.branch)
        if binding.kind == CLASS and isinstance(binding.node, ast.ClassDef):
            candidates: list[ast.expr] = binding.node.bases
        elif binding.kind == VALUE and isinstance(binding.value, (ast.Name, ast.Attribute)):
            candidates = [binding.value]
        else:
            return ""
        for candidate in candidates:
            dotted = self.dotted(candidate, use)
            if dotted:
                return dotted
            if isinstance(candidate, ast.Name) and depth:
                base = self.binding(candidate.id, use)
                if isinstance(base, Binding) and base.kind in (CLASS, VALUE):
                    known = self._known_as(base, depth - 1)
                    if known:
                        return known
        return ""

    # Functions of the script.

    def only_call(self, scope: Scope, parameter: str) -> tuple[ast.expr | None, Use, int] | None:
        """What the one call of a function passes for a parameter: (value or None, where it is read, line).

        None when the function is called elsewhere, never, more than once, or may be.
        """
        function = scope.node
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.decorator_list:
            return None
        if scope.parent is None or isinstance(scope.parent.node, ast.ClassDef):
            return None
        if self.walk.loads.get(function.name) or len(scope.parent.bindings.get(function.name, ())) != 1:
            return None
        if self._called is None:
            self._called = {}
            for site in self.walk.calls:
                if isinstance(site.node.func, ast.Name):
                    self._called.setdefault(site.node.func.id, []).append(site)
        sites = self._called.get(function.name, [])
        if len(sites) != 1:
            return None
        call = sites[0].node
        if any(isinstance(arg, ast.Starred) for arg in call.args) or any(
            not word.arg for word in call.keywords
        ):
            return None
        use = Use(sites[0].scope, (call.lineno, call.col_offset), sites[0].branch)
        for keyword in call.keywords:
            if keyword.arg == parameter:
                return keyword.value, use, keyword.value.lineno
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        index = names.index(parameter) if parameter in names else len(call.args)
        return (call.args[index] if index < len(call.args) else None), use, call.lineno

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

    # Attributes of values of the script.

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
        binding = self.binding(holder, use)
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
        made = self.binding(text, use) if text and "." not in text else UNDEFINED
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
            made = self.binding(stated, Use(self.walk.module, (1 << 30, 0), ()))
            if isinstance(made, Binding) and made.kind == CLASS:
                return self._field(made.node, name, is_weak=True)  # type: ignore[arg-type]
            if stated.rpartition(".")[2] not in ("Namespace", "Any", "DictConfig"):
                return None, False, "attribute"
        given = self.only_call(binding.scope, holder)
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


def _position(binding: Binding) -> tuple[int, int]:
    return binding.position


def _certain(found: list[Binding]) -> Binding | str:
    """The binding that code running at another time sees: the only one, outside branches."""
    if len(found) > 1:
        return MANY
    return found[0] if not found[0].branch else BRANCHED


def _import_table(walk: Walk) -> dict[str, str]:
    """Local names to dotted names: the last unconditional import, else the first one in a branch."""
    table: dict[str, str] = {}
    for item in walk.imports:
        if not item.branch or item.local not in table:
            table[item.local] = item.dotted
    return table
