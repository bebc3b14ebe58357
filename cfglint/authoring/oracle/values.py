"""Collects the values that public configurations give each field: ``python -m cfglint.authoring.oracle.values``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

# Names, paths and texts are the users' own; what matters here are numbers, switches and choices.
LONGEST = 32
MOST_VALUES = 24
OWN = ("_id", "_name", "_dir", "_path", "_token")


def collect(files: list[Path]) -> dict[str, list[Any]]:
    """Top-level fields of YAML and JSON files with their distinct values, the commonest first."""
    found: dict[str, Counter[str]] = {}
    for file in files:
        try:
            loaded = yaml.safe_load(file.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        for name, value in (loaded if isinstance(loaded, dict) else {}).items():
            if not isinstance(name, str) or name.endswith(OWN):
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


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(inner) for key, inner in value.items())
    return (
        value is None
        or isinstance(value, (bool, int, float, str))
        or isinstance(value, list)
        and all(map(_plain, value))
    )


if __name__ == "__main__":
    print(json.dumps(collect([Path(line.strip()) for line in sys.stdin]), indent=None, separators=(",", ":")))
