"""What must hold of experiments on a GPU, as far as machines without one can tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cfglint.verify.plan import Options, expected_seconds, plan
from cfglint.verify.runner import WORKER
from cfglint.verify.spec import Experiment, Variant, experiment_to_json
from cfglint.verify.verify import verify

CUDA = Options(seeds=2, device="cuda")
# Notes which process imported it with which GPUs in sight, and has none.
TORCH = """
import os
with open(os.environ["SEEN"], "a") as seen:
    seen.write(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
__version__ = "0"
class cuda:
    is_available = staticmethod(lambda: False)
"""


def planned(block: dict[str, Any] | None = None, symptom: str = "lr_no_effect") -> Experiment:
    finding = {"rule": "some-rule", "symptom": [symptom], "fields": ["training.learning_rate"]}
    found = plan(finding, {"model.model_type": "llama"}, block, options=CUDA)
    assert isinstance(found, Experiment), found
    return found


def test_equality_is_judged_by_a_repeat() -> None:
    assert [variant.name for variant in planned().variants] == ["as_is", "times_ten", "repeat"]
    settings = {"training.warmup_steps": 3}
    own = {"detector": "same_losses", "variants": {"with": settings, "without": {}}}
    assert planned(own).variants[-1] == Variant("repeat", settings)


def test_each_run_starts_anew_and_so_takes_longer() -> None:
    there = planned()
    assert expected_seconds([there], jobs=2) > 3 * expected_seconds([there._replace(device="cpu")], jobs=2)


@pytest.mark.parametrize(("visible", "seen"), [(None, "0"), ("3,5", "3"), ("", "")])
def test_every_run_is_a_process_of_its_own_that_sees_one_gpu(
    tmp_path: Path, visible: str | None, seen: str
) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    request = {"version": 1, "jobs": 2, "experiments": [experiment_to_json(planned())]}
    (tmp_path / "request.json").write_text(json.dumps(request))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "SEEN": str(tmp_path / "seen.txt")}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    command = [sys.executable, str(WORKER), str(tmp_path / "request.json"), str(tmp_path / "results.jsonl")]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert worker.wait(timeout=120) == 0
    processes = [line.split(" ") for line in (tmp_path / "seen.txt").read_text().splitlines()]
    runs = planned().runs
    assert len({pid for pid, _gpus in processes}) == len(processes) == runs
    assert str(worker.pid) not in {pid for pid, _gpus in processes}
    assert {gpus for _pid, gpus in processes} == {seen}
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {(result["status"], result["reason"]) for result in results} == {
        ("absent", "no CUDA device is visible to torch 0")
    }


def test_a_gpu_that_is_not_there_is_no_cpu(training_python: str) -> None:
    code = "import sys, torch; sys.exit(torch.cuda.is_available())"
    if subprocess.run([training_python, "-c", code], check=False).returncode:
        pytest.skip("this machine has a GPU")
    [(verdict, _results)] = verify([planned()._replace(seeds=(0,))], training_python, use_cache=False)
    assert verdict.outcome == "could_not_run"
    assert "no CUDA device is visible" in verdict.reason
