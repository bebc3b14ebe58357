"""From a rule's fix, said in canonical fields, to edits of the text: one value, one key, one pin at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from cfglint.engine.facts import Facts
from cfglint.model.finding import Edit
from cfglint.model.run import Document, Layout
from cfglint.model.value import KNOWN, Place, Value
from cfglint.parse.tree import Mapping
from cfglint.source import Source, Span

Render = Callable[[list[Any]], str]


class Edits(NamedTuple):
    """The edits of a fix; ``note`` adds for people which pins they come to, or why there are none."""

    edits: tuple[Edit, ...] = ()
    note: str = ""


def edits_for(fix: dict[str, Any], when: Any, facts: Facts, place: Place, render: Render) -> Edits:
    """The edits of the fix of a rule with condition ``when``; none when one of its parts cannot be written."""
    edits: list[Edit] = []
    for field, value in fix["set"].items():
        done = _set(field, render(value) if isinstance(value, list) else value, facts, place)
        if done is None:
            return Edits()
        edits += done
    for field in fix["unset"]:
        done = _unset(field, facts)
        if done is None:
            return Edits()
        edits += done
    for field, key in fix["rename"].items():
        done = _rename(field, key, facts)
        if done is None:
            return Edits()
        edits += done
    if any(name.lower().replace("_", "-") in facts.run.packages for name in fix["pin"]):
        # Only a pin that changes needs packaging and the tables of demands.
        from cfglint.engine.pins import pin_fix

        pins = pin_fix(fix["pin"], when, facts)
        if pins.note and not pins.edits:
            return Edits((), pins.note)
        return Edits((*edits, *pins.edits), pins.note)
    return Edits(tuple(edits))


def _set(field: str, value: Any, facts: Facts, place: Place) -> list[Edit] | None:
    stated = facts.run.fields.get(field)
    if stated is not None and stated.place is not None:
        if (
            stated.state == KNOWN
            and stated.value == value
            and not isinstance(stated.value, str)
            and stated.origin != "derived"
        ):
            return []
        document = _document_of(stated, facts)
        if document is None or stated.value_span is None or not _plainly(field, stated, document):
            return None
        return [
            Edit(
                document.source,
                stated.value_span,
                _written(value, document.layout, document.source, stated.value_span),
            )
        ]
    document = next((doc for doc in facts.run.documents if _holds(doc, place)), None)
    if document is None:
        return None
    key = _key(field, document)
    if key is None:
        return None
    return _insert(key, value, document, place)


def _holds(document: Document, place: Place) -> bool:
    span = document.layout.span
    return document.source is place.source and span.start <= place.span.start <= span.end


def _document_of(value: Value, facts: Facts) -> Document | None:
    assert value.place is not None
    for document in facts.run.documents:
        if document.source is value.place.source and any(
            other is value for other in document.fields.values()
        ):
            return document
    return next((document for document in facts.run.documents if _holds(document, value.place)), None)


def _plainly(field: str, value: Value, document: Document) -> bool:
    """Whether the key that states the field writes it as it is, and not through a table of values."""
    return (
        _key(field, document) is not None
        and document.layout.keys.get(field, value.key) == value.key
        and value.origin in ("file", "command")
    )


def _key(field: str, document: Document) -> str | None:
    keys = document.layout.keys
    if field in keys:
        return keys[field]
    namespace, _, name = field.partition(".")
    if keys.get("*") == namespace or f"*{namespace}" in keys:
        return name
    return None


def _written(value: Any, layout: Layout, source: Source, old: Span | None = None) -> str:
    """A value in the layout's own notation."""
    if layout.kind == "call":
        text = repr(value)
        return text.replace("'", '"') if isinstance(value, str) and '"' not in value else text
    if source.path.endswith(".json"):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    quote = source.text[old.start : old.start + 1] if old is not None else ""
    if quote in ("'", '"'):
        return f"{quote}{value}{quote}"
    return f'"{value}"' if value in ("", "no", "yes", "on", "off", "true", "false", "null") else value


