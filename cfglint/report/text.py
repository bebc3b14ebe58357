"""The report for people: what, where (the source underlined), why, the fix, the public report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cfglint.model.finding import Finding
from cfglint.model.report import Report
from cfglint.report.columns import printable
from cfglint.report.excerpt import excerpt
from cfglint.report.style import paint
from cfglint.report.summary import summary

_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)\s+(?=[A-Z`\"'(])")


def render(report: Report, color: bool = False, plots: Mapping[str, Sequence[str]] = {}) -> str:
    """The findings, each with its excerpt, and a summary; ``plots`` are further lines by fingerprint."""
    parts = [_finding(finding, color, plots.get(finding.fingerprint, ())) for finding in report.findings]
    parts.append("\n".join(summary(report)))
    return "\n\n".join(parts) + "\n"


def _finding(finding: Finding, color: bool, plot: Sequence[str]) -> str:
    title = paint(f"{finding.severity}[{finding.rule}]", finding.severity, color)
    source_lines, gutter = excerpt(finding, color)
    lines = [title + paint(f": {printable(_one_line(finding.message))}", "bold", color), *source_lines]
    for name, text in _notes(finding):
        margin = f"{' ' * gutter} {paint('=', 'gutter', color)}"
        lines.append(f"{margin} {paint(name + ':', 'bold', color)} {printable(text)}")
    lines += [f"{' ' * gutter}   {line}" for line in plot]
    return "\n".join(lines)


def _notes(finding: Finding) -> list[tuple[str, str]]:
    notes = []
    if finding.why:
        notes.append(("why", _SENTENCE_END.split(_one_line(finding.why), maxsplit=1)[0]))
    if finding.fix is not None and finding.fix.edits:
        unsafe = " (unsafe: it changes what the run does)" if finding.fix.safety == "unsafe" else ""
        notes.append(("fix", _one_line(finding.fix.title) + unsafe))
    elif finding.help:
        notes.append(("advice", _one_line(finding.help)))
    reports = sorted(finding.evidence, key=lambda entry: entry.get("type") != "report")
    for entry in reports[:1]:
        if entry.get("url"):
            notes.append((entry.get("type", "report"), entry["url"]))
    if finding.verdict is not None:
        notes.append(("verdict", verdict_text(finding.verdict)))
    return notes


def _one_line(text: str) -> str:
    return " ".join(text.split())


def verdict_text(verdict: Mapping[str, object]) -> str:
    """An experiment's outcome with its reason, its statistic against the threshold and what it assumed."""
    text = str(verdict.get("outcome"))
    if verdict.get("reason"):
        text += f": {verdict['reason']}"
    statistic, threshold = verdict.get("statistic"), verdict.get("threshold")
    if isinstance(statistic, (int, float)) and isinstance(threshold, (int, float)):
        text += f" (statistic {statistic:.4g}, threshold {threshold:.4g})"
    assumed = verdict.get("assumed")
    if isinstance(assumed, (list, tuple)) and assumed:
        text += "; assuming " + "; ".join(map(str, assumed))
    return text
