"""The files that belong to the named ones although nobody named them: what mentions them, what they speak for."""

from __future__ import annotations

import os
from collections.abc import Iterable

from cfglint.parse.tree import Mapping
from cfglint.resolve.project import NEIGHBOUR_SIZE, ParsedFile, Project
from cfglint.resolve.vocabulary import KEY_WORDS


def with_context(project: Project, files: list[ParsedFile]) -> list[ParsedFile]:
    """The named files, and for each one the files beside it that mention it or that it speaks for."""
    wanted = {parsed.file: parsed for parsed in files}
    for parsed in files:
        if not parsed.named:
            continue  # a folder was searched: what lies beside its files was found too
        if parsed.kind == "dependencies":
            beside: Iterable[str] = project.below(os.path.dirname(parsed.file))
            mention = ""
        elif parsed.dialect is not None or parsed.script is not None or _may_be_asked(parsed):
            beside = project.neighbours(parsed.file)
            mention = os.path.basename(parsed.file)
        else:
            continue
        for file in beside:
            if file in wanted:
                continue
            if mention and not _mentions(file, mention):
                continue
            other = project.open(file)
            if not other.problem and (other.dialect or other.script is not None or other.commands):
                wanted[file] = other
    return list(wanted.values())


def _may_be_asked(parsed: ParsedFile) -> bool:
    """A file in nobody's dialect that speaks of training: a script may take settings out of it."""
    return isinstance(parsed.tree, Mapping) and KEY_WORDS.search(parsed.source.text) is not None


def _mentions(file: str, name: str) -> bool:
    try:
        if os.path.getsize(file) > NEIGHBOUR_SIZE:
            return False
        with open(file, encoding="utf-8", errors="ignore") as handle:
            return name in handle.read()
    except OSError:
        return False
