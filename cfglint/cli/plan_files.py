"""``--plan``: show or write what would run; run one cell of a written plan; join what its cells found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfglint.cli.checking import OutputError, say, write_report
from cfglint.cli.options import PAGE
from cfglint.cli.proofs import Outcome, page_of, plot_of
from cfglint.model.finding import SEVERITIES
from cfglint.model.report import Report
from cfglint.report.json import as_data
from cfglint.report.text import verdict_text
from cfglint.settings import Settings
from cfglint.verify.cell_runs import join, run_cell
from cfglint.verify.cells import (
    Cell,
    Pins,
    PlanError,
    PlanFile,
    cell_of,
    plan_file,
    plan_to_json,
    read_plan,
    read_results,
    write_result,
)
from cfglint.verify.plan import expected_seconds
from cfglint.verify.spec import Experiment, Verdict, verdict_to_json
from cfglint.verify.versions import told

#: What a plan, and what its cells found, can be shown as.
PLAN_FORMATS = ("text", "json")
JOINED_FORMATS = ("text", "json", PAGE)


def show_plan(
    report: Report,
    planned: Mapping[int, Experiment | Verdict],
    releases: Mapping[int, tuple[Pins, Pins]],
    given: Mapping[str, Any],
    settings: Settings,
) -> int:
    """Show the plan for findings, by their place in the report, and write it where asked; returns the exit code.

    Where `releases` has the affected and the fixed ones of a finding, it is planned between them.
    """
    portable = {place: _portable(item) for place, item in planned.items()}
    plan = plan_file(as_data(report), portable, releases)
    shown = {"json": _as_json(plan_to_json(plan)), "text": _as_text(plan, given["jobs"])}
    _refuse(given, PLAN_FORMATS, "a plan")
    say(shown[given.get("output_format") or _configured(settings)], nl=False)
    for kind, path in given["outputs"]:
        write_report(path, shown[kind])
    return 0


def run_one(path: str, given: Mapping[str, Any]) -> int:
    """Run one cell of a plan and keep its result beside it; returns the exit code, 1 where it could not run."""
    plan = _plan(path)
    number = given["cell"]
    _refuse(given, PLAN_FORMATS, "a cell")
    try:
        cell = cell_of(path, plan, number)
    except PlanError as error:
        raise OutputError(str(error)) from error
    found = run_cell(cell, str(given["python"]), given["jobs"])
    try:
        file = write_result(path, plan, number, found)
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
    # Where a finding has several cells, one alone has no verdict.
    verdict, _ = join(plan._replace(refused={}), {number: found}, path).get(cell.finding, (None, ()))
    if given.get("output_format") == "json":
        record = None if verdict is None else verdict_to_json(verdict)
        about = {"cell": number, "finding": plan.report["findings"][cell.finding], "verdict": record}
        say(_as_json(about), nl=False)
    else:
        ran = found.problem or f"{len(found.results)} runs"
        say(f"{_title(plan, cell, number)}: {verdict_text(verdict_to_json(verdict)) if verdict else ran}")
    say(f"cfglint: wrote {file}", err=True)
    return 1 if found.problem else 0


def collect(path: str, given: Mapping[str, Any], settings: Settings) -> int:
    """Show what the cells of a plan found so far; returns the exit code, 2 while results are missing."""
    plan = _plan(path)
    _refuse(given, JOINED_FORMATS, "what cells found")
    try:
        found = read_results(path, plan)
    except PlanError as error:
        raise OutputError(str(error)) from error
    findings = [dict(finding) for finding in plan.report["findings"]]
    experiments = {cell.finding: cell.experiment for cell in plan.cells}
    outcomes = []
    for place, (verdict, results) in join(plan, found, path).items():
        outcomes.append(Outcome(findings[place], experiments.get(place), verdict, results))
        findings[place]["verdict"] = verdict_to_json(verdict)
    missing = [number for number in range(1, len(plan.cells) + 1) if number not in found]
    joined = {**plan.report, "findings": findings}

    def rendered(kind: str) -> str:
        if kind == "text":
            return _outcomes_as_text(outcomes)
        return _as_json(joined) if kind == "json" else page_of(outcomes)

    say(rendered(given.get("output_format") or _configured(settings)), nl=False)
    for kind, target in given["outputs"]:
        write_report(target, rendered(kind))
    if missing:
        named = ", ".join(map(str, missing))
        say(f"cfglint: {path}: no result of {len(missing)} of {len(plan.cells)} cells: {named}", err=True)
        return 2
    least = SEVERITIES.index(given.get("fail_on") or settings.fail_on)
    return int(any(SEVERITIES.index(finding["severity"]) >= least for finding in findings))


def _plan(path: str) -> PlanFile:
    try:
        return read_plan(path)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file") from error
    except PlanError as error:
        raise OutputError(str(error)) from error


def _portable(item: Experiment | Verdict) -> Experiment | Verdict:
    """An experiment that may run in another folder."""
    if isinstance(item, Verdict) or item.weights is None:
        return item
    return item._replace(weights=str(Path(item.weights).absolute()))


def _refuse(given: Mapping[str, Any], formats: tuple[str, ...], what: str) -> None:
    asked = [given.get("output_format"), *(kind for kind, _path in given["outputs"])]
    for kind in asked:
        if kind is not None and kind not in formats:
            raise OutputError(f"{what} is shown as {' or '.join(formats)}, not as {kind}")


def _configured(settings: Settings) -> str:
    return "json" if settings.output_format == "json" else "text"


def _as_json(record: Mapping[str, object]) -> str:
    return json.dumps(record, indent=2) + "\n"


def _place(finding: Mapping[str, Any]) -> str:
    return f"{finding['rule']} at {finding['path']}:{finding['range']['start']['line']}"


def _title(plan: PlanFile, cell: Cell, number: int) -> str:
    return f"cell {number}: {_place(plan.report['findings'][cell.finding])}"


def _as_text(plan: PlanFile, jobs: int) -> str:
    if not plan.cells and not plan.refused:
        return "nothing to verify: no findings (a written plan runs with --cell N)\n"
    lines = []
    for number, cell in enumerate(plan.cells, start=1):
        pins = f" in {told(cell.packages)}" if cell.packages else ""
        lines.append(
            f"{_title(plan, cell, number)}: {cell.own.runs} short trainings of a tiny {cell.experiment.model} "
            f"({', '.join(cell.arms)}){pins}, detector {cell.experiment.detector}"
        )
    for place, verdict in plan.refused.items():
        lines.append(f"no cell: {_place(plan.report['findings'][place])}: cannot run: {verdict.reason}")
    seconds = expected_seconds([cell.own for cell in plan.cells], jobs)
    provable = {cell.finding for cell in plan.cells}
    lines.append(
        f"{len(provable)} of {len(provable) + len(plan.refused)} findings can be verified, in about {seconds:.0f} s"
    )
    return "\n".join(lines) + "\n"


def _outcomes_as_text(outcomes: list[Outcome]) -> str:
    lines = []
    for outcome in outcomes:
        lines.append(f"{_place(outcome.finding)}: {verdict_text(verdict_to_json(outcome.verdict))}")
        lines += [f"    {line}" for line in plot_of(outcome)]
    return "\n".join(lines) + "\n" if lines else ""
