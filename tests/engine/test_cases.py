"""A rule with cases: conditions, places and words of their own under one name."""

from __future__ import annotations

from pathlib import Path

from cfglint.linting import Options, lint

RULE = """\
name: several-things
code: XYZ001
summary: things that are refused
since: 0.1.0
severity: error
confidence: high
symptom: [crash_at_start]
when: framework.name == "llamafactory"
report: {at: [trainer.method], message: "{what}: ValueError"}
cases:
  - {at: training.seed, when: training.seed < 0, what: "seed {training.seed} is negative", instead: write 42}
  - {at: training.max_steps, when: training.max_steps > 0 and training.num_train_epochs > 5, what: both are said, instead: write one}
  - {at: training.seed, when: training.seed == 7, affects: {llamafactory: ">=0.9"}, what: seven, instead: write 8}
why: a rule for a test, which says nothing that is true of any library at all
fix: {title: "{instead}"}
evidence: [{type: source, url: "https://example.com", says: nothing}]
examples: [{good: {train.yaml: "a: 1"}}]
"""
HEAD = "model_name_or_path: a/b\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\n"


def said(folder: Path, text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "several-things.yaml").write_text(RULE, "utf-8")
    options = Options(
        stdin=("train.yaml", (HEAD + text).encode()),
        environment="none",
        rules=(str(rules),),
        select=("several-things",),
    )
    return [
        (finding.message, finding.help, tuple(place.label for place in finding.related))
        for finding in lint(options).report.findings
    ]


def test_each_case_speaks_for_itself(tmp_path: Path) -> None:
    found = said(tmp_path, "seed: -1\nmax_steps: 10\nnum_train_epochs: 9\n")
    assert [(message, title) for message, title, _ in found] == [
        ("seed -1 is negative: ValueError", "write 42"),
        ("both are said: ValueError", "write one"),
    ]
    assert "training.num_train_epochs" in found[1][2]


def test_a_case_that_does_not_hold_is_silent(tmp_path: Path) -> None:
    assert said(tmp_path, "seed: 1\nmax_steps: 10\nnum_train_epochs: 1\n") == []


def test_a_case_with_releases_of_its_own_is_undecided_without_a_version(tmp_path: Path) -> None:
    assert said(tmp_path, "seed: 7\n") == []
