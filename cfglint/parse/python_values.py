"""What an expression of a script is worth as far as its file tells, as a tree node on its own text."""

from __future__ import annotations

import ast
from collections.abc import Callable

from cfglint.parse.python_constants import ASKS_GPU, TORCH_DTYPES, constant_attribute
from cfglint.parse.python_operators import COMPARISONS, CONVERSIONS, TEXT_METHODS, arithmetic
from cfglint.parse.python_origins import Origins
from cfglint.parse.python_scopes import FUNCTION, PARAMETER, VALUE, Binding, Use, dotted_text
from cfglint.parse.python_text import PythonText
from cfglint.parse.tree import Entry, Mapping, Node, Opaque, Scalar, Sequence

#: Nodes read for one value, and for a whole file: nested names can multiply without end.
_VALUE_BUDGET, _FILE_BUDGET = 5_000, 300_000

#: Names followed from one to the next, and expressions within expressions.
_DEPTH = 40

#: Longest text an expression may compute (code points).
_TEXT_LIMIT = 10_000

GPU = "depends on the GPU"
ENVIRONMENT = "environment variable"


class _TooLargeError(Exception):
    """A value has more parts than are worth reading."""


class Values:
    """Reads expressions of one script."""

    def __init__(self, text: PythonText, origins: Origins) -> None:
        self._text = text
        self._origins = origins
        self._value_left = 0
        self._file_left = _FILE_BUDGET

    def read(self, expression: ast.expr, use: Use) -> Node:
        """The value of an expression where it stands."""
        if type(expression) is ast.Constant:
            return self._constant(expression, use, 0)
        self._value_left = min(_VALUE_BUDGET, self._file_left)
        before = self._value_left
        try:
            return self._node(expression, use, 0)
        except _TooLargeError:
            return self._opaque(expression, "too large to read")
        finally:
            self._file_left -= before - max(self._value_left, 0)

    def _node(self, node: ast.expr, use: Use, depth: int) -> Node:
        self._spend()
        if depth > _DEPTH:
            return self._opaque(node, "nested too deeply")
        reader = _READERS.get(type(node))
        return reader(self, node, use, depth + 1) if reader else self._opaque(node, "expression")

    def _spend(self) -> None:
        self._value_left -= 1
        if self._value_left < 0:
            raise _TooLargeError

    def _opaque(self, node: ast.AST, reason: str) -> Opaque:
        return Opaque(self._text.slice(node), self._text.span(node), reason)

    def _scalar(self, node: ast.AST, value: object, *parts: Scalar, note: str = "") -> Scalar:
        """A scalar on the text of a node; it is weak when one of the parts it was made of is."""
        start, end = self._text.range(node)
        weak = False
        for part in parts:
            weak = weak or part.weak
            if part.note and part.note not in note:
                note = f"{note}, {part.note}" if note else part.note
        span = self._text.place(start, end)
        return Scalar(value, self._text.text[start:end], span, isinstance(value, str), weak, note)

    def _computed(self, node: ast.AST, value: object, *parts: Scalar) -> Node:
        if isinstance(value, str) and len(value) > _TEXT_LIMIT:
            return self._opaque(node, "too large to read")
        if value is not None and not isinstance(value, (bool, int, float, str)):
            return self._opaque(node, "expression")
        return self._scalar(node, value, *parts)

    def _moved(self, found: Node, node: ast.AST, note: str, weak: bool = False) -> Node:
        """A value found elsewhere, put on the text of the node that stands for it."""
        self._spend()
        start, end = self._text.range(node)
        span = self._text.place(start, end)
        if isinstance(found, Scalar):
            if found.note and note:
                note = f"{note}, {found.note}"
            text = self._text.text[start:end]
            return Scalar(found.value, text, span, found.quoted, weak or found.weak, note or found.note)
        if isinstance(found, Sequence):
            return Sequence(tuple(self._moved(item, node, note, weak) for item in found.items), span)
        if isinstance(found, Mapping):
            entries = tuple(
                Entry(entry.key._replace(span=span), self._moved(entry.value, node, note, weak))
                for entry in found.entries
            )
            return Mapping(entries, span, found.open)
        return Opaque(self._text.text[start:end], span, found.reason)

    def _blocked(self, node: ast.AST, *parts: Node, reason: str = "expression") -> Opaque:
        """Why an expression is not static: the reason of its part, if that says more."""
        for part in parts:
            if isinstance(part, Opaque) and part.reason not in ("call", "expression"):
                return self._opaque(node, part.reason)
        return self._opaque(node, reason)

    # Literals.

    def _constant(self, node: ast.Constant, use: Use, depth: int) -> Node:
        value = node.value
        if value is None or isinstance(value, (bool, int, float, str)):
            start, end = self._text.range(node)
            span = self._text.place(start, end)
            return Scalar(value, self._text.text[start:end], span, isinstance(value, str))
        return self._opaque(node, "expression")

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, use: Use, depth: int) -> Node:
        items: list[Node] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self._node(element.value, use, depth)
                if not isinstance(inner, Sequence):
                    return self._blocked(node, inner)
                items.extend(inner.items)
            else:
                items.append(self._node(element, use, depth))
        return Sequence(tuple(items), self._text.span(node))

    def _dict(self, node: ast.Dict, use: Use, depth: int) -> Node:
        entries: list[Entry] = []
        open_ = False
        for key, value in zip(node.keys, node.values, strict=True):
            found = self._node(value, use, depth)
            if key is None:
                if isinstance(found, Mapping):
                    entries.extend(found.entries)
                open_ = open_ or not isinstance(found, Mapping) or found.open
                continue
            name = self._node(key, use, depth)
            if isinstance(name, Scalar):
                entries.append(Entry(name, found))
            else:
                open_ = True
        return Mapping(tuple(entries), self._text.span(node), open_)

    # Operators.

    def _unary(self, node: ast.UnaryOp, use: Use, depth: int) -> Node:
        operand = self._node(node.operand, use, depth)
        if isinstance(operand, Scalar):
            value = operand.value
            if isinstance(node.op, ast.Not):
                return self._scalar(node, not value, operand)
            if isinstance(value, (int, float)) and isinstance(node.op, (ast.USub, ast.UAdd)):
                return self._scalar(node, -value if isinstance(node.op, ast.USub) else +value, operand)
        return self._blocked(node, operand)

    def _binary(self, node: ast.BinOp, use: Use, depth: int) -> Node:
        left = self._node(node.left, use, depth)
        right = self._node(node.right, use, depth)
        if isinstance(left, Mapping) and isinstance(right, Mapping) and isinstance(node.op, ast.BitOr):
            return Mapping(left.entries + right.entries, self._text.span(node), left.open or right.open)
        if isinstance(left, Sequence) and isinstance(right, Sequence) and isinstance(node.op, ast.Add):
            return Sequence(left.items + right.items, self._text.span(node))
        if not isinstance(left, Scalar) or not isinstance(right, Scalar):
            return self._blocked(node, left, right)
        try:
            return self._computed(node, arithmetic(node.op, left.value, right.value), left, right)
        except OverflowError:
            return self._opaque(node, "too large to read")
        except (ArithmeticError, TypeError, ValueError):
            return self._opaque(node, "expression")

    def _compare(self, node: ast.Compare, use: Use, depth: int) -> Node:
        left = self._node(node.left, use, depth)
        right = self._node(node.comparators[0], use, depth)
        act = COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) == 1 and isinstance(left, Scalar):
            kind = node.ops[0]
            if act is not None and isinstance(right, Scalar):
                try:
                    return self._computed(node, act(left.value, right.value), left, right)
                except TypeError:
                    return self._opaque(node, "expression")
            if isinstance(kind, (ast.In, ast.NotIn)) and isinstance(right, Sequence):
                members = [item for item in right.items if isinstance(item, Scalar)]
                if len(members) == len(right.items):
                    inside = any(left.value == item.value for item in members)
                    return self._scalar(node, inside == isinstance(kind, ast.In), left, *members)
        return self._blocked(node, left, right)

    def _either(self, node: ast.BoolOp, use: Use, depth: int) -> Node:
        parts: list[Scalar] = []
        for operand in node.values:
            found = self._node(operand, use, depth)
            if not isinstance(found, Scalar):
                return self._blocked(node, found)
            parts.append(found)
            if bool(found.value) == isinstance(node.op, ast.Or):
                break
        return self._scalar(node, parts[-1].value, *parts)

    def _conditional(self, node: ast.IfExp, use: Use, depth: int) -> Node:
        test = self._node(node.test, use, depth)
        if isinstance(test, Scalar):
            chosen = self._node(node.body if test.value else node.orelse, use, depth)
            return self._moved(chosen, node, test.note, test.weak)
        body = self._node(node.body, use, depth)
        other = self._node(node.orelse, use, depth)
        if isinstance(body, Scalar) and isinstance(other, Scalar) and repr(body.value) == repr(other.value):
            return self._scalar(node, body.value, body, other)
        return self._blocked(node, test, body, other, reason="conditional")

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
                return self._opaque(node, "f-string")
            found = self._node(_placed(piece.value, node), use, depth)
            if not isinstance(found, Scalar):
                return self._blocked(node, found, reason="f-string")
            parts.append(found)
            texts.append(str(found.value))
        return self._computed(node, "".join(texts), *parts)

    # Names, attributes, items.

    def _name(self, node: ast.Name, use: Use, depth: int) -> Node:
        binding = self._origins.binding(node.id, use)
        if isinstance(binding, str):
            dotted = self._origins.dotted(node, use)
            constant = constant_attribute(dotted)
            return self._opaque(node, binding) if constant is None else self._scalar(node, constant)
        if binding.kind == VALUE and binding.value is not None:
            if node.id in self._origins.walk.mutated and not _is_plain(binding.value):
                return self._opaque(node, "changed after it was assigned")
            found = self._node(binding.value, Use(binding.scope, binding.position, binding.branch), depth)
            return self._moved(found, node, self._assigned(node.id, binding))
        if binding.kind == PARAMETER:
            return self._parameter(node, binding, use, depth)
        return self._opaque(node, "function" if binding.kind == FUNCTION else "not a plain assignment")

    def _assigned(self, name: str, binding: Binding) -> str:
        return f"{name} = {self._short(binding.value)} {self._text.line_name(binding.position[0])}"

    def _short(self, value: ast.expr | None) -> str:
        text = " ".join(self._text.slice(value).split()) if value is not None else "…"
        return text if len(text) <= 40 else text[:39] + "…"

    def _parameter(self, node: ast.Name, binding: Binding, use: Use, depth: int) -> Node:
        given = self._origins.only_call(binding.scope, node.id)
        if given is not None:
            expression, there, line = given
            if expression is not None:
                found = self._node(expression, there, depth)
                if not isinstance(found, Opaque):
                    return self._moved(found, node, f"{node.id} in the call {self._text.line_name(line)}")
                known = found.reason in (GPU, ENVIRONMENT)
                return self._opaque(node, found.reason if known else "function parameter")
        option = self._origins.parameter_option(node.id, binding)
        if option is None or option.default is None:
            return self._opaque(node, "function parameter")
        found = self._node(option.default, option.use, depth)
        where = self._text.line_name(option.node.lineno)  # type: ignore[attr-defined]
        return self._moved(found, node, f"{option.label} {where}", weak=given is None)

    def _attribute(self, node: ast.Attribute, use: Use, depth: int) -> Node:
        dotted = self._origins.dotted(node, use)
        if dotted:
            constant = constant_attribute(dotted)
            return self._opaque(node, "attribute") if constant is None else self._scalar(node, constant)
        return self._member(node, node.value, node.attr, use, depth)

    def _member(self, node: ast.expr, holder: ast.expr, name: str, use: Use, depth: int) -> Node:
        """An attribute of a value of the script: an option, a field, or what was assigned to it."""
        text = dotted_text(holder)
        if not text:
            return self._opaque(node, "attribute")
        option, weak, reason = self._origins.member(text, name, use)
        if option is None or option.default is None:
            return self._opaque(node, reason or "attribute")
        found = self._node(option.default, option.use, depth)
        where = self._text.line_name(option.node.lineno)  # type: ignore[attr-defined]
        return self._moved(found, node, f"{option.label} {where}", weak)

    def _item(self, node: ast.Subscript, use: Use, depth: int) -> Node:
        if self._origins.dotted(node.value, use) == "os.environ":
            return self._opaque(node, ENVIRONMENT)
        holder = self._node(node.value, use, depth)
        key = self._node(node.slice, use, depth)
        if isinstance(key, Scalar):
            if isinstance(holder, Mapping) and isinstance(key.value, str):
                entry = holder.get(key.value)
                if entry is not None and not holder.open:
                    return self._moved(entry.value, node, key.note, key.weak)
            if isinstance(holder, Sequence) and type(key.value) is int and abs(key.value) < len(holder.items):
                return self._moved(holder.items[key.value], node, key.note, key.weak)
        return self._blocked(node, holder, key, reason="item")

    # Calls.

    def _call(self, node: ast.Call, use: Use, depth: int) -> Node:
        name = self._origins.dotted(node.func, use) or dotted_text(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        if last in ASKS_GPU:
            return self._opaque(node, GPU)
        if name in ("os.environ.get", "os.getenv", "os.environ.setdefault"):
            return self._opaque(node, ENVIRONMENT)
        if name == "dict" and not node.args:
            return self._keywords(node, use, depth)
        if name in CONVERSIONS and len(node.args) == 1 and not node.keywords:
            return self._converted(node, name, use, depth)
        if name in ("list", "tuple") and len(node.args) == 1 and not node.keywords:
            inner = self._node(node.args[0], use, depth)
            return self._moved(inner, node, "") if isinstance(inner, Sequence) else self._opaque(node, "call")
        if name == "getattr" and len(node.args) in (2, 3):
            return self._getattr(node, use, depth)
        if last in TEXT_METHODS and isinstance(node.func, ast.Attribute) and not node.keywords:
            return self._text_method(node, node.func, use, depth)
        if last == "get" and isinstance(node.func, ast.Attribute) and len(node.args) in (1, 2):
            return self._get(node, node.func.value, use, depth)
        return self._opaque(node, "call")

    def _text_method(self, node: ast.Call, function: ast.Attribute, use: Use, depth: int) -> Node:
        """``name.split("/")`` and the like on known text."""
        receiver = self._node(function.value, use, depth)
        given = [self._node(argument, use, depth) for argument in node.args]
        known = [
            part for part in (receiver, *given) if isinstance(part, Scalar) and isinstance(part.value, str)
        ]
        if len(known) != len(given) + 1:
            return self._blocked(node, receiver, *given, reason="call")
        try:
            texts = [part.value for part in known]
            value = getattr(texts[0], function.attr)(*texts[1:])
        except (TypeError, ValueError):
            return self._opaque(node, "call")
        if isinstance(value, list):
            items = tuple(self._scalar(node, item, *known) for item in value[:1000])
            return Sequence(items, self._text.span(node))
        return self._computed(node, value, *known)

    def _keywords(self, node: ast.Call, use: Use, depth: int) -> Node:
        entries: list[Entry] = []
        open_ = False
        for keyword in node.keywords:
            found = self._node(keyword.value, use, depth)
            if keyword.arg is None:
                if isinstance(found, Mapping):
                    entries.extend(found.entries)
                open_ = open_ or not isinstance(found, Mapping) or found.open
                continue
            start, _ = self._text.range(keyword)
            key = Scalar(keyword.arg, keyword.arg, self._text.place(start, start + len(keyword.arg)))
            entries.append(Entry(key, found))
        return Mapping(tuple(entries), self._text.span(node), open_)

    def _converted(self, node: ast.Call, kind: str, use: Use, depth: int) -> Node:
        inner = self._node(node.args[0], use, depth)
        if not isinstance(inner, Scalar):
            return self._blocked(node, inner, reason="call")
        try:
            value = CONVERSIONS[kind](inner.value)
        except (TypeError, ValueError, OverflowError):
            return self._opaque(node, "call")
        return self._computed(node, value, inner)

    def _getattr(self, node: ast.Call, use: Use, depth: int) -> Node:
        holder, key = node.args[0], self._node(node.args[1], use, depth)
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            return self._blocked(node, key, reason="call")
        dotted = self._origins.dotted(holder, use)
        if dotted == "torch" and key.value in TORCH_DTYPES:
            return self._scalar(node, TORCH_DTYPES[key.value], key)
        if dotted:
            return self._opaque(node, "attribute")
        return self._member(node, holder, key.value, use, depth)

    def _get(self, node: ast.Call, receiver: ast.expr, use: Use, depth: int) -> Node:
        holder = self._node(receiver, use, depth)
        key = self._node(node.args[0], use, depth)
        if (
            isinstance(holder, Mapping)
            and not holder.open
            and isinstance(key, Scalar)
            and isinstance(key.value, str)
        ):
            entry = holder.get(key.value)
            if entry is not None:
                return self._moved(entry.value, node, key.note, key.weak)
            if len(node.args) == 2:
                return self._moved(self._node(node.args[1], use, depth), node, key.note, key.weak)
            return self._scalar(node, None, key)
        return self._blocked(node, holder, key, reason="call")


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
    ast.UnaryOp: Values._unary,
    ast.BinOp: Values._binary,
    ast.Compare: Values._compare,
    ast.BoolOp: Values._either,
    ast.IfExp: Values._conditional,
    ast.JoinedStr: Values._format,
    ast.Name: Values._name,
    ast.Attribute: Values._attribute,
    ast.Subscript: Values._item,
    ast.Call: Values._call,
}
