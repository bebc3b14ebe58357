"""One line for each finding: ``path:line:column: severity[rule] message``."""

from __future__ import annotations

from cfglint.model.finding import Finding
from cfglint.model.report import Report
from cfglint.report.columns import printable
from cfglint.report.place import place
from cfglint.report.style import paint
from cfglint.report.summary import summary


def render(report: Report, color: bool = False) -> str:
    """A line for each finding, and the summary."""
    return "\n".join([*(line(finding, color) for finding in report.findings), *summary(report)]) + "\n"


def line(finding: Finding, color: bool = False) -> str:
    """One finding on one line."""
    where = printable(place(finding.location).header)
    what = paint(f"{finding.severity}[{finding.rule}]", finding.severity, color)
    return f"{where}: {what} {printable(' '.join(finding.message.split()))}"
