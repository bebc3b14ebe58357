"""From a tree or call to fields: what a dialect's keys mean and what its loader makes of the raw text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfglint.model.run import Document, Layout
from cfglint.model.value import KNOWN, UNSET, Place, Value, unknown
from cfglint.parse.tree import Entry, Mapping, Node, Opaque, Scalar, Sequence, plain
from cfglint.resolve.vocabulary import CallPattern, KeyMap, Vocabulary
from cfglint.source import Source, Span

if TYPE_CHECKING:
    from cfglint.parse.script import Call

#: Loaders that turn text into the number or bool that a field's type asks for, even when it is quoted.
_CONVERTING = frozenset(("trl", "pydantic", "argv"))
#: Loaders that read an unquoted 2e-5 as a number (OmegaConf has its own float resolver).
_FLOAT_READING = frozenset(("trl", "pydantic", "argv", "omegaconf"))


#: Loaders that hand a value on as it is.
TRUSTING = frozenset(("omegaconf", "hf", "python"))


def loaded(value: object, quoted: bool, kind: str, loader: str) -> object:
    """What a tool's loader makes of a scalar that the plain reader gave, for a field of a type.

    Sources: transformers HfArgumentParser.parse_yaml_file (no conversion), TrlParser (argparse defaults), OmegaConf
    (YAML 1.2 floats), pydantic (converts by type), argparse (text to type).
    """
    if not isinstance(value, str):
        if kind == "bool" and loader == "pydantic" and value in (0, 1):
            return bool(value)
        return (
            float(value)
            if kind == "float" and isinstance(value, int) and not isinstance(value, bool)
            else value
        )
    if kind in ("int", "float"):
        if loader in _CONVERTING or (loader in _FLOAT_READING and not quoted):
            number = _number(value)
            return value if number is None else number
    elif kind == "bool" and loader in _CONVERTING:
        return {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }.get(value.lower(), value)
    elif kind == "any" and loader == "argv" and not quoted:
        number = _number(value)
        return {"true": True, "false": False}.get(value.lower(), value if number is None else number)
    return value


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


class FieldReader:
    """Collects the fields of one document."""

    def __init__(self, vocabulary: Vocabulary, source: Source, keys: KeyMap, loader: str) -> None:
        self.vocabulary = vocabulary
        self.source = source
        self.keys = keys
        self.loader = loader
        self.fields: dict[str, Value] = {}
        self.nodes: dict[str, tuple[Node, Span]] = {}

    def mapping(self, tree: Mapping) -> None:
        """Read every key of a mapping, nested ones under their dotted path."""
        for entry in tree.entries:
            self.entry(str(entry.key.value), entry.value, entry.span)

    def entry(self, key: str, node: Node, span: Span) -> None:
        """Read one key."""
        self.nodes[key] = (node, span)
        for field, values, otherwise in self.keys.targets(key, self.vocabulary.types):
            value = self.value(field, key, node, span)
            if values is not None and value.state == KNOWN:
                value = _translated(value, values, otherwise)
            if not values:
                value = self._truth(field, value)
            if value.state != UNSET or field not in self.fields:
                self.fields[field] = value
        if isinstance(node, Mapping):
            for inner in node.entries:
                self.entry(
                    f"{key}.{inner.key.value}",
                    inner.value,
                    inner.span if inner.span.start >= span.start else span,
                )

    def value(self, field: str, key: str, node: Node, span: Span) -> Value:
        """One node as a field's value."""
        place = Place(self.source, span)
        if isinstance(node, Opaque):
            return unknown(node.reason, place, key, node.text)
        if isinstance(node, Scalar):
            if node.value is None:
                return Value(UNSET, None, place, "null is not set", node.raw, node.span, key)
            kind = self.vocabulary.types.get(field, "any")
            value = loaded(node.value, node.quoted, kind, self.loader)
            return Value(KNOWN, value, place, node.note or "file", node.raw, node.span, key, node.weak)
        return Value(KNOWN, plain(node), place, "file", "", node.span, key)

    def _truth(self, field: str, value: Value) -> Value:
        """What a bool that no one converts comes to: `if args.bf16:` is what reads it."""
        trusted = self.loader in TRUSTING and self.vocabulary.types.get(field) == "bool"
        if trusted and value.state == KNOWN and isinstance(value.value, (str, int, float)):
            return value._replace(value=bool(value.value))
        return value


