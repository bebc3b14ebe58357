"""The linter beside what the real constructors and trainers did with the same settings, as recorded; no ML library."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

from cfglint.authoring.oracle import compare, generate, golden, predict, training
from cfglint.authoring.oracle.compare import ASKED, Disagreement, asked_of, differing, explanation
from cfglint.authoring.oracle.golden import TAKEN, Golden, digest_of, kind_of
from cfglint.authoring.oracle.literals import literal
from cfglint.authoring.oracle.predict import Said
from cfglint.authoring.oracle.subjects import ANCHORS, Subject

RECORDED = sorted(path.stem for path in (generate.DATA / "golden").glob("*.json"))
# The whole comparison is `python -m cfglint.authoring.oracle check`; so many of each are compared on every run.
SAMPLE = 60
# Explained disagreements are for what the settings do not decide; many of the pool of whole scripts are, by its wish to
# draw from everything that a trainer reads.
MOST_EXPLAINED = {"training": 0.14}


def _asked(record: str) -> tuple[Subject, str]:
    """The subject and the anchor of a golden file, which both may have hyphens in their names."""
    name = max((name for name in ASKED if record.startswith(f"{name}-")), key=len)
    return ASKED[name], record[len(name) + 1 :]


@pytest.fixture(autouse=True)
def _outside_of_any_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("record", RECORDED)
def test_linter_agrees_with_what_was_recorded(record: str) -> None:
    subject, anchor = _asked(record)
    total = subject.configurations if subject.form == "training" else min(SAMPLE, subject.configurations)
    # A ValueError says that the generator, a pool or a field table has changed since the libraries were asked.
    found = differing(subject, anchor, total)
    unexplained = [
        (item.outcome, item.said.rules, item.settings) for item in found if not explanation(subject, item)
    ]
    assert unexplained == []
    assert len(found) <= MOST_EXPLAINED.get(subject.form, 0.02) * total


@pytest.mark.parametrize("record", RECORDED)
def test_a_configuration_does_not_depend_on_how_many_are_asked(record: str) -> None:
    subject, anchor = _asked(record)[0], ANCHORS[_asked(record)[1]]
    generated = training.configurations if subject.form == "training" else generate.configurations
    few = list(generated(subject, anchor, 3))
    assert few == list(itertools.islice(generated(subject, anchor), 3))
    assert len(few) == 3


def test_configurations_differ_and_stay_the_same() -> None:
    subject = ASKED["SFTTrainer"]
    once, again = asked_of(subject, "4.57.6"), asked_of(subject, "4.57.6")
    assert once == again
    assert len({digest_of([settings]) for settings in once}) > 0.9 * len(once)


@pytest.mark.parametrize("name", list(training.TRAINING))
def test_a_script_is_python_with_every_setting(name: str) -> None:
    subject = ASKED[name]
    for settings in training.configurations(subject, ANCHORS["5.23.0"], 20):
        path, text = training.written(subject, settings)
        calls = {
            node.func.id: {keyword.arg: keyword.value for keyword in node.keywords}
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert path == "train.py"
        assert {key: ast.literal_eval(value) for key, value in calls[subject.cls].items()} == settings["args"]
        assert ("LoraConfig" in calls) == ("lora" in settings)
        trainer = calls[training.trainer_of(subject)]
        assert ("eval_dataset" in trainer) == bool(settings.get("trainer", {}).get("eval_dataset"))


def test_faults_are_rare_enough_that_scripts_train() -> None:
    recorded = [name for name in training.TRAINING if f"{name}-5.23.0" in RECORDED]
    outcomes = [outcome for name in recorded for outcome in golden.read(ASKED[name], "5.23.0").outcomes]
    assert 0.2 < outcomes.count(TAKEN) / len(outcomes) < 0.8


def test_a_golden_file_reads_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = ASKED["LoraConfig"]
    monkeypatch.setattr(golden, "path_of", lambda subject, anchor: tmp_path / f"{subject.name}-{anchor}.json")
    outcomes = [TAKEN, "TypeError: “a”", "ValueError: b", TAKEN, "ValueError: b"] * 100
    golden.write(subject, "5.23.0", Golden({"peft": "0.21.2"}, "0123", outcomes))
    assert golden.read(subject, "5.23.0") == Golden({"peft": "0.21.2"}, "0123", outcomes)


def test_other_configurations_than_were_asked_are_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = ASKED["Trainer"]
    monkeypatch.setattr(compare, "digest_of", lambda asked: "other", raising=False)
    monkeypatch.setattr(golden, "digest_of", lambda asked: "other")
    with pytest.raises(ValueError, match="have changed"):
        differing(subject, "5.23.0", 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, TAKEN),
        (["TypeError", "f() got 'x'"], "TypeError: f() got …"),
        (["ValueError", "r is -12.5,\n  not [1, 2]"], "ValueError: r is -…, not …"),
        (["build", "ValueError", "`r` is 0"], "build: ValueError: … is …"),
    ],
)
def test_kinds_leave_out_values(answer: list[str] | None, kind: str) -> None:
    assert kind_of(answer) == kind


def test_a_disagreement_is_explained_by_subject_outcome_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"subjects": ["LoraConfig"], "outcome": "TypeError: unh", "why": "missed"},
        {"subjects": ["LoraConfig"], "rules": ["a"], "why": "foretold"},
    ]
    monkeypatch.setattr(compare, "_explained", lambda: entries)
    missed = Disagreement(0, {}, "TypeError: unhashable", Said((), ()))
    foretold = Disagreement(1, {}, TAKEN, Said(("a", "b"), ()))
    assert explanation(ASKED["LoraConfig"], missed) == "missed"
    assert explanation(ASKED["LoraConfig"], foretold) == "foretold"
    assert explanation(ASKED["SFTConfig"], missed) is None
    assert explanation(ASKED["LoraConfig"], missed._replace(outcome="KeyError: a")) is None
    assert explanation(ASKED["LoraConfig"], foretold._replace(said=Said(("b",), ()))) is None


def test_every_explanation_names_what_is_asked() -> None:
    for entry in compare._explained():
        assert set(entry["subjects"]) <= set(ASKED)
        assert set(entry.get("rules", ())) <= set(predict.stages())
        assert bool(entry.get("outcome")) != bool(entry.get("rules"))
        assert len(entry["why"].split()) > 5


def test_rules_are_foretold_by_stage() -> None:
    subject = ASKED["TrainerLoRA"]
    said = predict.foretold(
        subject, {"args": {"output_dir": "out"}, "lora": {"r": 8, "bias": "some"}}, ANCHORS["5.23.0"]
    )
    assert [predict.stages()[rule] for rule in said.rules] == ["build"]
    assert set(predict.raising("build")).isdisjoint(predict.raising("construction", "first_step"))


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ({"a": [1, None, "x"]}, "{'a': [1, None, 'x']}"),
        ({"__name__": "torch.float16"}, "torch.float16"),
        (1e-05, "1e-05"),
    ],
)
def test_literals(value: object, source: str) -> None:
    assert literal(value) == source
