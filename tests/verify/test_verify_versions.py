"""Version experiments with environments and workers replaced: what decides, and what fails. No torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cfglint.verify import environments, versions
from cfglint.verify.environments import BuildError, build
from cfglint.verify.plan import Options, plan
from cfglint.verify.spec import ArmResult, Experiment
from cfglint.verify.versions import Row, compare, table

AFFECTED = {"transformers": "4.56.2"}
FIXED = {"transformers": "4.57.0"}


@pytest.fixture
def experiment() -> Experiment:
    finding = {"rule": "some-advisory", "symptom": ["loss_scaled"], "fields": ["model.family"]}
    found = plan(finding, {"model.model_type": "gemma3"}, options=Options(seeds=2))
    assert isinstance(found, Experiment)
    return found


@pytest.fixture
def factors(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """By release, the factor on the accumulated loss of a model that is trained there; the control's is 1."""
    of_release: dict[str, float] = {}

    def built(folder: Path, pins: dict[str, str], python: str) -> str:
        if pins["transformers"] not in of_release:
            raise BuildError(f"no release {pins['transformers']}")
        return pins["transformers"]

    def ran(experiments: Sequence[Experiment], python: str, **_named: Any) -> list[list[ArmResult]]:
        change = {"all": {"elements": 1, "changed": 1, "norm": 1.0, "nonfinite": 0}}
        return [
            [
                ArmResult(
                    arm.name,
                    variant.name,
                    seed,
                    "finished",
                    step_losses=[
                        of_release[python] if variant.name == "accumulated" and arm.name != "healthy" else 1.0
                    ],
                    changes=change,
                )
                for arm in each.arms
                for variant in each.variants
                for seed in each.seeds
            ]
            for each in experiments
        ]

    monkeypatch.setattr(versions, "build", built)
    monkeypatch.setattr(versions, "run", ran)
    monkeypatch.setattr(versions, "environment_of", lambda python: {"transformers": python})
    return of_release


@pytest.mark.parametrize(
    ("before", "after", "outcome", "reason"),
    [
        (8.0, 1.0, "confirmed", "in transformers 4.56.2, not in transformers 4.57.0"),
        (1.0, 1.0, "not_reproduced", "did not appear"),
        (8.0, 8.0, "fix_ineffective", "in transformers 4.57.0, too"),
    ],
)
def test_two_releases(
    experiment: Experiment,
    factors: dict[str, float],
    before: float,
    after: float,
    outcome: str,
    reason: str,
) -> None:
    factors.update({"4.56.2": before, "4.57.0": after})
    verdict = compare(experiment, AFFECTED, FIXED, "python")
    assert verdict.outcome == outcome
    assert reason in verdict.reason
    assert verdict.environment == {"transformers": "4.56.2"}


def test_a_release_that_can_not_be_installed(experiment: Experiment, factors: dict[str, float]) -> None:
    factors["4.56.2"] = 8.0
    verdict = compare(experiment, AFFECTED, FIXED, "python")
    assert (verdict.outcome, verdict.reason) == ("could_not_run", "no release 4.57.0")


def test_a_table_of_releases(experiment: Experiment, factors: dict[str, float]) -> None:
    factors.update({"1": 1.0, "2": 8.0, "3": 0.125})
    seen: list[Row] = []
    rows = table(experiment, [{"transformers": name} for name in ("1", "2", "3", "4")], "python", seen.append)
    assert [row.outcome for row in rows] == ["clean", "affected", "affected", "could_not_run"]
    assert rows == seen


def test_no_torch_to_share(tmp_path: Path) -> None:
    made = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
    with pytest.raises(BuildError, match="has no torch to share"):
        build(tmp_path / "out", AFFECTED, str(made / "bin" / "python"))


def test_the_environment_shares_torch_and_nothing_else(training_python: str, tmp_path: Path) -> None:
    interpreter = build(tmp_path, {}, training_python)
    code = (
        "import importlib.util as u; print([n for n in ('torch', 'numpy', 'transformers') if u.find_spec(n)])"
    )
    found = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['torch', 'numpy']"


def test_the_installers_own_words_are_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="No module named nothing_of_that_name"):
        environments._say([sys.executable, "-m", "nothing_of_that_name"])
