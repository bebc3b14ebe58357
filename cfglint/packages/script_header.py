"""The dependencies that a script declares in its own header: PEP 723 (``# /// script``)."""

from __future__ import annotations

import re

from cfglint.model.value import Place
from cfglint.packages.pyproject import read_texts
from cfglint.packages.requirement import Requirement, Skipped, skipped_at, specifier_kind
from cfglint.packages.toml_spans import TomlError, read_toml, toml_spans
from cfglint.source import Source, Span

_START = re.compile(r"^# /// script[ \t]*\r?\n", re.MULTILINE)
_BLOCK = re.compile(r"(?P<content>(?:#(?: .*)?\r?\n)*?)# ///[ \t]*(?:\r?\n|$)")


def read_script_header(source: Source) -> list[Requirement | Skipped]:
    """The requirements of a script's ``# /// script`` block; [] for a script without one."""
    start = _START.search(source.text)
    block = _BLOCK.match(source.text, start.end()) if start else None
    if block is None:
        return []
    # The block as TOML at the very offsets that it has in the script: all before it and its "# " are blanked.
    text = " " * block.start("content") + re.sub(r"^#", " ", block["content"], flags=re.MULTILINE)
    try:
        data = read_toml(text)
    except TomlError as error:
        return [skipped_at(source, block.start() - 1, str(error))]
    spans = toml_spans(text)
    found = read_texts(source, spans, ("dependencies",), data.get("dependencies"))
    python = data.get("requires-python")
    if isinstance(python, str) and python:
        span: Span = spans[("requires-python",)]
        kind = specifier_kind(python)
        found.append(
            Requirement("python", python.replace(" ", ""), kind, Place(source, span), span, "", source.path)
        )
    return found
