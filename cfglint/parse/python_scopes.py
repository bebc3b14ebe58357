"""One walk over a syntax tree: what names may stand for in each scope, and every call and assignment."""

from __future__ import annotations

import ast
from typing import NamedTuple

Branch = tuple[int, ...]
Position = tuple[int, int]

#: Kinds of Binding.
VALUE, PARAMETER, FUNCTION, CLASS, OTHER = "value", "parameter", "function", "class", "other"

#: Methods that return the object they are called on: a chain's target is the target of its receiver too.
_RETURNS_SELF = frozenset(
    {"to", "cuda", "cpu", "half", "float", "bfloat16", "eval", "train", "requires_grad_", "compile"}
)

#: Methods that change a list or dict in place.
_MUTATES = frozenset(
    {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "popitem", "sort"}
)

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class Binding(NamedTuple):
    """One place that gives a name a meaning; ``value`` is a VALUE's expression or a PARAMETER's default."""

    kind: str
    value: ast.expr | None
    position: Position
    branch: Branch
    node: ast.AST
    scope: Scope


class Scope:
    """A module, function, class, lambda or comprehension and the names bound in it."""

    __slots__ = ("bindings", "inner", "name", "node", "parent")

    def __init__(self, name: str, parent: Scope | None, node: ast.AST | None, inner: bool = False) -> None:
        self.name = name
        self.parent = parent
        self.node = node
        #: A comprehension runs where it stands; every other scope may run at another time.
        self.inner = inner
        self.bindings: dict[str, list[Binding]] = {}

    def bind(self, name: str, kind: str, value: ast.expr | None, node: ast.AST, branch: Branch) -> None:
        """Add a meaning of a name."""
        position = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
        self.bindings.setdefault(name, []).append(Binding(kind, value, position, branch, node, self))


class Use(NamedTuple):
    """Where an expression is read: which bindings reach it follows from that."""

    scope: Scope
    position: Position
    branch: Branch


class CallSite(NamedTuple):
    """A call with the name its result gets; ``host`` is the f-string it stands in, for its place is vague."""

    node: ast.Call
    scope: Scope
    branch: Branch
    target: str
    host: ast.expr | None


class Assignment(NamedTuple):
    """An attribute or item assignment; ``value`` is None where a part of an unread value is assigned."""

    target: ast.expr
    value: ast.expr | None
    statement: ast.stmt
    scope: Scope
    branch: Branch


class ImportedName(NamedTuple):
    """A local name and the dotted name it was imported as."""

    local: str
    dotted: str
    branch: Branch


