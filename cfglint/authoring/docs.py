"""The rule documentation as a Markdown tree: one page a rule, with indexes by area, symptom, package and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cfglint.cli.explain import ladder


def write_docs(cold: Mapping[str, Any], examples: Mapping[str, list[dict[str, Any]]], out: Path) -> int:
    """Write all pages below a folder, made if it is missing; returns how many."""
    (out / "rules").mkdir(parents=True, exist_ok=True)
    pages = {f"rules/{name}.md": rule_page(name, rule, examples[name]) for name, rule in cold.items()}
    indexes: list[tuple[str, str, Callable[[Mapping[str, Any]], Iterable[str]]]] = [
        ("by-area.md", "Rules by area", lambda rule: [rule["area"]]),
        ("by-symptom.md", "Rules by symptom", lambda rule: rule["symptom"]),
        ("by-package.md", "Rules by package", lambda rule: rule["packages"]),
        ("by-field.md", "Rules by field", lambda rule: rule["fields"]),
    ]
    for file, title, keys in indexes:
        pages[file] = _index(title, cold, keys)
    links = "\n".join(f"- [{title}]({file})" for file, title, _ in indexes)
    pages["index.md"] = f"# cfglint rules\n\n{len(cold)} rules.\n\n{links}\n"
    for file, text in pages.items():
        (out / file).write_text(text, encoding="utf-8")
    return len(pages)


def _index(title: str, cold: Mapping[str, Any], keys: Callable[[Mapping[str, Any]], Iterable[str]]) -> str:
    groups: dict[str, list[str]] = {}
    for name, rule in cold.items():
        for key in keys(rule):
            groups.setdefault(key, []).append(name)
    parts = [f"# {title}\n"]
    for key in sorted(groups):
        rows = "\n".join(
            f"- [{name}](rules/{name}.md) ({cold[name]['severity']}): {cold[name]['summary']}"
            for name in sorted(groups[key])
        )
        parts.append(f"## {key}\n\n{rows}\n")
    return "\n".join(parts)


def rule_page(name: str, rule: Mapping[str, Any], examples: list[dict[str, Any]]) -> str:
    """One rule's page, in the order in which a reader asks."""
    parts = [
        f"# {name} ({rule['code']})\n",
        f"{rule['summary'][0].upper()}{rule['summary'][1:]}.\n",
        f"| severity | confidence | status | symptom | evidence |\n|---|---|---|---|---|\n"
        f"| {rule['severity']} | {rule['confidence']} | {rule['status']} since {rule['since']} | {', '.join(rule['symptom'])} | {ladder(rule)} |\n",
        f"## What happens\n\n{rule['why']}\n",
        f"## When it fires\n\n```\n{_conditions(rule)}\n```\n",
        f"## Fix\n\n{_plain(rule['fix']['title'])}\n",
    ]
    if rule["false_positives"]:
        parts.append(f"## When it may be wrong\n\n{rule['false_positives']}\n")
    parts.append("## Evidence\n\n" + "\n".join(_evidence(item) for item in rule["evidence"]) + "\n")
    for example in examples:
        for kind in ("bad", "fixed", "good", "undecided"):
            for path, text in example.get(kind, {}).items():
                title = f" ({example['title']})" if example.get("title") else ""
                parts.append(f"## Example: {kind}{title}\n\n`{path}`\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _conditions(rule: Mapping[str, Any]) -> str:
    return "\n".join([case["condition"] for case in rule["cases"]] or [rule["condition"]])


def _plain(parts: list[Any]) -> str:
    return "".join(part if isinstance(part, str) else "…" for part in parts)


def _evidence(item: Mapping[str, str]) -> str:
    where = item.get("url") or f"`{item.get('command', '')}`"
    versions = f" [{item['versions']}]" if item.get("versions") else ""
    return f"- {item['type']}: {where}{versions}: {item.get('says', '')}"
