"""The JSON report, version 1: only ever extended.

Lines and columns start at 1, columns count code points, ranges are half-open, paths are relative to where the
command ran. In a notebook ``range`` counts lines of the file itself and ``cell`` says where a reader finds
the place.
"""

from __future__ import annotations

import json

from cfglint import __version__
from cfglint.model.finding import Finding, Fix, Location
from cfglint.model.report import Report
from cfglint.source import Source, Span

VERSION = 1


def render(report: Report) -> str:
    """The report as one JSON object; ASCII only, so that any stream can carry it."""
    return json.dumps(as_data(report), indent=2) + "\n"


def as_data(report: Report) -> dict[str, object]:
    """The report as plain data."""
    return {
        "version": VERSION,
        "tool": {"name": "cfglint", "version": __version__},
        "findings": [finding_json(finding) for finding in report.findings],
        "runs": [
            {
                "files": list(run.files),
                "dialects": list(run.dialects),
                "model": run.model,
                "packages": dict(run.packages),
            }
            for run in report.runs
        ],
        "undecided": {"checks": report.undecided.checks, "missing": dict(report.undecided.missing)},
        "files": {
            "checked": [{"path": file.path, "dialects": list(file.dialects)} for file in report.checked],
            "skipped": [{"path": file.path, "reason": file.reason} for file in report.skipped],
        },
    }


def finding_json(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity,
        "confidence": finding.confidence,
        **_place(finding.location),
        "related": [{**_place(location), "label": location.label} for location in finding.related],
        "message": finding.message,
        "why": finding.why,
        "help": finding.help,
        "symptom": list(finding.symptom),
        "fields": list(finding.fields),
        "packages": dict(finding.packages),
        "evidence": [dict(entry) for entry in finding.evidence],
        "fix": None if finding.fix is None else _fix(finding.fix),
        "fingerprint": finding.fingerprint,
        "verdict": finding.verdict,
    }


def _fix(fix: Fix) -> dict[str, object]:
    edits = [
        {"path": edit.source.path, "range": _range(edit.source, edit.span), "text": edit.text}
        for edit in fix.edits
    ]
    return {"title": fix.title, "safety": fix.safety, "edits": edits}


def _place(location: Location) -> dict[str, object]:
    data: dict[str, object] = {"path": location.source.path, "range": _range(location.source, location.span)}
    if location.cell is not None:
        data["cell"] = {"index": location.cell.index, "line": location.cell.line}
    return data


def _range(source: Source, span: Span) -> dict[str, dict[str, int]]:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "start": {"line": start.line, "column": start.column},
        "end": {"line": end.line, "column": end.column},
    }
