"""One walk over the statements of a module: what names are bound to where, assignments, imports, definitions."""

from __future__ import annotations

import ast
from typing import NamedTuple

from cfglint.parse.python_expressions import ExpressionWalk
from cfglint.parse.python_scopes import CLASS, FUNCTION, OTHER, VALUE, Branch, Scope, Use, dotted_text

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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


class Test(NamedTuple):
    """What an ``if`` asks, where it is read, and the answer that leads into a branch."""

    question: ast.expr
    use: Use
    answer: bool


class Walk(ExpressionWalk):
    """The names, calls, assignments, imports and definitions of one module, in the order of the text."""

    def __init__(self, tree: ast.Module) -> None:
        super().__init__()
        self.module = Scope("", None, None)
        self.assignments: list[Assignment] = []
        self.imports: list[ImportedName] = []
        self.star_imports: list[str] = []
        self.modules: list[str] = []
        self.functions: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope, str]] = []
        self.classes: list[tuple[ast.ClassDef, Scope, str]] = []
        self.tests: dict[int, Test] = {}
        self.returns: dict[ast.AST, list[tuple[ast.expr | None, Use]]] = {}
        self._pending: list[tuple[list[ast.stmt], Scope, Branch]] = []
        self._walk(tree.body)

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
            self.expression(node.value, scope, branch)
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, node, scope, branch)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign([node.target], node.value, node, scope, branch)
        elif isinstance(node, ast.AugAssign):
            self.expression(node.value, scope, branch)
            self._target(node.target, None, node, scope, branch)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, branch)
        elif isinstance(node, ast.If):
            self.expression(node.test, scope, branch)
            if _is_main_guard(node.test):
                self._later((node.body, scope, branch), (node.orelse, scope, self.new_branch(branch)))
            else:
                then, otherwise = self.new_branch(branch), self.new_branch(branch)
                use = Use(scope, (node.lineno, node.col_offset), branch)
                self.tests[then[-1]] = Test(node.test, use, True)
                self.tests[otherwise[-1]] = Test(node.test, use, False)
                self._later((node.body, scope, then), (node.orelse, scope, otherwise))
        elif isinstance(node, _FUNCTIONS):
            self._function(node, scope, branch)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, branch)
        elif isinstance(node, _LOOPS):
            inside = self.new_branch(branch, loop=True)
            if isinstance(node, ast.While):
                self.expression(node.test, scope, inside)
            else:
                self.expression(node.iter, scope, branch)
                self._target(node.target, None, node, scope, inside)
            self._later((node.body, scope, inside), (node.orelse, scope, self.new_branch(branch)))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                name = dotted_text(item.optional_vars) if item.optional_vars else ""
                self.expression(item.context_expr, scope, branch, name)
                if isinstance(item.optional_vars, ast.Name):
                    # What a context manager hands out is not its own value, but that tells where it comes from.
                    scope.bind(item.optional_vars.id, OTHER, item.context_expr, item.optional_vars, branch)
                elif item.optional_vars:
                    self._target(item.optional_vars, None, node, scope, branch)
            self._later((node.body, scope, branch))
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            self._try(node, scope, branch)  # type: ignore[arg-type]
        elif isinstance(node, ast.Match):
            self.expression(node.subject, scope, branch)
            for case in node.cases:
                for name in _captures(case.pattern):
                    scope.bind(name, OTHER, None, node, branch)
                self._later((case.body, scope, self.new_branch(branch)))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                (self.module if isinstance(node, ast.Global) else scope).bind(
                    name, OTHER, None, node, self.new_branch(())
                )
        else:
            if isinstance(node, ast.Return) and scope.node is not None:
                use = Use(scope, (node.lineno, node.col_offset), branch)
                self.returns.setdefault(scope.node, []).append((node.value, use))
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.expression(child, scope, branch)

    def _try(self, node: ast.Try, scope: Scope, branch: Branch) -> None:
        body = self.new_branch(branch) if node.handlers else branch
        self._later((node.body, scope, body))
        for handler in node.handlers:
            path = self.new_branch(branch)
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
        self.expression(value, scope, branch, dotted_text(first))
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
                self.expression(target.slice, scope, branch)
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
        if "marimo" in self.modules and any(_is_cell(decorator) for decorator in node.decorator_list):
            # Cells share their names: a parameter is what another cell defines, and no two define the same.
            self._later((node.body, scope, branch))
            return
        name = f"{scope.name}.{node.name}" if scope.name else node.name
        scope.bind(node.name, FUNCTION, None, node, branch)
        self.functions.append((node, scope, name))
        for decorator in node.decorator_list:
            self.expression(decorator, scope, branch)
        inside = Scope(name, scope, node)
        self.parameters(node.args, scope, inside, branch)
        self._later((node.body, inside, branch))

    def _class(self, node: ast.ClassDef, scope: Scope, branch: Branch) -> None:
        name = f"{scope.name}.{node.name}" if scope.name else node.name
        scope.bind(node.name, CLASS, None, node, branch)
        self.classes.append((node, scope, name))
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.expression(expression, scope, branch)
        self._later((node.body, Scope(name, scope, node), branch))


def _is_cell(decorator: ast.expr) -> bool:
    """``@app.cell`` of a marimo notebook, called or not."""
    return dotted_text(decorator.func if isinstance(decorator, ast.Call) else decorator) == "app.cell"


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
