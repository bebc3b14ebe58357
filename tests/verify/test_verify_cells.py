"""Plan files: strict to read, and what their cells found joins into the verdicts of one run. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cfglint.verify import cell_runs
from cfglint.verify.cell_runs import join, run_cell
from cfglint.verify.cells import (
    Cell,
    CellResult,
    PlanError,
    PlanFile,
    cell_of,
    plan_file,
    plan_to_json,
    read_plan,
    read_results,
    result_file,
    write_result,
)
from cfglint.verify.runner import WorkerError
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    HEALTHY,
    Arm,
    ArmResult,
    Experiment,
    Variant,
    could_not_run,
)

NAN = float("nan")
REPORT = {"version": 1, "findings": [{"rule": "some-rule"}, {"rule": "another-rule"}]}


def experiment(**fields: Any) -> Experiment:
    usual = Experiment(
        rule="some-rule",
        symptom="loss_nan",
        detector="nonfinite_loss",
        detector_args={},
        arms=[Arm(name, {"training.fp16": False}, {}, {}) for name in (AS_CONFIGURED, AS_FIXED, HEALTHY)],
        variants=[Variant("only", {})],
        model="llama",
        trainer="trainer",
        steps=2,
        seeds=(0, 1),
        device="cpu",
        timeout_s=60.0,
        memory_mb=1000,
        carried=["training.fp16"],
        dropped=[],
        assumed=[],
    )
    return usual._replace(**fields)


def trained(*arms: str) -> tuple[ArmResult, ...]:
    return tuple(
        ArmResult(arm, "only", seed, "finished", losses=[NAN if arm == AS_CONFIGURED else 5.0])
        for arm in arms
        for seed in (0, 1)
    )


WHOLE = (AS_CONFIGURED, AS_FIXED, HEALTHY)


@pytest.fixture
def plan() -> PlanFile:
    return plan_file(REPORT, {0: experiment(), 1: could_not_run("another-rule", "needs CUDA")}, {})


@pytest.fixture
def written(plan: PlanFile, tmp_path: Path) -> str:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan_to_json(plan)))
    return str(path)


def test_a_plan_is_read_as_it_was_written(plan: PlanFile, written: str) -> None:
    assert json.dumps(plan_to_json(read_plan(written))) == json.dumps(plan_to_json(plan))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learning_rate: 1\n", "no cfglint plan"),
        ("[1]", 'expected "kind": "cfglint plan"'),
        ('{"version": 1, "findings": []}', 'expected "kind": "cfglint plan"'),
        ('{"kind": "cfglint plan", "version": 2}', "of version 2; this cfglint reads 1"),
        ('{"kind": "cfglint plan", "version": 1}', "missing key 'cells'"),
    ],
)
def test_what_is_no_plan_is_said(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanError, match=told):
        read_plan(str(tmp_path / "plan.json"))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("extra",), 1, "unknown key 'extra'"),
        (("report",), [], "report: expected a JSON report"),
        (("cells",), {}, "cells: expected a list"),
        (("cells", 0, "cell"), 7, "cell 1: cell: expected 1"),
        (("cells", 0, "finding"), 2, "cell 1: finding: expected a number below 2"),
        (("cells", 0, "arms"), ["other"], "cell 1: arms: expected some of as_configured, as_fixed, healthy"),
        (("cells", 0, "packages"), {"peft": 1}, "cell 1: packages: expected a table"),
        (("cells", 0, "experiment"), None, "cell 1: experiment: "),
        (("cells", 0, "experiment", "steps"), "2", "cell 1: experiment.steps: expected int"),
        (("cells", 0, "experiment", "timeout_s"), None, "experiment.timeout_s: expected int or float"),
        (("cells", 0, "experiment", "detector"), "magic", "no detector is called magic"),
        (("cells", 0, "experiment", "unheard"), 1, "cell 1: experiment: .*unheard"),
        (("cells", 0, "experiment", "arms", 0, "name"), None, "cell 1: arms: expected some of"),
        (("refused", 0, "verdict"), {}, "refused 1: verdict: missing"),
    ],
)
def test_a_mistake_in_a_plan_is_said_with_its_place(
    plan: PlanFile, tmp_path: Path, place: tuple[Any, ...], value: object, told: str
) -> None:
    record: Any = json.loads(json.dumps(plan_to_json(plan)))
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (tmp_path / "plan.json").write_text(json.dumps(record))
    with pytest.raises(PlanError, match=told):
        read_plan(str(tmp_path / "plan.json"))


def test_cells_are_counted_from_one(plan: PlanFile) -> None:
    assert cell_of("plan.json", plan, 1).finding == 0
    for number in (0, 2):
        with pytest.raises(PlanError, match=rf"no cell {number}: it has cells 1 to 1"):
            cell_of("plan.json", plan, number)
    with pytest.raises(PlanError, match="it has no cells"):
        cell_of("plan.json", plan._replace(cells=()), 1)


def test_results_lie_beside_the_plan_and_survive_json(plan: PlanFile, written: str) -> None:
    found = CellResult({"torch": "2.9"}, trained(*WHOLE))
    file = write_result(written, plan, 1, found)
    assert file == result_file(written, 1) and file.parent.name == "plan.cells"
    assert [path.name for path in file.parent.iterdir()] == ["1.json"]
    again = read_results(written, read_plan(written))[1]
    assert again.environment == found.environment
    assert [(r.arm, r.seed, r.status) for r in again.results] == [
        (r.arm, r.seed, r.status) for r in found.results
    ]


def test_a_result_of_another_plan_is_not_joined(plan: PlanFile, written: str) -> None:
    other = plan_file(REPORT, {0: experiment(steps=3)}, {})
    write_result(written, other, 1, CellResult({}, trained(*WHOLE)))
    with pytest.raises(PlanError, match="the result of another plan"):
        read_results(written, plan)


def test_a_result_that_is_cut_off_is_said(plan: PlanFile, written: str) -> None:
    write_result(written, plan, 1, CellResult({}, trained(*WHOLE)))
    file = result_file(written, 1)
    file.write_text(file.read_text()[:-9])
    with pytest.raises(PlanError, match=r"1\.json: no cfglint cell"):
        read_results(written, plan)


def test_results_join_into_verdicts(plan: PlanFile) -> None:
    joined = join(plan, {1: CellResult({"torch": "2.9"}, trained(*WHOLE))}, "plan.json")
    assert [verdict.outcome for verdict, _results in joined.values()] == ["confirmed", "could_not_run"]
    assert joined[0][0].environment == {"torch": "2.9"}
    assert joined[0][0].repeat == "cfglint verify --plan plan.json --cell 1"


def test_a_cell_that_did_not_run_leaves_its_finding_open(plan: PlanFile) -> None:
    assert list(join(plan, {}, "plan.json")) == [1]


def test_a_cell_that_could_not_run_says_why(plan: PlanFile) -> None:
    verdict, results = join(plan, {1: CellResult({}, (), "missing package: torch")}, "plan.json")[0]
    assert (verdict.outcome, verdict.reason, results) == ("could_not_run", "missing package: torch", ())


def test_a_finding_about_releases_has_a_cell_for_each() -> None:
    old, new = {"peft": "0.11.1", "torch": "2.9"}, {"peft": "0.12.0", "torch": "2.9"}
    plan = plan_file(REPORT, {0: experiment()}, {0: (old, new)})
    assert [(cell.arms, cell.packages) for cell in plan.cells] == [
        ((AS_CONFIGURED,), old),
        ((AS_FIXED, HEALTHY), new),
    ]
    assert plan.cells[0].experiment.arms[1].settings == plan.cells[0].experiment.arms[0].settings
    before, after = CellResult({}, trained(AS_CONFIGURED)), CellResult({}, trained(AS_FIXED, HEALTHY))
    assert join(plan, {1: before}, "plan.json") == {}
    [(verdict, _results)] = join(plan, {1: before, 2: after}, "plan.json").values()
    assert (verdict.outcome, verdict.reason) == ("confirmed", "in peft 0.11.1, not in peft 0.12.0")
    assert verdict.repeat == (
        "cfglint verify --plan plan.json --cell 1 && cfglint verify --plan plan.json --cell 2"
    )


def test_a_cell_with_releases_gets_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def in_environment(each: Experiment, pins: dict[str, str], *_rest: object) -> Any:
        built.append((pins, [arm.name for arm in each.arms]))
        return list(trained(AS_CONFIGURED)), {"peft": "0.11.1"}

    monkeypatch.setattr(cell_runs, "in_environment", in_environment)
    found = run_cell(Cell(0, experiment(), (AS_CONFIGURED,), {"peft": "0.11.1"}), "python", 1)
    assert built == [({"peft": "0.11.1"}, [AS_CONFIGURED])]
    assert (found.environment, len(found.results)) == ({"peft": "0.11.1"}, 2)


def test_only_the_cells_own_arms_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Experiment] = []

    def run(experiments: list[Experiment], *_rest: object) -> list[list[ArmResult]]:
        asked.extend(experiments)
        return [list(trained(HEALTHY))]

    monkeypatch.setattr(cell_runs, "training_environment", lambda python: {"torch": "2.9"})
    monkeypatch.setattr(cell_runs, "run", run)
    found = run_cell(Cell(0, experiment(), (HEALTHY,)), "python", 1)
    assert [[arm.name for arm in each.arms] for each in asked] == [[HEALTHY]]
    assert (len(found.results), found.problem) == (2, "")


def test_what_keeps_a_cell_from_running_is_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(python: str) -> dict[str, str]:
        raise WorkerError("missing package: torch is not installed")

    monkeypatch.setattr(cell_runs, "training_environment", missing)
    assert run_cell(Cell(0, experiment(), WHOLE), "python", 1).problem.startswith("missing package")
    monkeypatch.setattr(cell_runs, "training_environment", lambda python: {"peft": "0.17.0"})
    about = experiment(packages={"peft": "<0.12"})
    assert "needs a version experiment" in run_cell(Cell(0, about, WHOLE), "python", 1).problem
