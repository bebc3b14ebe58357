"""Plan files: the experiments of a lint as data, in cells that one command each runs on any machine. No torch.

A plan holds all that its cells need, so that the linted files need not be there. What a cell found lies in a
file of its own beside the plan, and joining them needs neither torch nor those machines.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cfglint.verify.detectors import DETECTORS
from cfglint.verify.spec import (
    ArmResult,
    Experiment,
    Verdict,
    arm_result_from_json,
    experiment_from_json,
    experiment_to_json,
    verdict_from_json,
    verdict_to_json,
)
from cfglint.verify.versions import AFTER, BEFORE, between_releases

VERSION = 1
PLAN, RESULT = "cfglint plan", "cfglint cell"
# What the fields of an experiment must be, so that a mistake is said before anything is trained.
SHAPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("rule", "symptom", "detector", "model", "trainer", "device"), str),
    **dict.fromkeys(("steps", "memory_mb"), int),
    **dict.fromkeys(("detector_args", "packages"), dict),
    **dict.fromkeys(("carried", "assumed"), list),
    "timeout_s": (int, float),
    "weights": (str, type(None)),
}
Record = Mapping[str, Any]
Pins = Mapping[str, str]
Read = TypeVar("Read")


class PlanError(Exception):
    """A file is no plan, or no result of one of its cells; the message says where and why."""


class Cell(NamedTuple):
    """What one command runs: some arms of the experiment for one finding, by its place in the report.

    `packages` are releases to install for it; where there are none, it runs in the environment as it is.
    """

    finding: int
    experiment: Experiment
    arms: tuple[str, ...]
    packages: Pins = {}

    @property
    def own(self) -> Experiment:
        """The part of the experiment that this cell runs."""
        return self.experiment._replace(arms=[arm for arm in self.experiment.arms if arm.name in self.arms])


class PlanFile(NamedTuple):
    """A JSON report, the cells that prove its findings, and by place the findings that none can prove."""

    report: Record
    cells: tuple[Cell, ...]
    refused: Mapping[int, Verdict]


class CellResult(NamedTuple):
    """What one cell found, or the reason why it found nothing."""

    environment: Mapping[str, str]
    results: tuple[ArmResult, ...]
    problem: str = ""


def plan_file(
    report: Record, planned: Mapping[int, Experiment | Verdict], releases: Mapping[int, tuple[Pins, Pins]]
) -> PlanFile:
    """The plan for findings of a JSON report, by their place in it: one cell each; two for one about releases,
    whose affected and fixed ones are given.
    """
    cells = []
    for place, item in planned.items():
        if isinstance(item, Verdict):
            continue
        if place in releases:
            whole = between_releases(item)
            affected, fixed = releases[place]
            cells += [Cell(place, whole, BEFORE, affected), Cell(place, whole, AFTER, fixed)]
        else:
            cells.append(Cell(place, item, tuple(arm.name for arm in item.arms)))
    refused = {place: item for place, item in planned.items() if isinstance(item, Verdict)}
    return PlanFile(report, tuple(cells), refused)


def plan_to_json(plan: PlanFile) -> dict[str, Any]:
    """A plan as it is written; cells are numbered from 1."""
    return {
        "kind": PLAN,
        "version": VERSION,
        "report": plan.report,
        "cells": [
            {
                "cell": number,
                "finding": cell.finding,
                "arms": list(cell.arms),
                "packages": dict(cell.packages),
                "experiment": experiment_to_json(cell.experiment),
            }
            for number, cell in enumerate(plan.cells, start=1)
        ],
        "refused": [
            {"finding": place, "verdict": verdict_to_json(verdict)} for place, verdict in plan.refused.items()
        ],
    }


def read_plan(path: str) -> PlanFile:
    """The plan in a file. Raises PlanError."""
    record = _load(path, PLAN, {"report", "cells", "refused"})
    findings = record["report"].get("findings") if isinstance(record["report"], dict) else None
    if not isinstance(findings, list):
        raise PlanError(f"{path}: report: expected a JSON report with its findings")
    refused = {}
    for number, entry in enumerate(_list(path, record, "refused"), start=1):
        where = f"{path}: refused {number}"
        refused[_finding(where, entry, len(findings))] = _made(
            where, "verdict", verdict_from_json, entry.get("verdict")
        )
    cells = tuple(
        _cell(f"{path}: cell {number}", entry, len(findings), number)
        for number, entry in enumerate(_list(path, record, "cells"), start=1)
    )
    return PlanFile(record["report"], cells, refused)


def cell_of(path: str, plan: PlanFile, number: int) -> Cell:
    """The cell of that number. Raises PlanError where there is none."""
    if 1 <= number <= len(plan.cells):
        return plan.cells[number - 1]
    held = f"it has cells 1 to {len(plan.cells)}" if plan.cells else "it has no cells"
    raise PlanError(f"{path}: no cell {number}: {held}")


def result_file(path: str, number: int) -> Path:
    """Where a cell's result lies: `plan.cells/3.json` for the third cell of `plan.json`."""
    return Path(path).with_suffix(".cells") / f"{number}.json"


