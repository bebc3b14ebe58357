"""The last lines of a report for people: what was found, in what, and what could not be decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cfglint.model.finding import SEVERITIES
from cfglint.model.report import Report, SkippedFile
from cfglint.report.columns import printable

_NAMED = 3
#: The reason of a part of a file that was not understood begins with its line.
_PART = re.compile(r"line \d+: ")


def summary(report: Report) -> list[str]:
    """The summary's lines; the first is never empty."""
    lines = [_found(report)]
    if report.undecided.checks:
        lines.append(_undecided(report.undecided.checks, report.undecided.missing))
    if report.suppressed:
        lines.append(f"{_count(report.suppressed, 'finding')} ignored by comments.")
    if report.checked:
        partly = [file for file in report.skipped if _PART.match(file.reason)]
        whole = [file for file in report.skipped if file not in partly]
        kinds = ((whole, "skipped"), (partly, "read in part"))
        lines += [_skipped(files, verb) for files, verb in kinds if files]
    return lines


def _found(report: Report) -> str:
    if not report.checked and not report.findings:
        if report.named_only:
            return f"nothing to check in {_count(len(report.skipped), 'file')}"
        looked = f" ({_count(len(report.skipped), 'file')} looked at)" if report.skipped else ""
        return f"nothing to check: no training or dependency file was found{looked}"
    levels = Counter(finding.severity for finding in report.findings)
    counts = [
        f"{levels[severity]} info" if severity == "info" else _count(levels[severity], severity)
        for severity in reversed(SEVERITIES)
        if levels[severity]
    ]
    found = f"Found {_listed(counts)}" if counts else "No findings"
    kinds = Counter(dialect for file in report.checked for dialect in file.dialects)
    named = ", ".join(f"{number} {kind}" for kind, number in _often_first(kinds))
    return f"{found} in {_count(len(report.checked), 'file')}{f' ({named})' if named else ''}."


def _undecided(checks: int, missing: dict[str, int]) -> str:
    needs = _often_first(missing)
    parts = [
        f"{number} {'needs' if number == 1 else 'need'} {_need(fact)}" for fact, number in needs[:_NAMED]
    ]
    if len(needs) > _NAMED:
        parts.append(f"and {_count(len(needs) - _NAMED, 'other fact')}")
    return f"{_count(checks, 'check')} undecided{': ' if parts else ''}{', '.join(parts)}."


def _need(fact: str) -> str:
    area, _, name = fact.partition(".")
    if area == "packages" and name:
        return f"the {name} version (pin it, or --target {name}=…)"
    if area == "target" and name:
        return f"the {name} (--target {name}=…)"
    return printable(fact)


def _skipped(skipped: Sequence[SkippedFile], verb: str) -> str:
    named = [f"{printable(file.path)} ({printable(file.reason)})" for file in skipped[:_NAMED]]
    more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"{_count(len({file.path for file in skipped}), 'file')} {verb}: {', '.join(named)}{more}."


def _often_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
