"""How much of the scripts and notebooks of a folder is read: crashes, slow files, and the values of config calls.

    python -m cfglint.authoring.bench_scripts FOLDER [--reasons 20] [--show "function parameter"]

Each file is linted alone. A config call is one that a dialect reads as settings: TrainingArguments, LoraConfig,
BitsAndBytesConfig, ``from_pretrained`` and the like, but no trainers and collators, which are given objects. The value
of a keyword counts as read when it is a literal, follows from literals, is the default of an option or parameter, or
is another config call of the same script.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cfglint.engine.ruleset import load_rules
from cfglint.linting import Options, lint
from cfglint.parse.script import Argument, Call, Script
from cfglint.parse.tree import Mapping, Node, Opaque, Sequence
from cfglint.resolve.project import Project
from cfglint.resolve.vocabulary import Vocabulary
from cfglint.source import Source

#: What a call holds by its role in a dialect; trainers are given models, datasets and functions.
_GROUPS = {
    "arguments": "training arguments",
    "adapter": "adapters",
    "quantization": "quantization",
    "model": "from_pretrained",
    "tokenizer": "from_pretrained",
}
#: A file that takes longer hangs, as far as its user can tell (seconds).
_SLOW = 10.0


class KeywordValue(NamedTuple):
    """A keyword's value in a config call; ``unread`` says why it is not known, "" where it is."""

    place: str
    group: str
    text: str
    unread: str


def config_calls(script: Script, vocabulary: Vocabulary) -> list[tuple[Call, str]]:
    """The calls of a script that hold settings, with the name of their group."""
    found = [(call, vocabulary.call(call.callee)) for call in script.calls]
    return [
        (call, _GROUPS[pattern.spec["role"]])
        for call, pattern in found
        if pattern is not None and pattern.spec["role"] in _GROUPS
    ]


def keyword_values(source: Source, script: Script, vocabulary: Vocabulary) -> Iterator[KeywordValue]:
    """The values of all keywords of a script's config calls, in the order of the text."""
    settings = config_calls(script, vocabulary)
    names = {call.target for call, _ in settings if call.target}
    starts = {call.span for call, _ in settings}
    for call, group in settings:
        for argument in call.arguments:
            if not argument.name:
                continue
            unread = _unread(argument.value)
            if unread and (_written(argument) in names or argument.value.span in starts):
                unread = ""
            place = f"{source.path}:{source.position(argument.span.start).line}"
            yield KeywordValue(place, group, " ".join(source.slice(argument.span).split()), unread)


def _written(argument: Argument) -> str:
    return argument.value.text if isinstance(argument.value, Opaque) else ""


def _unread(node: Node) -> str:
    """The reason of the first part of a value that is not static."""
    if isinstance(node, Opaque):
        return node.reason
    if isinstance(node, Sequence):
        return next(filter(None, map(_unread, node.items)), "")
    if isinstance(node, Mapping):
        inner = next(filter(None, (_unread(entry.value) for entry in node.entries)), "")
        return inner or ("unread keys" if node.open else "")
    return ""


def main() -> None:
    """Read every script and notebook, lint each alone, and print what was and was not understood."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reasons", type=int, default=20, help="so many reasons are listed")
    parser.add_argument("--show", default="", metavar="REASON", help="list the values unread for a reason")
    given = parser.parse_args()
    vocabulary = load_rules().vocabulary
    values: list[KeywordValue] = []
    calls: list[Call] = []
    crashed, slow = 0, 0
    files = sorted(file for file in given.folder.rglob("*") if file.is_file())
    for file in files:
        started = time.perf_counter()
        try:
            lint(Options(paths=(str(file),), environment="none"))
            parsed = Project(vocabulary, str(given.folder), str(given.folder)).open(str(file), named=True)
            if parsed.script is not None:
                values.extend(keyword_values(parsed.source, parsed.script, vocabulary))
                calls.extend(call for call, _ in config_calls(parsed.script, vocabulary))
        except Exception:
            crashed += 1
            print(f"crash: {file}\n{traceback.format_exc()}")
        took = time.perf_counter() - started
        if took > _SLOW:
            slow += 1
            print(f"slow: {file}: {took:.1f} s")
    print(f"{len(files)} files, {crashed} crashed, {slow} took more than {_SLOW:g} s")
    print(f"{len(calls)} config calls, {sum(call.open for call in calls)} of them with unread **arguments")
    for group in (*dict.fromkeys(_GROUPS.values()), ""):
        rows = [value for value in values if value.group == group or not group]
        known = sum(not value.unread for value in rows)
        print(f"{known / max(len(rows), 1):7.1%} of {len(rows):5} keyword values read: {group or 'all'}")
    reasons = Counter(value.unread for value in values if value.unread)
    for reason, count in reasons.most_common(given.reasons):
        print(f"{count:7}  {reason}")
    for value in values:
        if given.show and value.unread == given.show:
            print(f"{value.place}: {value.text}")


if __name__ == "__main__":
    main()
