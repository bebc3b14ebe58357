"""The command as users run it: exit codes, bad input, settings, fixes, suppressions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

TRAIN = """\
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
stage: sft
finetuning_type: lora
template: qwen
fp16: true  # half precision
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run cfglint in a folder of its own; ``files`` maps paths to texts or bytes."""
    (tmp_path / ".git").mkdir()

    def run_cfglint(
        *arguments: str, files: dict[str, str | bytes] | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        for name, content in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        environment = {**os.environ, "CFGLINT_ENVIRONMENT": "none", "NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "cfglint", *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run_cfglint


def test_findings_exit_1_and_name_the_place(run: Run) -> None:
    done = run("train.yaml", files={"train.yaml": TRAIN})
    assert done.returncode == 1
    assert "warning[fp16-on-bf16-native-model]" in done.stdout
    assert "train.yaml:5:1" in done.stdout


def test_fail_on_moves_the_threshold(run: Run) -> None:
    assert run("--fail-on", "error", "train.yaml", files={"train.yaml": TRAIN}).returncode == 0


def test_clean_exits_0(run: Run) -> None:
    assert run("train.yaml", files={"train.yaml": TRAIN.replace("fp16: true", "bf16: true")}).returncode == 0


def test_a_folder_without_anything_exits_3(run: Run) -> None:
    done = run(".", files={"README.txt": "hello"})
    assert done.returncode == 3


def test_a_named_file_that_is_no_training_file_exits_0_and_says_so(run: Run) -> None:
    done = run(
        "docker-compose.yaml", files={"docker-compose.yaml": "services:\n  db:\n    image: postgres\n"}
    )
    assert done.returncode == 0
    assert "nothing to check" in done.stdout


def test_a_missing_path_exits_2(run: Run) -> None:
    done = run("nowhere.yaml")
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr


def test_an_unknown_option_exits_2(run: Run) -> None:
    assert run("--no-such-option").returncode == 2


BAD_INPUT = {
    "broken.yaml": "learning_rate: [1\nbase_model: x: y\n",
    "broken.json": '{"train_batch_size": 8,}',
    "broken.py": "from transformers import (\n",
    "broken.ipynb": '{"cells": [transformers',
    "binary.yaml": b"\x00\x01\x02learning_rate",
    "latin.yaml": "output_dir: caf\xe9\nlearning_rate: 1\n".encode("latin-1"),
    "utf16.yaml": "learning_rate: 1\n".encode("utf-16"),
    "bomb.yaml": "learning_rate: &a [1,1,1,1,1,1,1,1,1]\n"
    + "".join(
        f"k{i}: &a{i} [*a{i - 1 if i else ''}{', *a' + str(i - 1 if i else '') if i else ', *a'}]\n"
        for i in range(40)
    ),
    "deep.yaml": "[" * 10_000,
    "deep.json": "[" * 10_000,
    "deep.py": "import transformers\nx = " + "(" * 10_000 + ")" * 10_000,
}


@pytest.mark.parametrize("name", sorted(BAD_INPUT))
def test_bad_input_is_a_finding_and_the_rest_is_checked(run: Run, name: str) -> None:
    done = run(
        "--output-format", "json", name, "train.yaml", files={name: BAD_INPUT[name], "train.yaml": TRAIN}
    )
    assert done.returncode == 1
    report = json.loads(done.stdout)
    rules = {(finding["path"], finding["rule"]) for finding in report["findings"]}
    assert (name, "unreadable-file") in rules
    assert ("train.yaml", "fp16-on-bf16-native-model") in rules


def test_a_huge_file_is_said_to_be_too_large(run: Run) -> None:
    done = run("big.json", files={"big.json": b" " * 50_000_000})
    assert done.returncode == 1
    assert "too large" in done.stdout


def test_a_symbolic_link_loop_ends(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert run(".", files={"train.yaml": TRAIN}).returncode == 1


def test_links_do_not_leave_the_project(run: Run, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text('{"zero_optimization": {"stage": 3}}')
    done = run(
        "--output-format",
        "json",
        "train.yaml",
        files={"train.yaml": TRAIN + f"deepspeed: ../{outside.name}\n"},
    )
    assert all(
        outside.name not in path for entry in json.loads(done.stdout)["runs"] for path in entry["files"]
    )


def test_fix_keeps_every_other_byte(run: Run, tmp_path: Path) -> None:
    text = "# my config\r\n" + TRAIN.replace("\n", "\r\n")
    done = run("--fix", "--unsafe-fixes", "train.yaml", files={"train.yaml": text})
    assert done.returncode == 0, done.stdout
    after = (tmp_path / "train.yaml").read_bytes().decode()
    assert after == text.replace("fp16: true", "fp16: false") + "bf16: true\r\n"


def test_diff_shows_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    done = run("--diff", "--unsafe-fixes", "train.yaml", files={"train.yaml": TRAIN})
    assert "+bf16: true" in done.stdout
    assert (tmp_path / "train.yaml").read_text() == TRAIN


def test_ignore_comments_silence_and_unused_ones_are_reported(run: Run) -> None:
    quiet = TRAIN.replace(
        "# half precision", "# cfglint: ignore[fp16-on-bf16-native-model] a V100 has no bf16"
    )
    assert run("train.yaml", files={"train.yaml": quiet}).returncode == 0
    idle = TRAIN.replace(
        "fp16: true  # half precision", "bf16: true  # cfglint: ignore[fp16-on-bf16-native-model] old"
    )
    done = run("train.yaml", files={"train.yaml": idle})
    assert "unused-ignore" in done.stdout


def test_settings_of_the_project(run: Run) -> None:
    done = run(
        "train.yaml", files={"train.yaml": TRAIN, "pyproject.toml": '[tool.cfglint]\nignore = ["PRE"]\n'}
    )
    assert done.returncode == 0
    done = run("train.yaml", files={"pyproject.toml": '[tool.cfglint]\nignor = ["PRE"]\n'})
    assert done.returncode == 2
    assert "ignore" in done.stderr


def test_standard_input(run: Run) -> None:
    done = run("--stdin-filename", "conf/train.yaml", "-", stdin=TRAIN)
    assert done.returncode == 1
    assert "conf/train.yaml:5:1" in done.stdout


def test_naming_only_the_linked_file_still_reads_the_run(run: Run) -> None:
    files = {
        "train.yaml": TRAIN.replace("fp16: true  # half precision", "deepspeed: ds.json"),
        "ds.json": '{"zero_optimization": {"stage": 2},\n "fp16": {"enabled": true}}\n',
    }
    done = run("--output-format", "concise", "ds.json", files=files)
    assert "ds.json:2:" in done.stdout
    assert "fp16-on-bf16-native-model" in done.stdout


@pytest.mark.parametrize("chosen", ["text", "concise", "json", "sarif", "github"])
def test_every_format_names_the_rule(run: Run, chosen: str) -> None:
    done = run("--output-format", chosen, "train.yaml", files={"train.yaml": TRAIN})
    assert done.returncode == 1
    assert "fp16-on-bf16-native-model" in done.stdout


def test_output_is_deterministic(run: Run) -> None:
    files: dict[str, str | bytes] = {f"conf/{number}.yaml": TRAIN for number in range(6)}
    first = run("--output-format", "json", ".", files=files).stdout
    assert run("--output-format", "json", ".").stdout == first


def test_explain_rule_and_explain_on_a_file(run: Run) -> None:
    done = run("explain", "PRE002")
    assert done.returncode == 0
    assert "LlamaFactory/issues/7268" in done.stdout
    done = run("explain", "fp16-on-bf16-native-model", "train.yaml", files={"train.yaml": TRAIN})
    assert "training.fp16 = true (train.yaml:5)" in done.stdout
    assert run("explain", "fp16-on-bf16-nativ-model").returncode == 2


def test_inspect_shows_provenance(run: Run) -> None:
    done = run("inspect", "train.yaml", files={"train.yaml": TRAIN})
    assert "model.family = qwen2_5 [derived] (train.yaml:1)" in done.stdout
    assert "training.max_grad_norm = 1 [default]" in done.stdout


def test_rules_of_ones_own_have_the_same_powers(run: Run, tmp_path: Path) -> None:
    created = run("rules", "new", "house/no-group-by-length-when-streaming", "--dir", "house-rules")
    assert created.returncode == 0, created.stderr
    assert run("rules", "test", "no-group-by-length-when-streaming", "--rules", "house-rules").returncode == 0
    text = (
        TRAIN.replace("fp16: true", "bf16: true") + "streaming: true\nmax_steps: 10\ngroup_by_length: true\n"
    )
    done = run("--rules", "house-rules", "--preview", "train.yaml", files={"train.yaml": text})
    assert "no-group-by-length-when-streaming" in done.stdout
    (tmp_path / "pyproject.toml").write_text('[tool.cfglint]\nrules = ["house-rules"]\npreview = true\n')
    assert "no-group-by-length-when-streaming" in run("train.yaml").stdout


def test_a_broken_rule_of_ones_own_is_said_with_its_place(run: Run) -> None:
    rule = "name: wrong\ncode: XX001\n"
    done = run("--rules", "mine", "train.yaml", files={"train.yaml": TRAIN, "mine/wrong.yaml": rule})
    assert done.returncode == 2
    assert "wrong.yaml" in done.stderr
    assert "report" in done.stderr


def test_an_environment_that_is_named_speaks_louder_than_a_pin(run: Run, tmp_path: Path) -> None:
    for name, version in (("transformers", "5.0.0"), ("peft", "0.17.1")):
        folder = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    files = {"requirements.txt": "transformers==4.50.0\npeft==0.17.1\n"}
    done = run("audit", "requirements.txt", files=files)
    assert "peft-imports-hybrid-cache" not in done.stdout
    done = run("audit", "--python", "env", "requirements.txt")
    assert "peft-imports-hybrid-cache" in done.stdout
