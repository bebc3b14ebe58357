"""Probes that really train: each known fault is confirmed, and no healthy run is."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfglint.verify.plan import Options, plan
from cfglint.verify.runner import WORKER, environment_of, run
from cfglint.verify.spec import ArmResult, Experiment, Verdict, experiment_to_json
from cfglint.verify.verify import verify

SEEDS = 2
Answer = tuple[Verdict, Sequence[ArmResult]]
Case = dict[str, Any]
PROBES = yaml.safe_load((Path(__file__).parent / "probes.yaml").read_text(encoding="utf-8"))
FAULTS: dict[str, Case] = PROBES["faults"]
HEALTHY: dict[str, Case] = PROBES["healthy"]


def planned(name: str, case: Case, **options: Any) -> Experiment:
    finding = {"rule": name, "symptom": [case["symptom"]], "fields": case["fields"]}
    limits = Options(**{"seeds": SEEDS, **options})
    found = plan(finding, case["settings"], case.get("verify"), case.get("fix"), options=limits)
    assert isinstance(found, Experiment), found
    return found


def answers(python: str, cases: dict[str, Case], seeds: int) -> dict[str, Answer]:
    plans = [planned(name, case, seeds=seeds) for name, case in cases.items()]
    return dict(zip(cases, verify(plans, python, use_cache=False), strict=True))


@pytest.fixture(scope="module")
def faults(training_python: str) -> dict[str, Answer]:
    return answers(training_python, FAULTS, SEEDS)


@pytest.fixture(scope="module")
def works(training_python: str) -> dict[str, Answer]:
    return answers(training_python, HEALTHY, 1)


def told(answer: Answer) -> str:
    verdict, results = answer
    raised = [result.exception for result in results if result.exception]
    return f"{verdict.outcome} ({verdict.reason}) {verdict.readings} {raised}"


def skip_where_missing(case: Case, verdict: Verdict) -> None:
    if verdict.reason == f"missing package: {case.get('needs')} is not installed":
        pytest.skip(verdict.reason)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gets_its_verdict(faults: dict[str, Answer], name: str) -> None:
    skip_where_missing(FAULTS[name], faults[name][0])
    assert faults[name][0].outcome == FAULTS[name].get("outcome", "confirmed"), told(faults[name])


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_not_confirmed(works: dict[str, Answer], name: str) -> None:
    skip_where_missing(HEALTHY[name], works[name][0])
    assert works[name][0].outcome == "not_reproduced", told(works[name])


def test_the_same_seed_gives_the_same_losses(training_python: str) -> None:
    experiment = planned("again", HEALTHY["adapter"], seeds=1)._replace(seeds=(3, 3))
    first, again = (found for found in run([experiment], training_python)[0] if found.arm == "as_configured")
    assert len(first.losses) >= 4
    assert list(first.losses) == list(again.losses)


def test_each_steps_weight_change_is_told(works: dict[str, Answer], faults: dict[str, Answer]) -> None:
    trained = works["adapter"][1][0]
    moved = trained.changes["all"]["norm"]
    assert len(trained.step_changes) == len(trained.step_losses)
    assert all(0.0 < change <= 1.001 * moved for change in trained.step_changes)
    assert moved <= 1.001 * sum(trained.step_changes)
    stuck = next(each for each in faults["float16 overflow"][1] if each.arm == "as_configured")
    assert list(stuck.step_changes) == [0.0] * 8


def test_two_processes_are_really_two_with_batches_of_their_own(faults: dict[str, Answer]) -> None:
    _verdict, results = faults["two processes mark a weight ready twice"]
    fixed = [result for result in results if result.arm == "as_fixed"]
    assert {result.measures["processes"] for result in fixed} == {2}
    assert all(len(result.step_losses) == 2 and result.applied_norms[0] > 0.0 for result in fixed)


def test_deepspeed_tells_what_it_did(faults: dict[str, Answer]) -> None:
    name = "DeepSpeed clips by its own value"
    verdict, results = faults[name]
    skip_where_missing(FAULTS[name], verdict)
    configured, fixed = (
        next(result for result in results if result.arm == arm) for arm in ("as_configured", "as_fixed")
    )
    # The norm before clipping is the same, what reached the optimizer is not; the weights are whole again.
    assert configured.grad_norms[0] == pytest.approx(fixed.grad_norms[0], rel=1e-6)
    assert configured.applied_norms[0] > 10 * fixed.applied_norms[0]
    assert configured.changes["all"]["elements"] == fixed.changes["all"]["elements"] > 10_000
    assert configured.step_changes[0] > 10 * fixed.step_changes[0] > 0.0


def test_float16_is_really_float16_and_its_scaler_skips(faults: dict[str, Answer]) -> None:
    _verdict, results = faults["float16 overflow"]
    configured = next(result for result in results if result.arm == "as_configured")
    assert "float16" in configured.dtypes["linear"]
    assert configured.scaler is not None
    assert configured.scaler["skipped"] == len(configured.step_losses) == 8
    assert configured.changes["all"]["changed"] == 0
    assert [entry["loss"] for entry in configured.logged if "loss" in entry] == [0.0] * 8


def test_arms_that_hang_crash_or_hog_memory_end_in_a_verdict(training_python: str, tmp_path: Path) -> None:
    case = HEALTHY["full training in bfloat16"]
    endless = planned("hang", case, seeds=1, steps=10**6, timeout_s=2.0)
    hungry = planned(
        "memory",
        {**case, "verify": {**case["verify"], "workload": {"hidden": 20_000}}},
        seeds=1,
        memory_mb=300,
    )
    both = planned(
        "both", {**case, "verify": {**case["verify"], "engine": "ddp"}}, seeds=1, steps=4000, timeout_s=6.0
    )
    fine = planned("fine", case, seeds=1)
    hang, memory, ranks, well = (
        verdict for verdict, _ in verify([endless, hungry, both, fine], training_python, use_cache=False)
    )
    assert (ranks.outcome, ranks.reason) == ("could_not_run", "healthy control: no result within 6 s")
    assert (hang.outcome, hang.reason) == ("could_not_run", "healthy control: no result within 2 s")
    assert (memory.outcome, memory.reason) == (
        "could_not_run",
        "healthy control: ran out of the memory it was given",
    )
    assert well.outcome == "not_reproduced"


def test_a_fresh_process_for_each_arm_gives_the_same(training_python: str, tmp_path: Path) -> None:
    experiment = planned("fresh", HEALTHY["adapter"], seeds=1)
    for fork in (True, False):
        bundle = {"version": 1, "jobs": 2, "fork": fork, "experiments": [experiment_to_json(experiment)]}
        (tmp_path / "request.json").write_text(json.dumps(bundle))
        command = [
            training_python,
            str(WORKER),
            str(tmp_path / "request.json"),
            str(tmp_path / f"{fork}.jsonl"),
        ]
        subprocess.run(command, check=True, capture_output=True)
    forked, fresh = (
        {
            record["arm"]: record["losses"]
            for record in map(json.loads, (tmp_path / name).read_text().splitlines())
        }
        for name in ("True.jsonl", "False.jsonl")
    )
    assert forked == fresh
    assert all(len(losses) >= 4 for losses in forked.values())


CHECKPOINT = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
sizes = dict(vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
model = LlamaForCausalLM(LlamaConfig(**sizes))
with torch.no_grad():
    for part in (model.model.layers[0].mlp.up_proj, model.model.layers[0].mlp.down_proj):
        part.weight.mul_(float(sys.argv[2]))
model.save_pretrained(sys.argv[1])
"""


