"""Keys that stand twice in one mapping of a YAML or JSON file.

Coded, because fields hold only the value that wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.model.run import Document, Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Mapping, Node, Sequence, plain

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

#: Tools whose loader (OmegaConf) raises for a key that stands twice.
_REFUSING = {"llamafactory": "LLaMA-Factory", "torchtune": "torchtune"}


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each key that a later one of the same mapping repeats, at every level."""
    for document in run.documents:
        if document.layout.tree is not None:
            yield from _mappings(document, document.layout.tree)


def _mappings(document: Document, tree: Node) -> Iterator[Match]:
    stack: list[Node] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Sequence):
            stack += node.items
        elif isinstance(node, Mapping):
            stack += [entry.value for entry in node.entries]
            yield from _repeated(document, node)


def _repeated(document: Document, mapping: Mapping) -> Iterator[Match]:
    if len({entry.key.value for entry in mapping.entries}) == len(mapping.entries):
        return
    first: dict[object, Entry] = {}
    for entry in mapping.entries:
        if _merged(entry, mapping):
            continue
        old = first.setdefault(entry.key.value, entry)
        if old is not entry:
            yield _match(document, old, entry)


def _merged(entry: Entry, mapping: Mapping) -> bool:
    """Whether ``<<`` brought an entry in: it stands outside the mapping, or inside another entry's value."""
    start = entry.key.span.start
    if not mapping.span.start <= start < mapping.span.end:
        return True
    return any(
        other.value.span.start <= start < other.value.span.end
        for other in mapping.entries
        if other is not entry
    )


def _match(document: Document, old: Entry, entry: Entry) -> Match:
    source, key = document.source, entry.key.value
    line = source.position(old.key.span.start).line
    refusing = _REFUSING.get(document.dialect)
    differs = plain(old.value) != plain(entry.value)
    if refusing:
        what = f"{key} stands here and in line {line}: {refusing}'s loader refuses the file"
    else:
        what = f"{key} stands here and in line {line}: the last one wins without a word" + (
            "" if differs else ", with the same value"
        )
    return Match(
        Place(source, entry.span),
        what,
        "keep one of the two",
        related=((Place(source, old.span), "the first one"),),
        severity="error" if refusing else "warning" if differs else "info",
    )
