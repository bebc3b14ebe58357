"""Settings that a script takes out of a YAML or JSON file of the project: documents that stand in that file."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.model.run import Document, Layout
from cfglint.model.value import Value
from cfglint.parse.script import Argument, Call, Script
from cfglint.parse.tree import Entry, FilePart, Mapping, Node, Opaque, Scalar, Sequence
from cfglint.resolve.project import ParsedFile, Project
from cfglint.resolve.read import FieldReader
from cfglint.resolve.vocabulary import CallPattern, Vocabulary
from cfglint.source import Span

_CONVERSIONS = {"int": int, "float": float, "str": str, "bool": bool}
#: From so many keys on a file of the project is told by them, where only the command line tells its path.
_TELLING = 3


class Looked(NamedTuple):
    """A value found in a file, and the place of its key and value there; ``weak`` where another file may be read."""

    file: ParsedFile
    node: Node
    span: Span
    part: FilePart
    weak: bool


class Loaded:
    """Looks up the values that one script takes out of files; ``given`` is the file that its command line names."""

    def __init__(self, project: Project, near: str, given: ParsedFile | None = None) -> None:
        self._project = project
        self._near = near
        self._given = given
        self.files: list[ParsedFile] = []

    def look_up(self, node: Node) -> Looked | None:
        """The value that an expression takes out of a file; None where there is no such file or key."""
        part = node.origin if isinstance(node, Opaque) else None
        if part is None:
            return None
        file = self._file(part)
        found = None if file is None else _within(file.tree, part.keys)
        if file is None or found is None:
            return None
        if file not in self.files:
            self.files.append(file)
        value, span = found
        converted = _converted(value, part)
        weak = part.weak and file is not self._given
        return None if converted is None else Looked(file, converted, span, part, weak)

    def placed(self, call: Call) -> Call:
        """A call with the scalars that it takes out of files, on the script's own text."""
        arguments = []
        for argument in call.arguments:
            looked = self.look_up(argument.value)
            if looked is not None and isinstance(looked.node, Scalar):
                own = looked.node._replace(span=argument.value.span, weak=looked.weak)
                argument = argument._replace(value=own)
            arguments.append(argument)
        return call._replace(arguments=tuple(arguments))

    def or_default(self, node: Node) -> Node:
        """What the script puts in place of a key that its file does not have, else the value as it stands."""
        part = node.origin if isinstance(node, Opaque) else None
        if part is None or part.default is None:
            return node
        file = self._file(part)
        holder = None if file is None else _within(file.tree, part.keys[:-1])
        missing = holder is not None and _within(holder[0], part.keys[-1:]) is None
        return part.default if missing else node

    def _file(self, part: FilePart) -> ParsedFile | None:
        if self._given is not None and (part.weak or not part.path):
            return self._given
        found = self._project.find(part.path, self._near) if part.path else None
        return None if found is None else self._project.open_data(found)


def split(
    vocabulary: Vocabulary, pattern: CallPattern, call: Call, loaded: Loaded
) -> tuple[Call, list[Document]]:
    """A configuring call without what it takes out of files, and that as documents of these files."""
    documents: list[Document] = []
    kept: list[Argument] = []
    names = {id(argument): name for name, argument in call.named(pattern.spec["positional"])}
    for argument in call.arguments:
        looked = loaded.look_up(argument.value)
        name = names.get(id(argument))
        if looked is None or name is None:
            kept.append(argument._replace(value=loaded.or_default(argument.value)))
        else:
            documents.append(_document(vocabulary, pattern, looked, name))
    unread: list[Opaque] = []
    for rest in call.unread:
        looked = loaded.look_up(rest)
        if looked is not None and isinstance(looked.node, Mapping):
            documents.append(_document(vocabulary, pattern, looked, ""))
        if looked is None or not isinstance(looked.node, Mapping) or looked.node.open:
            unread.append(rest)
    return call._replace(arguments=tuple(kept), unread=tuple(unread)), documents


def _document(vocabulary: Vocabulary, pattern: CallPattern, looked: Looked, name: str) -> Document:
    """A section that a call unpacks, or ("values") the one value that it takes for an argument of this name."""
    source, section = looked.file.source, looked.node
    loader = "omegaconf" if looked.part.loader == "omegaconf" else "python"
    reader = FieldReader(vocabulary, source, pattern.keys, loader)
    entries: tuple[Entry, ...] = ()
    if name or not isinstance(section, Mapping):
        reader.entry(name, section, looked.span)
        key = str(looked.part.keys[-1])
        reader.fields = {field: value._replace(key=key) for field, value in reader.fields.items()}
    else:
        entries = section.entries
        reader.mapping(section)
    if looked.weak:
        reader.fields = {field: value._replace(weak=True) for field, value in reader.fields.items()}
    layout = Layout(
        "values" if name else "mapping",
        source,
        looked.span,
        entries[0].key.span if entries else looked.span,
        _spellings(pattern, reader.fields),
        None if name else section,
        entries,
    )
    return Document(pattern.dialect["name"], source, reader.fields, frozenset(), layout, {}, {})


def _spellings(pattern: CallPattern, fields: dict[str, Value]) -> dict[str, str]:
    stated = {field: value.key for field, value in fields.items() if value.key}
    return {**pattern.keys.reverse, **stated, "*": pattern.keys.namespace}


def _within(tree: Node | None, keys: tuple[str | int, ...]) -> tuple[Node, Span] | None:
    """The node behind keys, with the span of its own key and value."""
    if tree is None:
        return None
    node, span = tree, tree.span
    for key in keys:
        if isinstance(node, Mapping):
            entry = next((entry for entry in reversed(node.entries) if entry.key.value == key), None)
            if entry is None:
                return None
            node, span = entry.value, entry.span
        elif isinstance(node, Sequence) and isinstance(key, int) and abs(key) < len(node.items):
            node = node.items[key]
            span = node.span
        else:
            return None
    return node, span


def _converted(node: Node, part: FilePart) -> Node | None:
    """A value as the script passes it on; None where its conversion fails."""
    if not part.convert or not isinstance(node, Scalar):
        return node if not part.convert else None
    try:
        return node._replace(value=_CONVERSIONS[part.convert](node.value))
    except (TypeError, ValueError, OverflowError):
        return None


def given_files(project: Project, script: Script) -> list[ParsedFile]:
    """The files of the project that hold every key that a script takes out of the one its command line names."""
    nodes: list[Node] = [argument.value for call in script.calls for argument in call.arguments]
    nodes += [rest for call in script.calls for rest in call.unread]
    taken = [node.origin for node in nodes if isinstance(node, Opaque) and node.origin is not None]
    parts = {part.keys for part in taken if part.keys and not part.path and part.default is None}
    if len({keys[0] for keys in parts}) < _TELLING:
        return []
    return [
        file
        for file in list(project.files.values())
        if isinstance(file.tree, Mapping) and all(_within(file.tree, keys) is not None for keys in parts)
    ]