@pytest.mark.parametrize(("factor", "outcome"), [("1", "not_reproduced"), ("30000", "confirmed")])
def test_the_users_own_checkpoint_decides(
    training_python: str, tmp_path: Path, factor: str, outcome: str
) -> None:
    subprocess.run([training_python, "-c", CHECKPOINT, str(tmp_path / "mine"), factor], check=True)
    case = {
        "symptom": "loss_nan",
        "fields": ["training.fp16"],
        "settings": {"training.fp16": True, "model.family": "of-my-own"},
        "fix": {"set": {"training.fp16": False, "training.bf16": True}},
    }
    experiment = planned("own weights", case, seeds=1, weights=str(tmp_path / "mine"))
    [(verdict, results)] = verify([experiment], training_python)
    assert verdict.outcome == outcome, told((verdict, results))
    assert verdict.assumed == []
    peak = results[0].measures["largest_activation"]
    assert (peak > 65504) is (outcome == "confirmed")


def test_a_verdict_is_kept_for_the_next_time(
    training_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFGLINT_CACHE_DIR", str(tmp_path))
    plans = [planned("kept", HEALTHY["adapter"], seeds=1)]
    [(first, results)] = verify(plans, training_python)
    [(again, kept)] = verify(plans, training_python)
    assert (first.cached, again.cached) == (False, True)
    assert len(results) == 2
    assert [each.losses for each in kept] == [each.losses for each in results]
    assert again._replace(cached=False).outcome == first.outcome
    assert again.readings == first.readings


def test_the_environment_is_told(training_python: str) -> None:
    assert {"python", "torch", "transformers"} <= set(environment_of(training_python))


def test_without_torch_every_plan_could_not_run(tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False, symlinks=True)
    python = str(tmp_path / "empty" / "bin" / "python")
    plans = [planned("bare", HEALTHY["adapter"])]
    [(verdict, _results)] = verify(plans, python)
    assert verdict.outcome == "could_not_run"
    assert "missing package: torch, transformers, accelerate" in verdict.reason


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    plans = [planned("none", HEALTHY["adapter"])]
    [(verdict, _results)] = verify(plans, str(tmp_path / "no-python"))
    assert verdict.outcome == "could_not_run"
    assert "can't run the worker" in verdict.reason
