"""What an expression of a script is worth as far as its file tells, as a tree node on its own text."""

from __future__ import annotations

import ast
from collections.abc import Callable

from cfglint.parse.python_calls import ENVIRONMENT, GPU, call_value
from cfglint.parse.python_constants import constant_attribute
from cfglint.parse.python_files import file_item
from cfglint.parse.python_members import Members
from cfglint.parse.python_operations import binary, compare, conditional, either, unary
from cfglint.parse.python_origins import Origins
from cfglint.parse.python_scopes import FUNCTION, PARAMETER, VALUE, Binding, Use, dotted_text
from cfglint.parse.python_text import PythonText
from cfglint.parse.tree import Entry, FilePart, Mapping, Node, Opaque, Scalar, Sequence

#: Nodes read for one value, and for a whole file: nested names can multiply without end.
_VALUE_BUDGET, _FILE_BUDGET = 5_000, 300_000

#: Names followed from one to the next, and expressions within expressions.
_DEPTH = 40

#: Longest text an expression may compute (code points).
_TEXT_LIMIT = 10_000


class _TooLargeError(Exception):
    """A value has more parts than are worth reading."""


class Values:
    """Reads expressions of one script."""

    def __init__(self, text: PythonText, origins: Origins) -> None:
        self.text = text
        self.origins = origins
        self._members = Members(origins)
        self.defaults: set[ast.AST] = set()
        self._value_left = 0
        self._file_left = _FILE_BUDGET

    def read(self, expression: ast.expr, use: Use) -> Node:
        """The value of an expression where it stands; ``defaults`` then holds the options whose defaults it took."""
        self.defaults = set()
        if type(expression) is ast.Constant:
            return self._constant(expression, use, 0)
        self._value_left = min(_VALUE_BUDGET, self._file_left)
        before = self._value_left
        try:
            return self.node(expression, use, 0)
        except _TooLargeError:
            return self.opaque(expression, "too large to read")
        finally:
            self._file_left -= before - max(self._value_left, 0)

    def node(self, node: ast.expr, use: Use, depth: int) -> Node:
        """The value of an expression within the one that is being read."""
        self._spend()
        if depth > _DEPTH:
            return self.opaque(node, "nested too deeply")
        reader = _READERS.get(type(node))
        return reader(self, node, use, depth + 1) if reader else self.opaque(node, "expression")

    def _spend(self) -> None:
        self._value_left -= 1
        if self._value_left < 0:
            raise _TooLargeError

    def opaque(self, node: ast.AST, reason: str, origin: FilePart | None = None) -> Opaque:
        """A value that is not static."""
        return Opaque(self.text.slice(node), self.text.span(node), reason, origin)

    def scalar(self, node: ast.AST, value: object, *parts: Scalar, note: str = "") -> Scalar:
        """A scalar on the text of a node; it is weak when one of the parts it was made of is."""
        start, end = self.text.range(node)
        weak = False
        for part in parts:
            weak = weak or part.weak
            if part.note and part.note not in note:
                note = f"{note}, {part.note}" if note else part.note
        span = self.text.place(start, end)
        return Scalar(value, self.text.text[start:end], span, isinstance(value, str), weak, note)

    def computed(self, node: ast.AST, value: object, *parts: Scalar) -> Node:
        """What Python made of known parts, if it is a value that a config may hold."""
        if isinstance(value, str) and len(value) > _TEXT_LIMIT:
            return self.opaque(node, "too large to read")
        if value is not None and not isinstance(value, (bool, int, float, str)):
            return self.opaque(node, "expression")
        return self.scalar(node, value, *parts)

    def moved(self, found: Node, node: ast.AST, note: str, weak: bool = False) -> Node:
        """A value found elsewhere, put on the text of the node that stands for it."""
        self._spend()
        start, end = self.text.range(node)
        span = self.text.place(start, end)
        if isinstance(found, Scalar):
            if found.note and note:
                note = f"{note}, {found.note}"
            text = self.text.text[start:end]
            return Scalar(found.value, text, span, found.quoted, weak or found.weak, note or found.note)
        if isinstance(found, Sequence):
            return Sequence(tuple(self.moved(item, node, note, weak) for item in found.items), span)
        if isinstance(found, Mapping):
            entries = tuple(
                Entry(entry.key._replace(span=span), self.moved(entry.value, node, note, weak))
                for entry in found.entries
            )
            return Mapping(entries, span, found.open)
        origin = found.origin and found.origin._replace(weak=found.origin.weak or weak)
        return Opaque(self.text.text[start:end], span, found.reason, origin)

    def blocked(self, node: ast.AST, *parts: Node, reason: str = "expression") -> Opaque:
        """Why an expression is not static: the reason of its part, if that says more."""
        for part in parts:
            if isinstance(part, Opaque) and part.reason not in ("call", "expression"):
                return self.opaque(node, part.reason)
        return self.opaque(node, reason)

    # Literals.

    def _constant(self, node: ast.Constant, use: Use, depth: int) -> Node:
        value = node.value
        if value is None or isinstance(value, (bool, int, float, str)):
            start, end = self.text.range(node)
            span = self.text.place(start, end)
            return Scalar(value, self.text.text[start:end], span, isinstance(value, str))
        return self.opaque(node, "expression")

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, use: Use, depth: int) -> Node:
        items: list[Node] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.node(element.value, use, depth)
                if not isinstance(inner, Sequence):
                    return self.blocked(node, inner)
                items.extend(inner.items)
            else:
                items.append(self.node(element, use, depth))
        return Sequence(tuple(items), self.text.span(node))

    def _dict(self, node: ast.Dict, use: Use, depth: int) -> Node:
        entries: list[Entry] = []
        open_ = False
        for key, value in zip(node.keys, node.values, strict=True):
            found = self.node(value, use, depth)
            if key is None:
                if isinstance(found, Mapping):
                    entries.extend(found.entries)
                open_ = open_ or not isinstance(found, Mapping) or found.open
                continue
            name = self.node(key, use, depth)
            if isinstance(name, Scalar):
                entries.append(Entry(name, found))
            else:
                open_ = True
        return Mapping(tuple(entries), self.text.span(node), open_)

    def _format(self, node: ast.JoinedStr, use: Use, depth: int) -> Node:
        # Before Python 3.12 the parts of an f-string have no dependable position: only their values are used.
        texts: list[str] = []
        parts: list[Scalar] = []
        for piece in node.values:
            if isinstance(piece, ast.Constant):
                texts.append(str(piece.value))
                continue
            plain = isinstance(piece, ast.FormattedValue) and piece.conversion == -1 and not piece.format_spec
            if not isinstance(piece, ast.FormattedValue) or not plain:
                return self.opaque(node, "f-string")
            found = self.node(_placed(piece.value, node), use, depth)
            if not isinstance(found, Scalar):
                return self.blocked(node, found, reason="f-string")
            parts.append(found)
            texts.append(str(found.value))
        return self.computed(node, "".join(texts), *parts)

    # Names, attributes, items.

    def _name(self, node: ast.Name, use: Use, depth: int) -> Node:
        binding = self.origins.binding(node.id, use)
        if isinstance(binding, str):
            dotted = self.origins.dotted(node, use)
            constant = constant_attribute(dotted)
            return self.opaque(node, binding) if constant is None else self.scalar(node, constant)
        if binding.kind == VALUE and binding.value is not None:
            if node.id in self.origins.walk.mutated and not _is_plain(binding.value):
                return self.opaque(node, "changed after it was assigned")
            found = self.node(binding.value, Use(binding.scope, binding.position, binding.branch), depth)
            return self.moved(found, node, self._assigned(node.id, binding))
        if binding.kind == PARAMETER:
            return self._parameter(node, binding, use, depth)
        return self.opaque(node, "function" if binding.kind == FUNCTION else "not a plain assignment")

    def _assigned(self, name: str, binding: Binding) -> str:
        return f"{name} = {self._short(binding.value)} {self.text.line_name(binding.position[0])}"

    def _short(self, value: ast.expr | None) -> str:
        text = " ".join(self.text.slice(value).split()) if value is not None else "…"
        return text if len(text) <= 40 else text[:39] + "…"

    def _parameter(self, node: ast.Name, binding: Binding, use: Use, depth: int) -> Node:
        given = self.origins.only_call(binding.scope, node.id)
        if given is not None:
            expression, there, line = given
            if expression is not None:
                found = self.node(expression, there, depth)
                if not isinstance(found, Opaque) or found.origin is not None:
                    return self.moved(found, node, f"{node.id} in the call {self.text.line_name(line)}")
                known = found.reason in (GPU, ENVIRONMENT)
                return self.opaque(node, found.reason if known else "function parameter")
        option = self._members.parameter_option(node.id, binding)
        if option is None or option.default is None:
            return self.opaque(node, "function parameter")
        found = self.node(option.default, option.use, depth)
        if given is None:
            self.defaults.add(option.node)
        where = self.text.line_name(option.node.lineno)  # type: ignore[attr-defined]
        return self.moved(found, node, f"{option.label} {where}", weak=given is None)

    def _attribute(self, node: ast.Attribute, use: Use, depth: int) -> Node:
        dotted = self.origins.dotted(node, use)
        if dotted:
            constant = constant_attribute(dotted)
            return self.opaque(node, "attribute") if constant is None else self.scalar(node, constant)
        return self.member(node, node.value, node.attr, use, depth)

    def member(self, node: ast.expr, holder: ast.expr, name: str, use: Use, depth: int) -> Node:
        """An attribute of a value of the script: an option, a field, or what was assigned to it."""
        text = dotted_text(holder)
        if not text:
            return self.opaque(node, "attribute")
        option, weak, reason = self._members.member(text, name, use)
        if option is None or option.default is None:
            key = Scalar(name, name, self.text.span(node))
            part = file_item(self, node, self.node(holder, use, depth), key)
            return part or self.opaque(node, reason or "attribute")
        found = self.node(option.default, option.use, depth)
        if weak:
            self.defaults.add(option.node)
        where = self.text.line_name(option.node.lineno)  # type: ignore[attr-defined]
        return self.moved(found, node, f"{option.label} {where}", weak)

    def _item(self, node: ast.Subscript, use: Use, depth: int) -> Node:
        if self.origins.dotted(node.value, use) == "os.environ":
            return self.opaque(node, ENVIRONMENT)
        holder = self.node(node.value, use, depth)
        key = self.node(node.slice, use, depth)
        if isinstance(key, Scalar):
            if isinstance(holder, Mapping) and isinstance(key.value, str):
                entry = holder.get(key.value)
                if entry is not None and not holder.open:
                    return self.moved(entry.value, node, key.note, key.weak)
            if isinstance(holder, Sequence) and type(key.value) is int and abs(key.value) < len(holder.items):
                return self.moved(holder.items[key.value], node, key.note, key.weak)
        return file_item(self, node, holder, key) or self.blocked(node, holder, key, reason="item")