def _translated(value: Value, values: list[list[Any]], otherwise: Any) -> Value:
    for raw, meaning in values:
        if value.value == raw and isinstance(value.value, bool) == isinstance(raw, bool):
            return value._replace(value=meaning)
        # A flag's value is text: --quantization_bit 4, --use_peft true.
        if isinstance(raw, int) and isinstance(value.value, str) and value.value.lower() == str(raw).lower():
            return value._replace(value=meaning)
    if otherwise == "same":
        return value
    if otherwise == "unset":
        return value._replace(state=UNSET, value=None)
    return value._replace(value=otherwise[1])


def read_mapping(vocabulary: Vocabulary, dialect: dict[str, Any], source: Source, tree: Mapping) -> Document:
    """A YAML or JSON mapping of a dialect as a document."""
    keys = vocabulary.key_map(dialect)
    reader = FieldReader(vocabulary, source, keys, dialect["loader"])
    reader.mapping(tree)
    for key, sets in dialect["presence"].items():
        entry = tree.get(key)
        if entry is not None and not (isinstance(entry.value, Scalar) and not entry.value.value):
            if not (isinstance(entry.value, Sequence) and not entry.value.items):
                for field, value in sets.items():
                    reader.fields.setdefault(
                        field, Value(KNOWN, value, Place(source, entry.key.span), "file", "", None, key)
                    )
    links = {}
    for key, target in dialect["links"].items():
        found = reader.nodes.get(key)
        if found is not None:
            links[target + ":" + key] = reader.value("", key, *found)
    first = tree.entries[0].key.span if tree.entries else tree.span
    telling = _detect_keys(dialect)
    anchor = next((entry.key.span for entry in tree.entries if entry.key.value in telling), first)
    layout = Layout("mapping", source, tree.span, anchor, _spellings(keys, reader.fields), tree, tree.entries)
    return Document(dialect["name"], source, reader.fields, frozenset(dialect["provides"]), layout, links)


def _detect_keys(dialect: dict[str, Any]) -> set[str]:
    return {
        key for group in dialect["detect"] for part in ("all", "any", "of") for key in group.get(part, ())
    }


def _spellings(keys: KeyMap, fields: dict[str, Value]) -> dict[str, str]:
    spelled = dict(keys.reverse)
    spelled.update({field: value.key for field, value in fields.items() if value.key})
    spelled["*"] = keys.namespace
    for namespace in keys.includes:
        spelled[f"*{namespace}"] = namespace
    return spelled


def _named(call: Call) -> tuple[Entry, ...]:
    """The named arguments of a call as entries; an unpacked dict's keys stand where the dict says them."""
    return tuple(
        Entry(
            Scalar(
                argument.name,
                argument.name,
                Span(argument.span.start, argument.span.start + len(argument.name)),
            ),
            argument.value,
        )
        for argument in call.arguments
        if argument.name
    )


def read_call(vocabulary: Vocabulary, pattern: CallPattern, source: Source, call: Call) -> Document:
    """A configuring call of a script as a document."""
    spec = pattern.spec
    reader = FieldReader(vocabulary, source, pattern.keys, "python")
    for name, argument in call.named(spec["positional"]):
        reader.entry(name, argument.value, argument.span)
    here = Place(source, call.name_span)
    for field, value in spec["sets"].items():
        if field not in reader.fields:
            reader.fields[field] = Value(KNOWN, value, here, "file")
    if spec["callee_field"]:
        reader.fields[spec["callee_field"]] = Value(KNOWN, call.callee.split(".")[-2], here, "file")
    if spec["string_model"]:
        model = call.argument("model", 0)
        if model is not None and isinstance(model.value, Scalar) and isinstance(model.value.value, str):
            reader.fields[spec["string_model"]] = reader.value(
                spec["string_model"], "model", model.value, model.span
            )
    known_links = pattern.dialect["links"] if spec["follows_links"] else {}
    links = {
        target + ":" + key: reader.value("", key, *reader.nodes[key])
        for key, target in known_links.items()
        if key in reader.nodes
    }
    provides = frozenset() if call.open else frozenset(spec["provides"])
    spelled = _spellings(pattern.keys, reader.fields)
    layout = Layout("call", source, call.span, call.name_span, spelled, None, _named(call), call.callee)
    return Document(pattern.dialect["name"], source, reader.fields, provides, layout, links, spec["defaults"])