def write_result(path: str, plan: PlanFile, number: int, found: CellResult) -> Path:
    """Keeps what a cell found, whole or not at all. Raises OSError."""
    record = {
        "kind": RESULT,
        "version": VERSION,
        "plan": _name(plan),
        "cell": number,
        "environment": dict(found.environment),
        "results": [each._asdict() for each in found.results],
        "problem": found.problem,
    }
    target = result_file(path, number)
    target.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(file.name, target)
    return target


def read_results(path: str, plan: PlanFile) -> dict[int, CellResult]:
    """What the cells of a plan found so far, by number. Raises PlanError."""
    found = {}
    for number in range(1, len(plan.cells) + 1):
        file = result_file(path, number)
        with contextlib.suppress(FileNotFoundError):
            record = _load(str(file), RESULT, {"plan", "cell", "environment", "results", "problem"})
            if record["plan"] != _name(plan) or record["cell"] != number:
                raise PlanError(f"{file}: the result of another plan: run the cell again")
            found[number] = _made(str(file), "results", _result, record)
    return found


def _result(record: Record) -> CellResult:
    results = tuple(arm_result_from_json(each) for each in record["results"])
    return CellResult(record["environment"], results, record["problem"])


def _name(plan: PlanFile) -> str:
    """A plan's identity: what its cells run."""
    text = json.dumps(plan_to_json(plan)["cells"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _load(path: str, kind: str, keys: set[str]) -> dict[str, Any]:
    """A file's record, with its kind, version and keys checked. Raises FileNotFoundError and PlanError."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise PlanError(f"{path}: no {kind}: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != kind:
        raise PlanError(f'{path}: no {kind}: expected "kind": "{kind}"')
    if record.get("version") != VERSION:
        raise PlanError(f"{path}: a {kind} of version {record.get('version')}; this cfglint reads {VERSION}")
    wrong = sorted((keys | {"kind", "version"}) ^ record.keys())
    if wrong:
        raise PlanError(f"{path}: {'missing' if wrong[0] in keys else 'unknown'} key {wrong[0]!r}")
    return record


def _list(path: str, record: Record, key: str) -> list[dict[str, Any]]:
    value = record[key]
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise PlanError(f"{path}: {key}: expected a list of objects")
    return value


def _finding(where: str, entry: Record, count: int) -> int:
    place = entry.get("finding")
    if not isinstance(place, int) or not 0 <= place < count:
        raise PlanError(f"{where}: finding: expected a number below {count}, the findings of the report")
    return place


def _made(where: str, what: str, make: Callable[[Any], Read], value: object) -> Read:
    try:
        return make(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        told = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"{where}: {what}: {told}") from error


def _cell(where: str, entry: Record, findings: int, number: int) -> Cell:
    if entry.get("cell") != number:
        raise PlanError(f"{where}: cell: expected {number}")
    experiment = _made(where, "experiment", experiment_from_json, entry.get("experiment"))
    for name, shape in SHAPES.items():
        if not isinstance(getattr(experiment, name), shape):
            kinds = shape if isinstance(shape, tuple) else (shape,)
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise PlanError(f"{where}: experiment.{name}: expected {expected}")
    if experiment.detector not in DETECTORS:
        raise PlanError(f"{where}: experiment.detector: no detector is called {experiment.detector}")
    named, packages = entry.get("arms"), entry.get("packages")
    known = [arm.name for arm in experiment.arms]
    if not isinstance(named, list) or not named or not set(named) <= set(known):
        raise PlanError(f"{where}: arms: expected some of {', '.join(map(str, known))}")
    if not isinstance(packages, dict) or not all(isinstance(v, str) for v in packages.values()):
        raise PlanError(f"{where}: packages: expected a table of package to release")
    return Cell(_finding(where, entry, findings), experiment, tuple(named), packages)
