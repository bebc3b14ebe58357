"""GitHub workflow commands: a report as annotations on the changed files.

GitHub shows ten annotations of each level and step and drops the rest; what it would drop is printed as plain
lines.
"""

from __future__ import annotations

from cfglint.model.finding import SEVERITIES, Finding
from cfglint.model.report import Report
from cfglint.report.concise import line
from cfglint.report.summary import summary

_LIMIT = 10
_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    """Annotations, errors first; then what did not fit, and the summary."""
    shown: list[str] = []
    left: list[Finding] = []
    for severity in reversed(SEVERITIES):
        level = [finding for finding in report.findings if finding.severity == severity]
        shown += [_command(finding) for finding in level[:_LIMIT]]
        left += level[_LIMIT:]
    lines = shown
    if left:
        lines = [*shown, f"{len(left)} more, left out of the annotations ({_LIMIT} of a level are shown):"]
        # A line that begins with "::" would be a command; a file may be named like that.
        lines += [f"- {line(finding)}" for finding in left]
    return "\n".join([*lines, *summary(report)]) + "\n"


def _command(finding: Finding) -> str:
    source, span = finding.location.source, finding.location.span
    start, end = source.position(span.start), source.position(max(span.start, span.end - 1))
    properties = {
        "file": source.path,
        "line": str(start.line),
        "col": str(start.column),
        "endLine": str(end.line),
        # GitHub takes the columns for those of one line.
        **({"endColumn": str(end.column + 1)} if end.line == start.line and span.end > span.start else {}),
        "title": f"cfglint ({finding.rule})",
    }
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = finding.message if not finding.help else f"{finding.message}\n{finding.help}"
    return f"::{_LEVELS[finding.severity]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair has no UTF-8
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
