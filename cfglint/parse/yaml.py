"""YAML to a tree with exact spans, from the event stream: no recursion, so no depth can crash it.

Scalars are resolved as PyYAML's safe loader does (``2e-5`` is a string, ``no`` is False); what the training tool's
own loader makes of the raw text is decided where the dialect is known.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode

from cfglint.parse.tree import Entry, Mapping, Node, Opaque, ParseError, Scalar, Sequence
from cfglint.source import Source, Span

#: Deeper nesting than any real config; C parsers crash far above it.
DEPTH_LIMIT = 200
#: More nodes than any real config, counted with every alias expanded: a "billion laughs" stops here.
NODE_LIMIT = 200_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCT = SafeConstructor()
_TAG = "tag:yaml.org,2002:"


def parse_yaml(source: Source) -> Node | None:
    """The first document of a YAML text as a tree; None when the text holds no document.

    Raises ParseError where the text is not YAML, nests deeper than DEPTH_LIMIT or expands beyond NODE_LIMIT.
    """
    try:
        loader = _LOADER(source.text)
        try:
            return _Builder(loader, source.text).document()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ParseError(
            f"not valid YAML: {error.problem or error.context or 'syntax error'}", mark.index if mark else 0
        ) from None
    except yaml.YAMLError as error:
        raise ParseError(
            f"not valid YAML: {str(error).splitlines()[0]}", getattr(error, "position", 0) or 0
        ) from None


class _Frame:
    """A collection under construction."""

    __slots__ = ("anchor", "is_map", "key", "nodes", "size", "start")

    def __init__(self, is_map: bool, start: int, anchor: str | None) -> None:
        self.is_map = is_map
        self.start = start
        self.anchor = anchor
        self.nodes: list[Any] = []
        self.key: Node | None = None
        self.size = 1


class _Builder:
    def __init__(self, loader: Any, text: str) -> None:
        self.loader = loader
        self.text = text
        self.anchors: dict[str, tuple[Node, int]] = {}

    def document(self) -> Node | None:
        get = self.loader.get_event
        stack: list[_Frame] = []
        while True:
            event = get()
            name = type(event).__name__
            if name == "ScalarEvent":
                node: Node = self.scalar(event)
                size = 1
                if event.anchor:
                    self.anchors[event.anchor] = (node, 1)
            elif name == "MappingStartEvent" or name == "SequenceStartEvent":
                if len(stack) >= DEPTH_LIMIT:
                    raise ParseError(f"nested more than {DEPTH_LIMIT} levels deep", event.start_mark.index)
                stack.append(_Frame(name == "MappingStartEvent", event.start_mark.index, event.anchor))
                continue
            elif name == "MappingEndEvent" or name == "SequenceEndEvent":
                frame = stack.pop()
                node = self.close(frame, event.end_mark.index)
                size = frame.size
                if frame.anchor:
                    self.anchors[frame.anchor] = (node, size)
            elif name == "AliasEvent":
                if event.anchor not in self.anchors:
                    raise ParseError(f"alias *{event.anchor} has no anchor before it", event.start_mark.index)
                node, size = self.anchors[event.anchor]
            elif name == "StreamEndEvent":
                return None
            else:
                continue
            if not stack:
                return node
            frame = stack[-1]
            frame.size += size
            if frame.size > NODE_LIMIT:
                raise ParseError(f"aliases expand to more than {NODE_LIMIT} values", event.start_mark.index)
            if not frame.is_map:
                frame.nodes.append(node)
            elif frame.key is None:
                frame.key = node
            else:
                self.add_entry(frame, frame.key, node)
                frame.key = None

    def add_entry(self, frame: _Frame, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            return  # a collection as a key: no training tool reads one
        if key.raw == "<<" and not key.quoted:
            merged = value.items if isinstance(value, Sequence) else (value,)
            below = [
                entry for part in reversed(merged) if isinstance(part, Mapping) for entry in part.entries
            ]
            frame.nodes[:0] = below  # explicit keys win over merged ones, whatever the order
            return
        frame.nodes.append(Entry(key, value))

    def close(self, frame: _Frame, end: int) -> Node:
        last = frame.nodes[-1] if frame.nodes else None
        flow = self.text[frame.start : frame.start + 1] in "{["
        if not flow and last is not None:
            end = last.span.end if last.span.end > frame.start else end
        span = Span(frame.start, end)
        if frame.is_map:
            return Mapping(tuple(frame.nodes), span)
        return Sequence(tuple(frame.nodes), span)

    def scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        style = event.style or ""
        if style in "|>" and style:
            end = start + len(self.text[start:end].rstrip())
        raw = self.text[start:end]
        text = event.value
        quoted = style in "'\"" and bool(style)
        if event.tag and event.tag != "!":
            tag = event.tag
        elif quoted or style or event.tag == "!":
            tag = _TAG + "str"
        else:
            tag = self.loader.resolve(ScalarNode, text, event.implicit)
        if "${" in text:
            return Opaque(text, Span(start, end), "an interpolation")
        return Scalar(_value(tag, text), raw, Span(start, end), quoted or bool(style))


def _value(tag: str, text: str) -> object:
    kind = tag[len(_TAG) :] if tag.startswith(_TAG) else ""
    if kind == "str" or not kind:
        return text
    if kind == "null":
        return None
    node = ScalarNode(tag, text)
    try:
        if kind == "bool":
            return _CONSTRUCT.construct_yaml_bool(node)
        if kind == "int":
            return _CONSTRUCT.construct_yaml_int(node)
        if kind == "float":
            return _CONSTRUCT.construct_yaml_float(node)
    except (ValueError, KeyError, OverflowError):
        return text
    return text
