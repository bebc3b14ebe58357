"""Keeps the generated parts of README.md true: ``python -m cfglint.authoring.readme [--check]``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfglint.engine.ruleset import load_rules
from cfglint.linting import Options, lint
from cfglint.report import render
from cfglint.rules_dir import rules_dir
from cfglint.verify.examples import example_folder

#: The README's own example, which its first command lints.
EXAMPLE = "tests/readme/train.yaml"


def example_output(root: Path) -> str:
    """What cfglint prints for the README's example, with the versions that are pinned beside it."""
    pins = str(Path(EXAMPLE).with_name("requirements.txt"))
    with example_folder({name: (root / name).read_text(encoding="utf-8") for name in (EXAMPLE, pins)}):
        return render(lint(Options(paths=(EXAMPLE,), environment="none")).report, "text").rstrip()


def rule_table(cold: Mapping[str, Any]) -> str:
    """Rules by area: how many, at which severity, and an example of each."""
    areas: dict[str, list[str]] = {}
    for name, rule in cold.items():
        areas.setdefault(rule["area"], []).append(name)
    rows = ["| area | rules | error | warning | info | for example |", "|---|---|---|---|---|---|"]
    for area in sorted(areas):
        names = sorted(areas[area], key=lambda name: (_RANK[cold[name]["severity"]], cold[name]["code"]))
        counts = Counter(cold[name]["severity"] for name in names)
        rows.append(
            f"| {area} | {len(names)} | {counts['error']} | {counts['warning']} | {counts['info']} | {cold[names[0]]['summary']} |"
        )
    total = Counter(rule["severity"] for rule in cold.values())
    rows.append(
        f"| **all** | **{len(cold)}** | **{total['error']}** | **{total['warning']}** | **{total['info']}** | |"
    )
    return "\n".join(rows)


_RANK = {"error": 0, "warning": 1, "info": 2}


def updated(text: str) -> str:
    """README.md with its generated blocks made anew."""
    root = Path(rules_dir()).parent
    example = (root / EXAMPLE).read_text(encoding="utf-8")
    blocks = {
        "example-config": f"```yaml\n{example}```",
        "example-output": f"```text\n{example_output(root)}\n```",
        "rule-table": rule_table(load_rules().cold),
    }
    for name, block in blocks.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(\n<!-- end {name} -->)"
        parts = re.split(pattern, text, flags=re.S)
        count = (len(parts) - 1) // 3
        if count != 1:
            raise SystemExit(f"README.md: expected one block {name!r}, found {count}")
        text = parts[0] + parts[1] + block + parts[2] + parts[3]
    return text


def main() -> None:
    """Rewrite README.md, or with --check exit 1 where it is out of date."""
    path = Path(rules_dir()).parent / "README.md"
    text = path.read_text(encoding="utf-8")
    new = updated(text)
    if "--check" in sys.argv[1:]:
        if new != text:
            raise SystemExit("README.md is out of date: run python -m cfglint.authoring.readme")
        return
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
