"""The suite's cases and its table, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cfglint.engine.ruleset import load_rules
from cfglint.verify import suite
from cfglint.verify.plan import Options
from cfglint.verify.spec import Experiment, Verdict, could_not_run
from cfglint.verify.suite import Row, main, table
from cfglint.verify.suite_cases import LOOKED_FOR, Case, faults, healthy_runs, look_alikes

HEALTHY = Path(__file__).parents[1] / "corpus" / "healthy"


def test_a_rule_is_tried_on_its_own_bad_example() -> None:
    [case] = faults(load_rules(), Options(), ["fp16-on-bf16-native-model"])
    assert isinstance(case.plan, Experiment)
    assert (case.control, case.plan.detector) == (False, "zero_loss")
    assert case.plan.arms[0].settings["training.fp16"] is True


def test_and_on_its_good_one_where_nothing_may_be_confirmed() -> None:
    [case] = look_alikes(load_rules(), Options(), ["both-half-precisions"])
    assert isinstance(case.plan, Experiment)
    assert case.control is True
    both = [case.plan.arms[0].settings.get(f"training.{name}") for name in ("fp16", "bf16")]
    assert both != [True, True]


def test_a_rule_whose_block_provokes_the_fault_has_no_look_alike() -> None:
    assert list(look_alikes(load_rules(), Options(), ["pad-is-eos-masked"])) == []


def test_most_rules_that_can_be_verified_have_an_experiment() -> None:
    cases = list(faults(load_rules(), Options(), []))
    assert len(cases) >= 30
    assert sum(isinstance(case.plan, Experiment) for case in cases) >= 0.9 * len(cases)


def test_healthy_runs_of_many_dialects_are_looked_through_for_every_symptom() -> None:
    cases = list(healthy_runs(str(HEALTHY), Options(seeds=1)))
    refused = [(case.name, case.plan.reason) for case in cases if isinstance(case.plan, Verdict)]
    assert refused == []
    assert len(cases) >= 12 * len(LOOKED_FOR)


def row(name: str, outcome: str, control: bool = False, **more: Any) -> Row:
    plain = could_not_run(name, "")._replace(outcome=outcome, detector="loss_scaled", seconds=1.25)
    return Row(Case(name, control, plain), plain._replace(**more))


READINGS: Mapping[str, Sequence[float]] = {
    "as_configured": [8.0, 8.1],
    "as_fixed": [1.0, 1.0],
    "healthy": [1.0, 1.0],
}


def test_the_table() -> None:
    rows = [
        row("wrong-scale", "confirmed", readings=READINGS, threshold=1.5, margin=1.5),
        row("refuted", "not_reproduced", readings={}),
        row("elsewhere", "could_not_run", reason="needs CUDA"),
        row("fine", "not_reproduced", control=True, readings=READINGS, threshold=1.5),
        row("false-alarm", "confirmed", control=True),
    ]
    assert table(rows, 61.4) == (
        """\
Rules, on their own bad examples:
case         detector     verdict         as configured  as fixed  control  threshold  margin  seconds
wrong-scale  loss_scaled  confirmed       8 8.1          1 1       1 1      1.5        1.5     1.2
refuted      loss_scaled  not_reproduced                                    -          -       1.2
elsewhere    loss_scaled  could_not_run: needs CUDA

Healthy runs:
case         detector     verdict         as configured  as fixed  control  threshold  margin  seconds
fine         loss_scaled  not_reproduced  8 8.1          1 1       1 1      1.5        -       1.2
false-alarm  loss_scaled  confirmed                                         -          -       1.2

5 cases in 61 s. Rules: 1 confirmed, 1 could_not_run, 1 not_reproduced. Healthy runs: 1 confirmed, 1 not_reproduced.
Not as expected: refuted, false-alarm."""
    )


def test_the_evidence_is_written_and_a_surprise_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify(plans: list[Experiment], *_rest: Any) -> list[tuple[Verdict, tuple[()]]]:
        return [(could_not_run(plan.rule, "")._replace(outcome=outcome), ()) for plan in plans]

    monkeypatch.setattr(suite, "verify", verify)
    command = ["--only", "fp16-overflows-family", "--output", str(tmp_path / "evidence.json")]
    outcome = "confirmed"
    monkeypatch.setattr(suite, "look_alikes", lambda *_rest: [])
    assert main(command) == 0
    [case] = json.loads((tmp_path / "evidence.json").read_text())["cases"]
    assert (case["case"], case["control"], case["verdict"]["outcome"]) == (
        "fp16-overflows-family",
        False,
        "confirmed",
    )
    outcome = "not_reproduced"
    assert main(command) == 1
    assert "Not as expected: fp16-overflows-family." in capsys.readouterr().out
