"""``cfglint audit``: files, environments, listings, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFLICT = "llamafactory==0.9.2\ntransformers==4.50.3\n"


def cfglint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CFGLINT_ENVIRONMENT": "none", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "cfglint", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def make_environment(folder: Path, **versions: str) -> Path:
    """A made-up environment below a folder: only the metadata of its distributions."""
    site = folder / "env" / "lib" / "python3.11" / "site-packages"
    for name, version in versions.items():
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder / "env"


def test_files_are_judged_and_fixed(folder: Path) -> None:
    (folder / "requirements.txt").write_text(CONFLICT)
    assert cfglint(folder, "audit").returncode == 1
    done = cfglint(folder, "audit", "--fix", "--unsafe-fixes")
    assert done.returncode == 0, done.stdout
    assert (folder / "requirements.txt").read_text() == "llamafactory==0.9.2\ntransformers==4.49.0\n"


def test_an_empty_folder_exits_3_and_a_missing_file_2(folder: Path) -> None:
    assert cfglint(folder, "audit").returncode == 3
    assert cfglint(folder, "audit", "--list").returncode == 3
    assert cfglint(folder, "audit", "requirements.txt").returncode == 2
    assert cfglint(folder, "audit", "--list", "requirements.txt").returncode == 2


def test_an_environments_findings_stand_in_the_metadata(folder: Path) -> None:
    make_environment(folder, llamafactory="0.9.2", transformers="4.50.3", numpy="1.26.4", sixty="0.1")
    done = cfglint(folder, "audit", "--python", "env", "--output-format", "json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    (finding,) = report["findings"]
    assert finding["rule"] == "pinned-set-not-allowed"
    assert finding["path"] == "env/lib/python3.11/site-packages/transformers-4.50.3.dist-info/METADATA"
    assert finding["range"]["start"] == {"line": 3, "column": 1}
    assert finding["fix"] is None and "transformers==4.49.0" in finding["help"]
    assert "is installed" in finding["message"]
    assert report["runs"][0]["files"] == ["env"]
    assert set(report["runs"][0]["packages"]) == {"llamafactory", "transformers", "numpy"}
    assert report["files"]["checked"] == [{"path": "env/lib/python3.11/site-packages", "dialects": []}]


@pytest.mark.parametrize("form", ["text", "concise", "github", "sarif"])
def test_an_environment_in_every_format(folder: Path, form: str) -> None:
    make_environment(folder, llamafactory="0.9.2", transformers="4.50.3")
    done = cfglint(folder, "audit", "--python", "env", "--output-format", form)
    assert done.returncode == 1
    assert "transformers-4.50.3.dist-info/METADATA" in done.stdout


def test_a_healthy_environment_exits_0(folder: Path) -> None:
    make_environment(folder, llamafactory="0.9.2", transformers="4.49.0")
    done = cfglint(folder, "audit", "--python", "env")
    assert done.returncode == 0, done.stdout
    assert "No findings" in done.stdout


def test_no_environment_there_exits_2(folder: Path) -> None:
    for listing in ([], ["--list"]):
        done = cfglint(folder, "audit", "--python", "nowhere", *listing)
        assert done.returncode == 2 and "nowhere" in done.stderr


def test_the_target_overrules_the_environment(folder: Path) -> None:
    make_environment(folder, llamafactory="0.9.2", transformers="4.50.3")
    done = cfglint(folder, "audit", "--python", "env", "--target", "transformers=4.49.0")
    assert done.returncode == 0, done.stdout


def test_an_environment_is_listed(folder: Path) -> None:
    make_environment(folder, transformers="4.50.3", sixty="0.1")
    lines = cfglint(folder, "audit", "--python", "env", "--list").stdout.splitlines()
    assert [line.split() for line in lines[:2]] == [["sixty", "0.1"], ["transformers", "4.50.3"]]
    assert lines[-1] == "2 packages in env, Python 3.11"


def test_a_listing_names_what_was_overruled_and_what_was_not_read(folder: Path) -> None:
    (folder / "requirements.txt").write_text("transformers>=4.40\ntransformers==4.46.1\npeft\n$NAME\n")
    listed = cfglint(folder, "audit", "--list").stdout
    assert "4.46.1               requirements.txt:2 (not >=4.40 in requirements.txt:1)" in listed
    assert "peft                     not pinned           requirements.txt:3" in listed
    assert "not read: requirements.txt: line 4: $NAME: not a valid requirement" in listed


NOTEBOOK_CELLS = [
    '!pip install "peft==0.17.0" $EXTRA\n',
    "from peft import LoraConfig, get_peft_model\n",
    "from transformers import AutoModelForCausalLM, Trainer, TrainingArguments\n",
    "model = get_peft_model(AutoModelForCausalLM.from_pretrained('gpt2'), LoraConfig())\n",
    "Trainer(model, TrainingArguments('out')).train()\n",
]


def test_install_lines_that_were_not_understood_are_skipped_entries(folder: Path) -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": NOTEBOOK_CELLS,
    }
    (folder / "train.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    )
    (folder / "requirements.txt").write_text("peft==0.12.0\n")
    report = json.loads(cfglint(folder, "train.ipynb", "--output-format", "json").stdout)
    skipped = [entry for entry in report["files"]["skipped"] if entry["path"] == "train.ipynb"]
    assert len(skipped) == 1 and "$EXTRA: depends on a variable" in skipped[0]["reason"]
    shown = cfglint(folder, "inspect", "train.ipynb").stdout
    assert "(not ==0.12.0 in requirements.txt:1)" in shown
    assert "not read: train.ipynb" in shown


def test_only_packages_that_matter_are_taken_from_an_environment(folder: Path) -> None:
    make_environment(folder, transformers="4.50.3", sixty="0.1")
    (folder / "train.yaml").write_text("stage: sft\nfinetuning_type: lora\nmodel_name_or_path: gpt2\n")
    report = json.loads(cfglint(folder, "--environment", "env", "-f", "json", "train.yaml").stdout)
    assert report["runs"][0]["packages"] == {"transformers": "4.50.3"}


def test_markers_are_evaluated_for_the_target_python(folder: Path) -> None:
    (folder / "requirements.txt").write_text(
        "transformers==4.46.1; python_version < '3.10'\ntransformers==4.49.0; python_version >= '3.10'\n"
    )
    assert "4.49.0 " in cfglint(folder, "audit", "--list").stdout
    assert "4.46.1 " in cfglint(folder, "audit", "--list", "--target", "python=3.9").stdout


@pytest.mark.parametrize("where", [".", "requirements"])
def test_files_of_a_requirements_folder_are_dependency_files(folder: Path, where: str) -> None:
    (folder / "requirements").mkdir()
    (folder / "requirements" / "train.txt").write_text(CONFLICT)
    (folder / "requirements" / "base.in").write_text(CONFLICT)
    for name in ("train.txt", "base.in"):
        path = name if where == "requirements" else f"requirements/{name}"
        done = cfglint(folder / where, "audit", path)
        assert done.returncode == 1 and "pinned-set-not-allowed" in done.stdout


def test_every_kind_of_dependency_file_is_found_in_a_folder(folder: Path) -> None:
    names = {
        "requirements.in": "peft==0.17.0\n",
        "constraints-dev.txt": "peft==0.17.0\n",
        "train-environment.yml": "dependencies:\n  - peft=0.17.0\n",
        "gpu.Dockerfile": "FROM a\nRUN pip install peft==0.17.0\n",
        "pylock.toml": '[[packages]]\nname = "peft"\nversion = "0.17.0"\n',
        "Pipfile": '[packages]\npeft = "==0.17.0"\n',
    }
    for name, text in names.items():
        (folder / name).write_text(text)
    listed = cfglint(folder, "audit", "--list").stdout
    assert {name for name in names if f"{name}:" in listed} == set(names)


def test_a_pin_in_a_notebook_cell_is_fixed_in_place(folder: Path) -> None:
    source = ['!pip install -q "llamafactory==0.9.2" "transformers==4.50.3"\n', *NOTEBOOK_CELLS[1:]]
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    (folder / "train.ipynb").write_text(text)
    cfglint(folder, "--fix", "--unsafe-fixes", "--select", "pinned-set-not-allowed", "train.ipynb")
    assert (folder / "train.ipynb").read_text() == text.replace(
        "transformers==4.50.3", "transformers==4.49.0"
    )


def test_a_possible_finding_names_the_release_that_an_installer_takes(folder: Path) -> None:
    (folder / "requirements.txt").write_text("deepspeed==0.13.1\nnumpy>=1.24.4\n")
    done = cfglint(folder, "audit", "--output-format", "concise")
    assert "numpy 2." in done.stdout and "the newest release that the requirements admit" in done.stdout
