"""Import layers: data flows one way, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cfglint

PACKAGE = Path(cfglint.__file__).parent
#: Lower layers first; a module may import its own layer and those before it.
LAYERS = [
    {"__init__", "source", "rules_dir", "fingerprint"},
    {"parse"},
    {"model"},
    {"packages"},
    {"resolve"},
    {"audit"},
    {"engine"},
    {"checks"},
    {"fix"},
    {"suppress", "ignore_comments", "baseline", "report", "settings", "discover", "gitignore"},
    {"linting"},
    {"verify", "cli", "__main__"},
]
LEAVES = {"authoring"}
#: The bridge from the loader to the compiler is crossed only where no compiled rules exist.
ALLOWED = {("engine/ruleset.py", "authoring")}
ONLY_IN = {
    "pydantic": ("authoring",),
    "torch": ("verify/worker", "authoring"),
    "transformers": ("verify/worker", "authoring"),
    "peft": ("verify/worker", "authoring"),
    "trl": ("verify/worker", "authoring"),
    "hatchling": ("authoring",),
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_rules" not in path.parts)


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [node.module]
    return found


def layer(part: str) -> int | None:
    return next((number for number, names in enumerate(LAYERS) if part in names), None)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    own = relative.split("/")[0].removesuffix(".py")
    assert own in LEAVES or layer(own) is not None, f"{relative} belongs to no layer: name it in LAYERS"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "cfglint" and len(parts) > 1:
            target = parts[1]
            if own in LEAVES or target == own or (relative, target) in ALLOWED:
                continue
            if own == "cli" and target in LEAVES:
                continue  # commands for authors
            assert target not in LEAVES, f"{relative} imports {name}: only commands may import {target}"
            if own in ("verify", "cli"):
                continue
            assert (layer(target) or 0) <= (layer(own) or 0), f"{relative} imports {name}, a higher layer"
        for library, places in ONLY_IN.items():
            if parts[0] == library:
                assert relative.startswith(places), f"{relative} imports {library}"
