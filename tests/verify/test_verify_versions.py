"""Version experiments with environments and workers replaced: what decides, and what fails. No torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from cfglint.engine.ruleset import load_rules
from cfglint.verify import environments, versions
from cfglint.verify.environments import BuildError, build
from cfglint.verify.judge import judge
from cfglint.verify.plan import Options, plan
from cfglint.verify.reproducer import Reproducer, around, reproducer
from cfglint.verify.runner import run
from cfglint.verify.spec import ArmResult, Experiment, Verdict
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


def test_a_release_is_named_beside_the_shared_torch(training_python: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"torch 1\.0\.0 is asked for, and .* has "):
        build(tmp_path, {"torch": "1.0.0"}, training_python)


PIP = """\
WARNING: Location 'file:///wheels' is ignored: it is neither a file nor a directory.
ERROR: Could not find a version that satisfies the requirement peft==99.0 (from versions: 0.1.0, 0.2.0, 0.3.0)
ERROR: No matching distribution found for peft==99.0
"""
UV = """\
error: no solution
  cause: Because there is no version of peft==99.0 and you require peft==99.0, we can
         conclude that your requirements are unsatisfiable.
"""


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        (
            PIP,
            "Could not find a version that satisfies the requirement peft==99.0 No matching distribution found",
        ),
        (UV, "Because there is no version of peft==99.0 and you require peft==99.0, we can conclude that"),
        ("Traceback\n  File\nImportError: no venv\n", "ImportError: no venv"),
        ("", "no reason was given"),
    ],
)
def test_what_an_installer_complains_of(errors: str, told: str) -> None:
    assert environments.complaint(errors).startswith(told)


def test_without_an_installer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda *_words, **_named: None)
    monkeypatch.setattr(environments, "_has_pip", lambda python: False)
    with pytest.raises(BuildError, match="no installer: there is neither uv nor a pip for python"):
        environments._install(tmp_path, "env", "python", ["peft==0.17.1"], {})


IMPORTS = {
    "detector": "exception_at_start",
    "args": {"pattern": "no_such_name"},
    "trainer": "none",
    "workload": {"imports": ["json", "email.message:Message"]},
    "versions": {"affected": {"peft": "0.17.1"}, "fixed": {"peft": "0.18.0"}, "with": {"numpy": "1.26.4"}},
}


def advisory(block: dict[str, Any]) -> dict[str, Any]:
    return {"verify": block, "symptom": ["crash_at_start"], "fields": [], "condition": "True"}


def imported(names: list[str]) -> str:
    made = reproducer("some-advisory", advisory({**IMPORTS, "workload": {"imports": names}}), Options())
    assert isinstance(made, Reproducer)
    return judge(made.experiment, run([made.experiment], sys.executable)[0]).outcome


def test_an_import_is_an_experiment_that_needs_no_torch_and_one_seed() -> None:
    made = reproducer("some-advisory", advisory(IMPORTS), Options())
    assert isinstance(made, Reproducer)
    assert (made.experiment.seeds, made.experiment.steps, made.varied) == ((0,), 0, ("peft",))
    assert dict(made.affected) == {"peft": "0.17.1", "numpy": "1.26.4"}
    assert imported(["json", "email.message:Message"]) == "not_reproduced"
    # The control imports the same, so that it shows what only a fixed release has not.
    assert imported(["json:no_such_name"]) == "could_not_run"


def test_an_advisory_without_a_reproducer() -> None:
    assert reproducer("one", advisory({}), Options()).reason == "the rule file has no reproducer"  # type: ignore[union-attr]
    told = reproducer("one", advisory({"not_verifiable": "needs four GPUs"}), Options())
    assert isinstance(told, Verdict) and told.reason == "needs four GPUs"


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        ("0.12.0", "0.16.0", "0.11.0", "0.17.0"),
        # Without a first affected release, or a last one, the reproducer's pins bound the list.
        ("0", "0.12.0", "0.10.0", "0.13.0"),
        ("0.16.0", "99", "0.15.1", "0.17.1"),
    ],
)
def test_a_table_has_two_releases_on_each_side(low: str, high: str, first: str, last: str) -> None:
    def says(pins: Any) -> bool:
        return Version(low) <= Version(pins["peft"]) < Version(high)

    pins = {"0": "0.11.1", "0.12.0": "0.15.2", "0.16.0": "0.16.0"}[low]
    fixed = {"0.16.0": "0.16.0", "0.12.0": "0.12.0", "99": "0.15.2"}[high]
    found = around("peft", {"peft": pins}, {"peft": fixed}, says)
    assert (found[0], found[-1]) == (first, last)


def test_a_real_version_experiment(training_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases of PEFT over the shared torch, from the installer's cache: nothing is fetched."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    rules = load_rules()
    made = reproducer("peft-imports-hybrid-cache", rules.cold["peft-imports-hybrid-cache"], Options())
    assert isinstance(made, Reproducer)
    verdict = compare(made.experiment, made.affected, made.fixed, training_python)
    if verdict.outcome == "could_not_run" and "control" not in verdict.reason:
        pytest.skip(f"these releases are in no installer's cache: {verdict.reason[:200]}")
    assert (verdict.outcome, verdict.reason) == ("confirmed", "in peft 0.17.1, not in peft 0.18.0")
