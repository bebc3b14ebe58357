"""One module per output format; each is a pure function of a Report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfglint.model.report import Report

#: The names that ``--output-format`` accepts; the first is the default.
FORMATS = ("text", "concise", "json", "sarif", "github")


def render(
    report: Report,
    format: str,
    color: bool = False,
    descriptors: Sequence[Mapping[str, object]] = (),
    plots: Mapping[str, Sequence[str]] = {},
) -> str:
    """A report as the text to print, ending with a line end.

    ``color`` counts for "text" and "concise" (see ``cfglint.report.style.wants_color``). ``descriptors``
    describe the rules for SARIF, with the keys of a rule file: ``name``, and as far as known ``code``,
    ``summary``, ``why``, ``severity``, ``symptom``, ``evidence``. ``plots`` are lines that "text" shows below a finding, by
    its fingerprint. Raises ValueError for an unknown format.
    """
    if format == "text":
        from cfglint.report import text

        return text.render(report, color, plots)
    if format == "concise":
        from cfglint.report import concise

        return concise.render(report, color)
    if format == "json":
        from cfglint.report import json

        return json.render(report)
    if format == "sarif":
        from cfglint.report import sarif

        return sarif.render(report, descriptors)
    if format == "github":
        from cfglint.report import github

        return github.render(report)
    raise ValueError(f"unknown output format {format!r}")
