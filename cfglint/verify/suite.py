"""``python -m cfglint.verify.suite``: the experiment of every rule, and of healthy runs, as a table.

For machines with torch, transformers, accelerate and peft, with or without a GPU, and without a network: the
rules' own examples are all that is read. Exits with 1 where a healthy run is confirmed or a fault is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cfglint.engine.ruleset import load_rules
from cfglint.verify.plan import Options
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    CONFIRMED,
    COULD_NOT_RUN,
    HEALTHY,
    Verdict,
    verdict_to_json,
)
from cfglint.verify.suite_cases import Case, faults, healthy_runs, look_alikes
from cfglint.verify.verify import verify

ARMS = (AS_CONFIGURED, AS_FIXED, HEALTHY)
REPEAT = "python -m cfglint.verify.suite --only"


class Row(NamedTuple):
    """A case with its verdict."""

    case: Case
    verdict: Verdict

    @property
    def surprising(self) -> bool:
        """Whether a healthy run was confirmed, or a fault neither confirmed nor out of reach."""
        outcome = self.verdict.outcome
        return outcome == CONFIRMED if self.case.control else outcome not in (CONFIRMED, COULD_NOT_RUN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the suite, prints its table and writes its evidence; returns the exit status."""
    given = _parser().parse_args(arguments)
    options = Options(seeds=given.seeds, device=given.device, timeout_s=given.timeout)
    rules = load_rules()
    started = time.monotonic()
    cases = [*faults(rules, options, given.only), *look_alikes(rules, options, given.only)]
    if given.healthy:
        cases += healthy_runs(given.healthy, options)
    found = verify(
        [case.plan for case in cases], given.python, given.jobs, False, lambda name: f"{REPEAT} {name}"
    )
    rows = [Row(case, verdict) for case, (verdict, _results) in zip(cases, found, strict=True)]
    seconds = time.monotonic() - started
    print(table(rows, seconds))
    if given.output:
        Path(given.output).write_text(_evidence(rows, seconds), encoding="utf-8")
    return int(any(row.surprising for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m cfglint.verify.suite", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the training environment's interpreter")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="so many arms at once")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds that one arm may take")
    parser.add_argument("--only", action="append", default=[], metavar="RULE")
    parser.add_argument("--healthy", metavar="FOLDER", help="a folder of folders, each with a healthy config")
    parser.add_argument("--output", metavar="FILE", help="where the evidence goes, as JSON")
    return parser


def table(rows: Sequence[Row], seconds: float) -> str:
    """One line for each case: the verdict, each arm's reading for each seed, threshold, margin and seconds."""
    lines: list[str] = []
    for title, control in (("Rules, on their own bad examples", False), ("Healthy runs", True)):
        of = [row for row in rows if row.case.control is control]
        if of:
            lines += ["", f"{title}:", *_columns([_cells(row) for row in of])]
    lines += [
        "",
        f"{len(rows)} cases in {seconds:.0f} s.{_counts('Rules', rows, False)}{_counts('Healthy runs', rows, True)}",
    ]
    wrong = [row.case.name for row in rows if row.surprising]
    lines.append(f"Not as expected: {', '.join(wrong) or 'none'}.")
    return "\n".join(lines[1:])


def _counts(title: str, rows: Sequence[Row], control: bool) -> str:
    outcomes = [row.verdict.outcome for row in rows if row.case.control is control]
    told = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in sorted(set(outcomes)))
    return f" {title}: {told}." if told else ""


HEAD = (
    "case",
    "detector",
    "verdict",
    "as configured",
    "as fixed",
    "control",
    "threshold",
    "margin",
    "seconds",
)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = row.verdict
    name = row.case.name
    if verdict.outcome == COULD_NOT_RUN:
        return (name, verdict.detector, f"could_not_run: {verdict.reason[:110]}")
    share = "" if verdict.share is None else f" ({verdict.share:.2g})"
    return (
        name,
        verdict.detector,
        verdict.outcome + share,
        *(" ".join(map(_number, verdict.readings.get(arm, ()))) for arm in ARMS),
        _number(verdict.threshold),
        _number(verdict.margin),
        f"{verdict.seconds:.1f}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    whole = [HEAD, *(row for row in rows if len(row) == len(HEAD))]
    wide = [max(len(row[place]) for row in whole) for place in range(len(HEAD))]
    wide[:2] = [max(len(row[place]) for row in (HEAD, *rows)) for place in (0, 1)]
    return [
        "  ".join(f"{text:{width}}" for text, width in zip(row, wide, strict=False)).rstrip()
        for row in (HEAD, *rows)
    ]


def _evidence(rows: Sequence[Row], seconds: float) -> str:
    environment = next((dict(row.verdict.environment) for row in rows if row.verdict.environment), {})
    record = {
        "version": 1,
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment,
        "seconds": round(seconds, 1),
        "cases": [
            {"case": row.case.name, "control": row.case.control, "verdict": verdict_to_json(row.verdict)}
            for row in rows
        ],
    }
    return json.dumps(record, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