def _insert(key: str, value: Any, document: Document, place: Place) -> list[Edit] | None:
    """A new key right after the entry at a place, in its line style."""
    source, layout = document.source, document.layout
    text = _written(value, layout, source)
    if "." in key:
        return None
    if layout.kind == "call":
        before = source.text[: place.span.start].rstrip(" \t\r\n")
        if not before.endswith((",", "(")):
            return None
        line = source.position(place.span.start)
        indent = source.line_text(line.line)[: line.column - 1]
        separator = ",\n" + indent if not indent.strip() else ", "
        if source.path.endswith(".ipynb"):
            return None
        if source.position(place.span.start).line == source.position(layout.span.start).line:
            separator = ", "
        return [Edit(source, Span(place.span.end, place.span.end), f"{separator}{key}={text}")]
    if layout.kind != "mapping" or not isinstance(layout.tree, Mapping):
        return None
    entry = next(
        (item for item in layout.tree.entries if item.span.start <= place.span.start <= item.span.end), None
    )
    if entry is None:
        return None
    at = entry.span.end
    line = source.position(entry.key.span.start)
    indent = source.line_text(line.line)[: line.column - 1]
    newline = "\r\n" if "\r\n" in source.text else "\n"
    if source.path.endswith(".json"):
        own_line = not indent.strip()
        return [
            Edit(
                source,
                Span(at, at),
                ("," + newline + indent if own_line else ", ") + f"{json.dumps(key)}: {text}",
            )
        ]
    if indent.strip():
        return [Edit(source, Span(at, at), f", {key}: {text}")]
    # After the whole line, so that a trailing comment stays with its setting.
    end = source.line_span(source.position(at).line).end
    if source.text[end - 1 : end] == "\n":
        return [Edit(source, Span(end, end), f"{indent}{key}: {text}{newline}")]
    return [Edit(source, Span(end, end), f"{newline}{indent}{key}: {text}")]


def _unset(field: str, facts: Facts) -> list[Edit] | None:
    stated = facts.run.fields.get(field)
    if stated is None or stated.place is None:
        return []
    document = _document_of(stated, facts)
    if document is None:
        return None
    if document.layout.kind == "values":
        return None  # a script asks the file for this key
    source, span = stated.place
    if document.layout.kind == "call" or source.path.endswith(".json"):
        return _remove_with_comma(source, span)
    if document.layout.kind != "mapping":
        return None
    first, last = source.position(span.start), source.position(span.end)
    if source.line_text(first.line)[: first.column - 1].strip():
        return None
    return [Edit(source, Span(source.line_span(first.line).start, source.line_span(last.line).end), "")]


def _remove_with_comma(source: Source, span: Span) -> list[Edit] | None:
    """Remove one item of a comma-separated list with the comma that goes with it, and its line when it stands alone."""
    text = source.text
    end = span.end
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    if text[end : end + 1] == ",":
        end += 1
        line = source.position(span.start)
        alone = not source.line_text(line.line)[: line.column - 1].strip()
        rest = source.line_span(source.position(end).line)
        if alone and not text[end : rest.end].strip():
            return [Edit(source, Span(source.line_span(line.line).start, rest.end), "")]
        while text[end : end + 1] in (" ", "\t"):
            end += 1
        return [Edit(source, Span(span.start, end), "")]
    start = len(text[: span.start].rstrip())
    if text[start - 1 : start] == ",":
        return [Edit(source, Span(start - 1, span.end), "")]
    return [Edit(source, span, "")] if text[start - 1 : start] in ("(", "{") else None


def _rename(field: str, key: str, facts: Facts) -> list[Edit] | None:
    stated = facts.run.fields.get(field)
    if stated is None or stated.place is None or not stated.key:
        return None
    document = _document_of(stated, facts)
    if document is not None and document.layout.kind == "values":
        return None  # a script asks the file for this key
    source, span = stated.place
    old = stated.key.rsplit(".", 1)[-1]
    text = source.slice(span)
    at = text.find(old)
    if at < 0 or at > 3:
        return None
    return [Edit(source, Span(span.start + at, span.start + at + len(old)), key)]
