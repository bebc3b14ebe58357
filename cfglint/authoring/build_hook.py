"""Build hook of hatchling: puts the compiled rules into the wheel, so that linting never compiles them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileRules(BuildHookInterface[Any]):
    """Compiles ``rules/`` and adds both tables beside the rule files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected; an editable install compiles at run time instead."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from cfglint.authoring.compile import compile_rules
        from cfglint.engine.ruleset import written

        hot, cold = compile_rules(root / "rules")
        folder = Path(tempfile.mkdtemp(prefix="cfglint-rules-"))
        for name, text in written(hot, cold).items():
            (folder / name).write_text(text, encoding="utf-8")
            build_data["force_include"][str(folder / name)] = f"cfglint/_rules/{name}"
