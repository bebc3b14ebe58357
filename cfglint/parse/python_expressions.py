"""The calls and uses of names in expressions, with the scopes that lambdas and comprehensions open."""

from __future__ import annotations

import ast
from typing import NamedTuple

from cfglint.parse.python_scopes import OTHER, PARAMETER, Branch, Scope, dotted_text

#: Methods that return the object they are called on: a chain's target is the target of its receiver too.
_RETURNS_SELF = frozenset(
    {"to", "cuda", "cpu", "half", "float", "bfloat16", "eval", "train", "requires_grad_", "compile"}
)

#: Methods that change a list or dict in place.
_MUTATES = frozenset(
    {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "popitem", "sort"}
)

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class CallSite(NamedTuple):
    """A call with the name its result gets; ``host`` is the f-string it stands in, for its place is vague."""

    node: ast.Call
    scope: Scope
    branch: Branch
    target: str
    host: ast.expr | None


class ExpressionWalk:
    """Records what the expressions of one module hold."""

    def __init__(self) -> None:
        self.calls: list[CallSite] = []
        self.loads: dict[str, int] = {}
        self.mutated: set[str] = set()
        self.loops: set[int] = set()
        self._branches = 0

    def new_branch(self, branch: Branch, loop: bool = False) -> Branch:
        self._branches += 1
        if loop:
            self.loops.add(self._branches)
        return (*branch, self._branches)

    def expression(self, root: ast.expr, scope: Scope, branch: Branch, target: str = "") -> None:
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
                stack.append((node.body, scope, self.new_branch(branch), target, host))
                stack.append((node.orelse, scope, self.new_branch(branch), target, host))
            elif isinstance(node, ast.Lambda):
                inside = Scope(scope.name, scope, node)
                self.parameters(node.args, scope, inside, branch)
                stack.append((node.body, inside, self.new_branch(branch), "", host))
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
        path = self.new_branch(branch, loop=True)
        for generator in node.generators:
            for name in ast.walk(generator.target):
                if isinstance(name, ast.Name):
                    inside.bind(name.id, OTHER, None, name, path)
            stack.append((generator.iter, inside, path, "", host))
            stack.extend((condition, inside, path, "", host) for condition in generator.ifs)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        stack.extend((result, inside, path, "", host) for result in results)

    def parameters(self, arguments: ast.arguments, scope: Scope, inside: Scope, branch: Branch) -> None:
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = list(zip(positional, [*defaults, *arguments.defaults], strict=True))
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for parameter, default in pairs:
            inside.bind(parameter.arg, PARAMETER, default, parameter, branch)
            if default is not None:
                self.expression(default, scope, branch)
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inside.bind(rest.arg, OTHER, None, rest, branch)