class Walk:
    """The names, calls, assignments, imports and definitions of one module, in the order of the text."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("", None, None)
        self.calls: list[CallSite] = []
        self.assignments: list[Assignment] = []
        self.imports: list[ImportedName] = []
        self.star_imports: list[str] = []
        self.modules: list[str] = []
        self.functions: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope, str]] = []
        self.classes: list[tuple[ast.ClassDef, Scope, str]] = []
        self.loads: dict[str, int] = {}
        self.mutated: set[str] = set()
        self.loops: set[int] = set()
        self._branches = 0
        self._pending: list[tuple[list[ast.stmt], Scope, Branch]] = []
        self._walk(tree.body)

    def _new(self, branch: Branch, loop: bool = False) -> Branch:
        self._branches += 1
        if loop:
            self.loops.add(self._branches)
        return (*branch, self._branches)

    def _walk(self, body: list[ast.stmt]) -> None:
        """Visit statements in order without recursion: ``elif`` chains nest as deep as they are long."""
        stack = [(iter(body), self.module, ())]  # type: list[tuple[object, Scope, Branch]]
        while stack:
            statements, scope, branch = stack[-1]
            statement = next(statements, None)  # type: ignore[call-overload]
            if statement is None:
                stack.pop()
                continue
            self._statement(statement, scope, branch)
            while self._pending:
                later, inner, path = self._pending.pop()
                stack.append((iter(later), inner, path))

    def _later(self, *blocks: tuple[list[ast.stmt], Scope, Branch]) -> None:
        """Queue the bodies of a compound statement; ``_walk`` takes the first one first."""
        self._pending.extend(block for block in blocks if block[0])

    def _statement(self, node: ast.stmt, scope: Scope, branch: Branch) -> None:
        if isinstance(node, ast.Expr):
            self._expression(node.value, scope, branch)
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, node, scope, branch)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign([node.target], node.value, node, scope, branch)
        elif isinstance(node, ast.AugAssign):
            self._expression(node.value, scope, branch)
            self._target(node.target, None, node, scope, branch)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, branch)
        elif isinstance(node, ast.If):
            self._expression(node.test, scope, branch)
            if _is_main_guard(node.test):
                self._later((node.body, scope, branch), (node.orelse, scope, self._new(branch)))
            else:
                self._later((node.body, scope, self._new(branch)), (node.orelse, scope, self._new(branch)))
        elif isinstance(node, _FUNCTIONS):
            self._function(node, scope, branch)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, branch)
        elif isinstance(node, _LOOPS):
            inside = self._new(branch, loop=True)
            if isinstance(node, ast.While):
                self._expression(node.test, scope, inside)
            else:
                self._expression(node.iter, scope, branch)
                self._target(node.target, None, node, scope, inside)
            self._later((node.body, scope, inside), (node.orelse, scope, self._new(branch)))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                name = dotted_text(item.optional_vars) if item.optional_vars else ""
                self._expression(item.context_expr, scope, branch, name)
                if item.optional_vars:
                    self._target(item.optional_vars, None, node, scope, branch)
            self._later((node.body, scope, branch))
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            self._try(node, scope, branch)  # type: ignore[arg-type]
        elif isinstance(node, ast.Match):
            self._expression(node.subject, scope, branch)
            for case in node.cases:
                for name in _captures(case.pattern):
                    scope.bind(name, OTHER, None, node, branch)
                self._later((case.body, scope, self._new(branch)))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                (self.module if isinstance(node, ast.Global) else scope).bind(
                    name, OTHER, None, node, self._new(())
                )
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._expression(child, scope, branch)

    def _try(self, node: ast.Try, scope: Scope, branch: Branch) -> None:
        body = self._new(branch) if node.handlers else branch
        self._later((node.body, scope, body))
        for handler in node.handlers:
            path = self._new(branch)
            if handler.name:
                scope.bind(handler.name, OTHER, None, handler, path)
            self._later((handler.body, scope, path))
        self._later((node.orelse, scope, body), (node.finalbody, scope, branch))

    def _assign(
        self, targets: list[ast.expr], value: ast.expr, node: ast.stmt, scope: Scope, branch: Branch
    ) -> None:
        first = targets[0]
        if isinstance(first, (ast.Tuple, ast.List)) and first.elts:
            first = first.elts[0]
        self._expression(value, scope, branch, dotted_text(first))
        for target in targets:
            self._target(target, value, node, scope, branch)

    def _target(
        self, target: ast.expr, value: ast.expr | None, node: ast.stmt, scope: Scope, branch: Branch
    ) -> None:
        if isinstance(target, ast.Name):
            if value is None and isinstance(node, ast.AugAssign):
                self.mutated.add(target.id)
            scope.bind(target.id, OTHER if value is None else VALUE, value, target, branch)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts: list[ast.expr | None] = [None] * len(target.elts)
            if (
                isinstance(value, (ast.Tuple, ast.List))
                and len(value.elts) == len(target.elts)
                and not any(isinstance(item, ast.Starred) for item in (*value.elts, *target.elts))
            ):
                parts = list(value.elts)
            for element, part in zip(target.elts, parts, strict=True):
                if part is None and value is not None and isinstance(element, ast.Name):
                    # The whole value still tells where its parts come from (parse_args_into_dataclasses).
                    scope.bind(element.id, OTHER, value, element, branch)
                else:
                    self._target(element, part, node, scope, branch)
        elif isinstance(target, ast.Starred):
            self._target(target.value, None, node, scope, branch)
        else:
            if isinstance(target, ast.Subscript):
                self._expression(target.slice, scope, branch)
                root = dotted_text(target.value).partition(".")[0]
                if root:
                    self.mutated.add(root)
            self.assignments.append(Assignment(target, value, node, scope, branch))

    def _import(self, node: ast.Import | ast.ImportFrom, branch: Branch) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.append(alias.name)
                if alias.asname:
                    self.imports.append(ImportedName(alias.asname, alias.name, branch))
                else:
                    root = alias.name.partition(".")[0]
                    self.imports.append(ImportedName(root, root, branch))
            return
        module = "." * node.level + (node.module or "")
        self.modules.append(module)
        for alias in node.names:
            if alias.name == "*":
                self.star_imports.append(module)
            else:
                dotted = module + alias.name if module.endswith(".") else f"{module}.{alias.name}"
                self.imports.append(ImportedName(alias.asname or alias.name, dotted, branch))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, branch: Branch) -> None:
        name = f"{scope.name}.{node.name}" if scope.name else node.name
        scope.bind(node.name, FUNCTION, None, node, branch)
        self.functions.append((node, scope, name))
        for decorator in node.decorator_list:
            self._expression(decorator, scope, branch)
        inside = Scope(name, scope, node)
        self._parameters(node.args, scope, inside, branch)
        self._later((node.body, inside, branch))

    def _parameters(self, arguments: ast.arguments, scope: Scope, inside: Scope, branch: Branch) -> None:
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = list(zip(positional, [*defaults, *arguments.defaults], strict=True))
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for parameter, default in pairs:
            inside.bind(parameter.arg, PARAMETER, default, parameter, branch)
            if default is not None:
                self._expression(default, scope, branch)
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inside.bind(rest.arg, OTHER, None, rest, branch)

    def _class(self, node: ast.ClassDef, scope: Scope, branch: Branch) -> None:
        name = f"{scope.name}.{node.name}" if scope.name else node.name
        scope.bind(node.name, CLASS, None, node, branch)
        self.classes.append((node, scope, name))
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self._expression(expression, scope, branch)
        self._later((node.body, Scope(name, scope, node), branch))

    def _expression(self, root: ast.expr, scope: Scope, branch: Branch, target: str = "") -> None:
        """Record the calls and name uses of an expression, without recursion."""
        stack: list[tuple[ast.AST, Scope, Branch, str, ast.expr | None]] = [
            (root, scope, branch, target, None)
        ]
        while stack:
            node, scope, branch, target, host = stack.pop()
            kind = type(node)
            if kind is ast.Constant:
                continue
            if kind is ast.Name:
                name = node.id  # type: ignore[attr-defined]
                self.loads[name] = self.loads.get(name, 0) + 1
            elif kind is ast.Attribute:
                stack.append((node.value, scope, branch, "", host))  # type: ignore[attr-defined]
            elif kind is ast.Call:
                self._call(node, scope, branch, target, host, stack)  # type: ignore[arg-type]
            elif kind is ast.Await:
                stack.append((node.value, scope, branch, target, host))  # type: ignore[attr-defined]
            elif isinstance(node, ast.IfExp):
                stack.append((node.test, scope, branch, "", host))
                stack.append((node.body, scope, self._new(branch), target, host))
                stack.append((node.orelse, scope, self._new(branch), target, host))
            elif isinstance(node, ast.Lambda):
                inside = Scope(scope.name, scope, node)
                self._parameters(node.args, scope, inside, branch)
                stack.append((node.body, inside, self._new(branch), "", host))
            elif isinstance(node, _COMPREHENSIONS):
                self._comprehension(node, scope, branch, host, stack)
            elif isinstance(node, ast.NamedExpr):
                holder = scope
                while holder.inner and holder.parent is not None:
                    holder = holder.parent
                holder.bind(node.target.id, OTHER, None, node.target, branch)
                stack.append((node.value, scope, branch, node.target.id, host))
            else:
                inside_host = host
                if host is None and isinstance(node, ast.JoinedStr):
                    inside_host = node
                for field in node._fields:
                    child = getattr(node, field, None)
                    if isinstance(child, list):
                        stack.extend(
                            (item, scope, branch, "", inside_host) for item in child if item is not None
                        )
                    elif isinstance(child, ast.expr):
                        stack.append((child, scope, branch, "", inside_host))

    def _call(
        self,
        node: ast.Call,
        scope: Scope,
        branch: Branch,
        target: str,
        host: ast.expr | None,
        stack: list[tuple[ast.AST, Scope, Branch, str, ast.expr | None]],
    ) -> None:
        self.calls.append(CallSite(node, scope, branch, target, host))
        function = node.func
        if isinstance(function, ast.Attribute):
            receiver = function.value
            if function.attr in _MUTATES:
                root = dotted_text(receiver).partition(".")[0]
                if root:
                    self.mutated.add(root)
            stack.append((receiver, scope, branch, target if function.attr in _RETURNS_SELF else "", host))
        elif not isinstance(function, ast.Name):
            stack.append((function, scope, branch, "", host))
        for argument in node.args:
            stack.append((argument, scope, branch, "", host))
        for keyword in node.keywords:
            stack.append((keyword.value, scope, branch, "", host))

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        scope: Scope,
        branch: Branch,
        host: ast.expr | None,
        stack: list[tuple[ast.AST, Scope, Branch, str, ast.expr | None]],
    ) -> None:
        inside = Scope(scope.name, scope, node, inner=True)
        path = self._new(branch, loop=True)
        for generator in node.generators:
            for name in ast.walk(generator.target):
                if isinstance(name, ast.Name):
                    inside.bind(name.id, OTHER, None, name, path)
            stack.append((generator.iter, inside, path, "", host))
            stack.extend((condition, inside, path, "", host) for condition in generator.ifs)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        stack.extend((result, inside, path, "", host) for result in results)


def dotted_text(node: ast.AST | None) -> str:
    """``a.b.c`` for a chain of attributes on a name, "" for anything else."""
    if type(node) is ast.Name:
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def _is_main_guard(test: ast.expr) -> bool:
    """``__name__ == "__main__"``: holds whenever the script is the program."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _captures(pattern: ast.pattern) -> list[str]:
    """The names that a ``case`` pattern binds."""
    names = []
    for node in ast.walk(pattern):
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            names.append(name)
    return names