def _placed(value: ast.expr, host: ast.expr) -> ast.expr:
    """A copy of an f-string's part that stands where the f-string stands."""
    if isinstance(value, (ast.Name, ast.Constant)):
        return ast.copy_location(type(value)(*(getattr(value, field) for field in value._fields)), host)
    for inner in ast.walk(value):
        if hasattr(inner, "lineno"):
            ast.copy_location(inner, host)
    return value


def _is_plain(value: ast.expr) -> bool:
    """Whether a value can't be changed in place, so that only a new assignment changes the name."""
    return isinstance(value, (ast.Constant, ast.JoinedStr, ast.UnaryOp, ast.BinOp, ast.Compare))


_READERS: dict[type[ast.expr], Callable[..., Node]] = {
    ast.Constant: Values._constant,
    ast.List: Values._sequence,
    ast.Tuple: Values._sequence,
    ast.Set: Values._sequence,
    ast.Dict: Values._dict,
    ast.UnaryOp: unary,
    ast.BinOp: binary,
    ast.Compare: compare,
    ast.BoolOp: either,
    ast.IfExp: conditional,
    ast.JoinedStr: Values._format,
    ast.Name: Values._name,
    ast.Attribute: Values._attribute,
    ast.Subscript: Values._item,
    ast.Call: call_value,
}
