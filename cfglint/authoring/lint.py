"""The rules about rules that a schema cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Evidence that went further than a thread.
_STRONG = frozenset(("source", "fix", "measured"))


def lint_rules(cold: Mapping[str, Any], examples: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Every problem of every rule as a line "name: what is wrong"."""
    return [
        f"{name}: {problem}"
        for name, rule in sorted(cold.items())
        for problem in _problems(rule, examples[name])
    ]


def _problems(rule: Mapping[str, Any], examples: list[dict[str, Any]]) -> list[str]:
    found = []
    types = {item["type"] for item in rule["evidence"]}
    if rule["severity"] == "error" and not types & _STRONG:
        found.append("an error needs evidence of type source, fix or measured")
    for item in rule["evidence"]:
        if item["type"] != "measured" and not item.get("url", "").startswith("https://"):
            found.append(f"evidence of type {item['type']} names no https url")
        if not item.get("says"):
            found.append("each piece of evidence says what it shows")
    if len(rule["why"].split()) < 8:
        found.append("why explains nothing")
    if rule["summary"].endswith("."):
        found.append("summary ends without a full stop")
    kinds = [kind for example in examples for kind in ("bad", "good", "undecided") if kind in example]
    if rule["status"] in ("stable", "preview") and not rule["withdrawn"]:
        for kind in ("bad", "good"):
            if kind not in kinds:
                found.append(f"there is no {kind} example")
    edits = rule["fix"]["set"] or rule["fix"]["unset"] or rule["fix"]["rename"]
    if edits and not any("fixed" in example for example in examples):
        found.append("the fix makes edits, so one bad example shows what it makes (fixed)")
    if len(rule["message"]) == 1 and isinstance(rule["message"][0], str) and len(rule["message"][0]) < 20:
        found.append("message says too little")
    return found
