"""SARIF 2.1.0, as code-scanning services read it.

Fields of the OASIS standard; the uris are relative to where the command ran, which a service takes for the
root of the checkout. GitHub computes fingerprints only where a file brings none, and shows 5,000 results of a
run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cfglint import __version__
from cfglint.model.finding import Edit, Finding, Fix, Location
from cfglint.model.report import Report
from cfglint.source import Source, Span

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, descriptors: Sequence[Mapping[str, object]] = ()) -> str:
    """The report as a SARIF log with one run."""
    rules = [_rule(descriptor) for descriptor in descriptors]
    known = {str(rule["id"]) for rule in rules}
    for finding in report.findings:
        if finding.rule not in known:
            known.add(finding.rule)
            rules.append({"id": finding.rule, "name": finding.rule})
    index = {str(rule["id"]): number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "cfglint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {
                        "level": "note",
                        "message": {"text": f"skipped: {file.reason}"},
                        "locations": [{"physicalLocation": {"artifactLocation": _artifact(file.path)}}],
                    }
                    for file in report.skipped
                ],
            }
        ],
        "results": [_result(finding, index[finding.rule]) for finding in report.findings],
    }
    # "$schema" is left out: it would only name a host, and readers go by "version".
    return json.dumps({"version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(descriptor: Mapping[str, object]) -> dict[str, object]:
    name = str(descriptor["name"])
    rule: dict[str, object] = {"id": name, "name": name}
    if descriptor.get("summary"):
        rule["shortDescription"] = {"text": str(descriptor["summary"])}
    if descriptor.get("why"):
        rule["fullDescription"] = {"text": " ".join(str(descriptor["why"]).split())}
    for entry in _items(descriptor.get("evidence")):
        if isinstance(entry, Mapping) and entry.get("url"):
            rule["helpUri"] = str(entry["url"])
            break
    if descriptor.get("severity"):
        rule["defaultConfiguration"] = {"level": _LEVELS[str(descriptor["severity"])]}
    tags = [str(tag) for tag in _items(descriptor.get("symptom"))]
    properties: dict[str, object] = {"tags": ["training", *tags]}
    if descriptor.get("code"):
        properties["code"] = str(descriptor["code"])
    if descriptor.get("confidence"):
        properties["precision"] = str(descriptor["confidence"])
    return {**rule, "properties": properties}


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _result(finding: Finding, index: int) -> dict[str, object]:
    text = f"{finding.message}\n{finding.help}" if finding.help else finding.message
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(finding.location)],
    }
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, **_location(location), "message": {"text": location.label or "see also"}}
            for number, location in enumerate(finding.related, 1)
        ]
    if finding.fix is not None and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix)]
    if finding.fingerprint:
        result["partialFingerprints"] = {"cfglint/v1": finding.fingerprint}
    result["properties"] = {
        "code": finding.code,
        "confidence": finding.confidence,
        "symptom": list(finding.symptom),
        "fields": list(finding.fields),
        "packages": dict(finding.packages),
        "evidence": [dict(entry) for entry in finding.evidence],
        "verdict": finding.verdict,
    }
    return result


def _fix(fix: Fix) -> dict[str, object]:
    changes: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.source.path, []).append(edit)
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path),
                "replacements": [
                    {"deletedRegion": _region(edit.source, edit.span), "insertedContent": {"text": edit.text}}
                    for edit in edits
                ],
            }
            for path, edits in changes.items()
        ],
    }


def _location(location: Location) -> dict[str, object]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(location.source.path),
            "region": _region(location.source, location.span),
        }
    }


def _region(source: Source, span: Span) -> dict[str, int]:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _artifact(path: str) -> dict[str, str]:
    quoted = quote(path, safe="/", errors="surrogateescape")
    if path.startswith("/"):
        return {"uri": f"file://{quoted}"}
    return {"uri": quoted, "uriBaseId": "%SRCROOT%"}
