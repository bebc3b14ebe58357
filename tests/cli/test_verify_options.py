"""The options of experiments: the same for both commands, refused where nothing is verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfglint.cli.check import command as check
from cfglint.cli.group import main
from cfglint.cli.verify import command as verify
from cfglint.cli.verify_options import ExperimentOption

FLOAT16 = (
    "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nfp16: true\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.yaml").write_text(FLOAT16)
    return tmp_path


def cfglint(*words: str) -> Result:
    found = CliRunner().invoke(main, words, env={"CFGLINT_ENVIRONMENT": "none"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found


def test_both_commands_take_the_same_options_of_experiments() -> None:
    def own(command: object) -> dict[str, tuple[str, ...]]:
        return {
            str(option.name): tuple(option.opts)
            for option in command.params  # type: ignore[attr-defined]
            if isinstance(option, ExperimentOption)
        }

    assert own(check) == own(verify)
    assert {"plan_only", "only", "seeds", "python", "no_cache"} <= set(own(check))


def test_both_commands_plan_the_same(folder: Path) -> None:
    short = cfglint("--verify", "--plan", "--seeds", "2", "train.yaml")
    long = cfglint("verify", "--plan", "--seeds", "2", "train.yaml")
    assert "6 short trainings" in short.output
    assert short.output == long.output


@pytest.mark.parametrize("words", [("--plan",), ("--seeds", "3"), ("--only", "x"), ("--device", "cpu")])
def test_an_option_of_experiments_needs_verify(folder: Path, words: tuple[str, ...]) -> None:
    done = cfglint(*words, "train.yaml")
    assert done.exit_code == 2
    assert f"{words[0]} belongs to experiments: add --verify" in done.output


def test_fixing_and_verifying_are_two_runs(folder: Path) -> None:
    assert cfglint("--verify", "--fix", "train.yaml").exit_code == 2


def test_help_shows_the_options_of_experiments_apart(folder: Path) -> None:
    told = cfglint("check", "--help").output
    assert told.index("--diff") < told.index("Options of --verify:") < told.index("--plan")


def test_several_reports_in_one_run(folder: Path) -> None:
    done = cfglint("-o", "json=a.json", "--output", "sarif=b.sarif", "-o", "github=c.txt", "train.yaml")
    assert done.exit_code == 1
    assert "warning[fp16-on-bf16-native-model]" in done.output
    [finding] = json.loads((folder / "a.json").read_text())["findings"]
    assert finding["rule"] == "fp16-on-bf16-native-model"
    assert json.loads((folder / "b.sarif").read_text())["version"] == "2.1.0"
    assert (folder / "c.txt").read_text().startswith("::warning ")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("report.json", "expected FORMAT=FILE"),
        ("xml=report.xml", "FORMAT one of text, concise, json, sarif, github, html"),
        ("json=", "expected FORMAT=FILE"),
        ("json=nowhere/report.json", "no folder nowhere"),
        ("json=.", "is a folder"),
        ("html=page.html", "shows experiments: add --verify"),
    ],
)
def test_an_output_that_cannot_be_is_said_before_anything_runs(folder: Path, value: str, told: str) -> None:
    done = cfglint("--output", value, "train.yaml")
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_a_file_that_cannot_be_written_is_an_error(folder: Path) -> None:
    done = cfglint("--output", f"json={'x' * 300}", "train.yaml")
    assert done.exit_code == 2
    assert "File name too long" in done.output
