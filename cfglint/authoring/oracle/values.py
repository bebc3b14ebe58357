"""Collects the values that public configurations give each field: ``python -m cfglint.authoring.oracle.values``.

Reads file names from standard input; with ``--sections``, what stands in a section goes under a dotted name.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# Names, paths and texts are the users' own; what matters here are numbers, switches and choices.
LONGEST = 32
MOST_VALUES = 24
OWN = ("_id", "_name", "_dir", "_path", "_token")


def collect(files: list[Path], sections: bool = False) -> dict[str, list[Any]]:
    """The fields of YAML and JSON files with their distinct values, the commonest first."""
    found: dict[str, Counter[str]] = {}
    for file in files:
        try:
            text = file.read_text("utf-8")
            loaded = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            continue
        for name, value in _items(loaded if isinstance(loaded, dict) else {}, sections):
            if name.endswith(OWN):
                continue
            text = json.dumps(value) if _plain(value) else ""
            # ``${…}`` is a template's hole.
            if text and len(text) <= LONGEST and "/" not in text and "${" not in text:
                found.setdefault(name, Counter())[text] += 1
    return {
        name: [
            json.loads(text)
            for text, _count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_VALUES]
        ]
        for name, counts in sorted(found.items())
    }


def _items(mapping: dict[Any, Any], sections: bool, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in mapping.items():
        if not isinstance(name, str):
            continue
        if sections and isinstance(value, dict):
            yield from _items(value, sections, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(inner) for key, inner in value.items())
    return (
        value is None
        or isinstance(value, (bool, int, float, str))
        or (isinstance(value, list) and all(map(_plain, value)))
    )


if __name__ == "__main__":
    found = collect([Path(line.strip()) for line in sys.stdin], "--sections" in sys.argv)
    print(json.dumps(found, separators=(",", ":")))
