"""Which part of which file of data an expression stands for: ``yaml.safe_load(open("a.yaml"))["training"]["lr"]``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cfglint.parse.python_scopes import OTHER, Binding, Use
from cfglint.parse.tree import FilePart, Node, Opaque, Scalar

if TYPE_CHECKING:
    from cfglint.parse.python_values import Values

#: Functions that make data of a file or of its text, and how each reads numbers.
LOADERS = {
    "yaml.load": "yaml",
    "yaml.safe_load": "yaml",
    "yaml.full_load": "yaml",
    "json.load": "json",
    "json.loads": "json",
    "omegaconf.OmegaConf.load": "omegaconf",
}
#: Why such a value is not known before the file is looked up.
FROM_FILE = "read from a file"

#: Functions and methods that stand for the file whose path they are given, or called on.
_OPENING = frozenset(("open", "Path", "read", "read_text"))
_DEPTH = 8


def file_root(values: Values, node: ast.Call, loader: str, use: Use, depth: int) -> Node:
    """What a loader gives: the whole of a file, whose path may be told by the command line alone."""
    path = _path(values, node.args[0], use, depth) if node.args else None
    known = isinstance(path, Scalar) and isinstance(path.value, str)
    part = FilePart(str(path.value), loader, weak=path.weak) if known else FilePart("", loader)  # type: ignore[union-attr]
    return values.opaque(node, FROM_FILE, part)


def file_item(
    values: Values, node: ast.expr, holder: Node, key: Node, default: Node | None = None
) -> Opaque | None:
    """An item of such a value; None for an item of anything else."""
    if not isinstance(holder, Opaque) or holder.origin is None or holder.origin.convert:
        return None
    if not isinstance(key, Scalar) or not isinstance(key.value, (str, int)):
        return None
    return values.opaque(node, FROM_FILE, holder.origin.part(key.value, default))


def _path(values: Values, node: ast.expr, use: Use, depth: int) -> Node | None:
    """The path behind ``open(path)``, ``Path(path).read_text()``, a file's name bound by ``with`` and the like."""
    for _ in range(_DEPTH):
        if isinstance(node, ast.Name):
            found = values.origins.binding(node.id, use)
            if not isinstance(found, Binding) or found.kind != OTHER or found.value is None:
                break
            node, use = found.value, Use(found.scope, found.position, found.branch)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OPENING
        ):
            node = node.func.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OPENING:
            if not node.args:
                return None
            node = node.args[0]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _own_folder(node.left):
            node = node.right
        elif isinstance(node, ast.Call) and len(node.args) == 2 and _own_folder(node.args[0]):
            node = node.args[1]
        else:
            break
    return values.node(node, use, depth)


def _own_folder(node: ast.expr) -> bool:
    """``Path(__file__).parent`` and the like."""
    return any(isinstance(part, ast.Name) and part.id == "__file__" for part in ast.walk(node))
