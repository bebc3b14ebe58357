"""The examples in rule files, as folders to lint. Only what every training environment has: PyYAML, and no torch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from cfglint.rules_dir import rules_dir


@contextmanager
def example_folder(files: Mapping[str, str]) -> Iterator[Path]:
    """The files of an example in a folder of their own, which is the working folder meanwhile."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="cfglint-example-") as name:
        folder = Path(name).resolve()
        (folder / ".git").mkdir()
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def read_examples() -> dict[str, list[dict[str, Any]]]:
    """The examples of every built-in rule as they are written, by rule name."""
    folder = Path(rules_dir())
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path.parent != folder and path.relative_to(folder).parts[0] not in ("dialects", "facts"):
            rule = yaml.load(path.read_text(encoding="utf-8"), loader)
            found[rule["name"]] = rule["examples"]
    return found
