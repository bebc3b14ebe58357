"""``cfglint verify --advisory`` and ``--versions`` with environments and workers replaced: what is built, said, returned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cfglint.cli.group import main
from cfglint.verify import versions
from cfglint.verify.environments import BuildError
from cfglint.verify.spec import ArmResult, Experiment

RULE = """\
name: {name}
code: {code}
summary: gradients are four times too large in some releases
since: 0.1.0
severity: error
confidence: high
symptom: [loss_scaled]
when: training.gradient_accumulation_steps > 1
affects: {{transformers: ">=4.50.0,<4.57.0"}}
report:
  at: packages.transformers
  message: "transformers {{packages.transformers}} multiplies gradients"
why: A made-up rule with the shape of an advisory, so that nothing here depends on the rules that there are.
fix: {{title: upgrade, pin: {{transformers: ">=4.57.1"}}}}
evidence: [{{type: source, url: https://index.example/source, says: it does}}]
{verify}
examples:
  - bad: {{requirements.txt: "transformers==4.56.2\\n"}}
  - good: {{requirements.txt: "transformers==4.57.1\\n"}}
"""
REPRODUCER = """\
verify:
  detector: loss_scaled
  versions:
    affected: {transformers: 4.56.2}
    fixed: {transformers: 4.57.1}
    with: {accelerate: 1.10.1}
    run: {model.model_type: gemma3, training.gradient_accumulation_steps: 4}
"""


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments that were built; in 4.50 to 4.56 the accumulated loss is four times the other."""
    environments: list[dict[str, str]] = []

    def build(folder: Path, pins: dict[str, str], python: str) -> str:
        environments.append(dict(pins))
        if pins["transformers"] == "4.55.0":
            raise BuildError("no wheel of 4.55.0 for this Python")
        return pins["transformers"]

    def run(experiments: Sequence[Experiment], python: str, **_named: Any) -> list[list[ArmResult]]:
        bad = python.startswith(("4.50", "4.51", "4.52", "4.53", "4.54", "4.56"))
        change = {"all": {"elements": 1, "changed": 1, "norm": 1.0, "nonfinite": 0}}
        return [
            [
                ArmResult(
                    arm.name,
                    variant.name,
                    seed,
                    "finished",
                    step_losses=[
                        4.0 if bad and variant.name == "accumulated" and arm.name != "healthy" else 1.0
                    ],
                    changes=change,
                )
                for arm in each.arms
                for variant in each.variants
                for seed in each.seeds
            ]
            for each in experiments
        ]

    monkeypatch.setattr(versions, "build", build)
    monkeypatch.setattr(versions, "run", run)
    monkeypatch.setattr(versions, "environment_of", lambda python: {"transformers": python})
    monkeypatch.setenv("CFGLINT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rules" / "advisories" / "transformers"
    folder.mkdir(parents=True)
    for name, code, verify in (("gradients-large", "ZZZ001", REPRODUCER), ("no-reproducer", "ZZZ002", "")):
        (folder / f"{name}.yaml").write_text(RULE.format(name=name, code=code, verify=verify))
    return environments


def verify(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["verify", "--rules", "rules", *words])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def test_an_advisory_is_tried_in_both_releases(built: list[dict[str, str]]) -> None:
    code, told = verify("--advisory", "gradients-large")
    assert code == 0
    assert sorted(pins["transformers"] for pins in built) == ["4.56.2", "4.57.1"]
    assert {pins["accelerate"] for pins in built} == {"1.10.1"}
    assert "affected  transformers 4.56.2, accelerate 1.10.1" in told
    assert "verdict: confirmed: in transformers 4.56.2, not in transformers 4.57.1 (statistic 4" in told
    assert "as_fixed      1 1 1" in told
    assert "repeat: cfglint verify --advisory gradients-large" in told


def test_the_same_as_json(built: list[dict[str, str]]) -> None:
    _code, told = verify("--advisory", "ZZZ001", "-f", "json", "--seeds", "1")
    [record] = json.loads(told)["advisories"]
    assert record["advisory"] == "gradients-large"
    assert record["affected"] == {"transformers": "4.56.2", "accelerate": "1.10.1"}
    assert record["verdict"]["outcome"] == "confirmed"
    assert record["verdict"]["readings"] == {"as_configured": [4.0], "as_fixed": [1.0], "healthy": [1.0]}


def test_a_table_goes_a_little_beyond_the_bounds_and_names_what_differs(built: list[dict[str, str]]) -> None:
    code, told = verify("--advisory", "gradients-large", "--bisect")
    rows = [line.split() for line in told.splitlines() if line.startswith("  4.")]
    assert [row[0] for row in rows][:3] == ["4.48.3", "4.49.0", "4.50.0"]
    assert rows[0][1:3] == ["clean", "clean"]
    assert rows[2][1:] == ["affected", "affected", "4"]
    [unbuilt] = [row for row in rows if row[0] == "4.55.0"]
    assert " ".join(unbuilt[2:]) == "could_not_run no wheel of 4.55.0 for this Python"
    assert "the advisory differs in 4.55.1, 4.55.2, 4.55.3, 4.55.4" in told
    assert code == 1


def test_a_table_of_named_releases(built: list[dict[str, str]]) -> None:
    code, told = verify("--advisory", "gradients-large", "--releases", ">=4.56,<4.57.2", "-f", "json")
    [record] = json.loads(told)["advisories"]
    assert record["package"] == "transformers"
    assert [row["outcome"] for row in record["releases"]] == ["affected", "affected", "affected", "clean"]
    assert (record["differs"], code) == ([], 0)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ["--advisory", "gradient-large"],
            2,
            "no rule is named 'gradient-large'; did you mean 'gradients-large'?",
        ),
        (["--advisory", "zzzzzzzzzz"], 2, "no rule is named 'zzzzzzzzzz'; cfglint rules list shows all"),
        (["--advisory", "no-reproducer"], 3, "verdict: could_not_run: the rule file has no reproducer"),
        (["--advisory", "no-reproducer", "--bisect"], 3, "could_not_run: the rule file has no reproducer"),
        (["--bisect"], 2, "--bisect belongs to an advisory: add --advisory NAME"),
        (["--releases", ">=4"], 2, "--releases belongs to an advisory: add --advisory NAME"),
        (["--advisory", "gradients-large", "rules"], 2, "it takes no PATHS"),
        (["--advisory", "gradients-large", "-f", "sarif"], 2, "--advisory shows text or json"),
        (["--advisory", "gradients-large", "--releases", "newest"], 2, "newest is no specifier"),
    ],
)
def test_mistakes_are_said(built: list[dict[str, str]], words: list[str], code: int, told: str) -> None:
    found = verify(*words)
    assert told in found[1]
    assert found[0] == code
    assert not built


def test_what_can_not_be_installed_is_no_traceback(
    built: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(folder: Path, pins: dict[str, str], python: str) -> str:
        raise BuildError("no installer: there is neither uv nor a pip for python")

    monkeypatch.setattr(versions, "build", build)
    code, told = verify("--advisory", "gradients-large")
    assert "could_not_run: no installer: there is neither uv nor a pip for python" in told
    assert code == 3


SCRIPT = """\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B")
args = TrainingArguments("out", gradient_accumulation_steps=8)
Trainer(model=model, args=args).train()
"""


def finding_of(pin: str, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "requirements.txt").write_text(pin)
    words = ["--versions", "--environment", "none", "--only", "gradients-large", "-f", "json", "--seeds", "1"]
    _code, told = verify(*words, "train.py", "requirements.txt")
    findings: list[dict[str, Any]] = json.loads(told)["findings"]
    return next(finding for finding in findings if finding["rule"] == "gradients-large")


def test_a_finding_is_tried_in_its_own_release_and_the_nearest_repaired(
    built: list[dict[str, str]], tmp_path: Path
) -> None:
    verdict = finding_of("transformers==4.51.3\naccelerate==1.6.0\n", tmp_path)["verdict"]
    assert sorted(built, key=str) == [
        {"transformers": "4.51.3", "accelerate": "1.6.0"},
        {"transformers": "4.57.1", "accelerate": "1.6.0"},
    ]
    assert (verdict["outcome"], verdict["reason"]) == (
        "confirmed",
        "in transformers 4.51.3, not in transformers 4.57.1",
    )
    assert "--versions" in verdict["repeat"]


def test_a_package_that_is_not_pinned_is_the_reproducers(built: list[dict[str, str]], tmp_path: Path) -> None:
    finding_of("transformers==4.51.3\n", tmp_path)
    assert {pins["accelerate"] for pins in built} == {"1.10.1"}
