"""Which binding, import, option or call a name or attribute of a script goes back to."""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left

from cfglint.parse.python_expressions import CallSite
from cfglint.parse.python_scopes import CLASS, FUNCTION, PARAMETER, VALUE, Binding, Scope, Use, dotted_text
from cfglint.parse.python_walk import Walk

MANY = "assigned more than once"
BRANCHED = "assigned in a branch"
IMPORTED = "imported name"
UNDEFINED = "undefined name"


class Origins:
    """Looks names up in one walked script."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.imports = _import_table(walk)
        self._sorted: set[Scope] = set()
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

    def returned(self, name: str, use: Use) -> tuple[ast.expr, Use] | None:
        """What a function of the script returns, where one statement says that for every call of it."""
        found = self.binding(name, use) if name.isidentifier() else UNDEFINED
        if not isinstance(found, Binding) or not isinstance(found.node, ast.FunctionDef):
            return None
        function = found.node
        results = self.walk.returns.get(function, [])
        if function.decorator_list or len(results) != 1 or results[0][1].branch != found.branch:
            return None
        taken = function.args
        if (taken.posonlyargs or taken.args or taken.kwonlyargs) and len(self._sites(name)) != 1:
            return None
        expression, there = results[0]
        return None if expression is None else (expression, there)

    def _sites(self, name: str) -> list[CallSite]:
        """The calls of a plain name."""
        if self._called is None:
            self._called = {}
            for site in self.walk.calls:
                if isinstance(site.node.func, ast.Name):
                    self._called.setdefault(site.node.func.id, []).append(site)
        return self._called.get(name, [])

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
        sites = self._sites(function.name)
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
