"""What names may stand for: scopes, the bindings in them, and the place from which a name is read."""

from __future__ import annotations

import ast
from typing import NamedTuple

Branch = tuple[int, ...]
Position = tuple[int, int]

#: Kinds of Binding.
VALUE, PARAMETER, FUNCTION, CLASS, OTHER = "value", "parameter", "function", "class", "other"


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
