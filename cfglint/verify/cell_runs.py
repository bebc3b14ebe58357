"""Running one cell of a plan, and joining what all cells found into verdicts. No torch."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from cfglint.verify.cells import Cell, CellResult, PlanFile
from cfglint.verify.environments import BuildError
from cfglint.verify.judge import judge
from cfglint.verify.runner import Notice, WorkerError, run
from cfglint.verify.spec import ArmResult, Verdict, could_not_run
from cfglint.verify.verify import other_releases, training_environment
from cfglint.verify.versions import in_environment, naming_releases

Joined = tuple[Verdict, tuple[ArmResult, ...]]


def run_cell(
    cell: Cell, python: str, jobs: int, on_notice: Callable[[Notice], None] | None = None
) -> CellResult:
    """Trains a cell's arms in the environment of `python`; what keeps it from that is the result's problem."""
    try:
        if cell.packages:
            trained, environment = in_environment(cell.own, cell.packages, python, on_notice)
            return CellResult(environment, tuple(trained))
        environment = training_environment(python)
        problem = other_releases(cell.experiment, environment)
        if problem:
            return CellResult(environment, (), problem)
        [results] = run([cell.own], python, jobs, on_notice)
    except (BuildError, WorkerError) as error:
        return CellResult({}, (), str(error))
    return CellResult(environment, tuple(results))


def join(plan: PlanFile, found: Mapping[int, CellResult], path: str) -> dict[int, Joined]:
    """The verdict for each finding all of whose cells have run, by its place in the report, with its arm results.

    `path` is the plan's file, by which a verdict says how it is repeated.
    """
    cells: dict[int, list[int]] = {}
    for number, cell in enumerate(plan.cells, start=1):
        cells.setdefault(cell.finding, []).append(number)
    joined: dict[int, Joined] = {place: (verdict, ()) for place, verdict in plan.refused.items()}
    for place, numbers in cells.items():
        if all(number in found for number in numbers):
            verdict, results = _verdict(plan, numbers, found)
            again = [f"cfglint verify --plan {shlex.quote(path)} --cell {number}" for number in numbers]
            joined[place] = (verdict._replace(repeat=" && ".join(again)), results)
    return dict(sorted(joined.items()))


def _verdict(plan: PlanFile, numbers: list[int], found: Mapping[int, CellResult]) -> Joined:
    experiment = plan.cells[numbers[0] - 1].experiment
    environment = found[numbers[0]].environment
    problem = next((found[number].problem for number in numbers if found[number].problem), "")
    if problem:
        return could_not_run(experiment.rule, problem)._replace(environment=environment), ()
    results = tuple(result for number in numbers for result in found[number].results)
    verdict = judge(experiment, results)._replace(environment=environment)
    pins = [plan.cells[number - 1].packages for number in numbers]
    return (naming_releases(verdict, *pins) if len(pins) == 2 else verdict), results
