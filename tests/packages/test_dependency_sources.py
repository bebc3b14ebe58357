from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfglint.packages.conda import read_conda_environment
from cfglint.packages.conda_spec import conda_specifier
from cfglint.packages.dockerfile import read_dockerfile
from cfglint.packages.requirement import Requirement, Skipped
from cfglint.packages.sources import files_below, is_dependency_file, read_dependency_file, source_kind
from cfglint.source import Source, UnreadableError, read_source


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("requirements.txt", "requirements"),
        ("requirements-dev.txt", "requirements"),
        ("requirements_gpu.txt", "requirements"),
        ("dev-requirements.txt", "requirements"),
        ("requirements.in", "requirements"),
        ("requirements.lock", "requirements"),
        ("constraints.txt", "requirements"),
        ("constraints-cu124.txt", "requirements"),
        ("a/requirements/train.txt", "requirements"),
        ("pyproject.toml", "pyproject"),
        ("sub/uv.lock", "lock"),
        ("poetry.lock", "lock"),
        ("pdm.lock", "lock"),
        ("pylock.toml", "lock"),
        ("pylock.gpu.toml", "lock"),
        ("Pipfile", "pipfile"),
        ("Pipfile.lock", "pipfile-lock"),
        ("environment.yml", "conda"),
        ("environment-gpu.yaml", "conda"),
        ("conda.yaml", "conda"),
        ("Dockerfile", "dockerfile"),
        ("docker/Dockerfile.gpu", "dockerfile"),
        ("gpu.Dockerfile", "dockerfile"),
        ("train.dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("train.yaml", ""),
        ("notes.txt", ""),
        ("Cargo.lock", ""),
        ("yarn.lock", ""),
        ("requirements/README.md", ""),
        ("requirements.yaml", ""),
        ("dockerfile_notes.py", ""),
    ],
)
def test_files_by_name(path: str, kind: str) -> None:
    assert source_kind(path) == kind
    assert is_dependency_file(path) == bool(kind)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "trl==0.9.4\n"),
        ("pyproject.toml", '[project]\ndependencies = ["trl==0.9.4"]\n'),
        ("uv.lock", '[[package]]\nname = "trl"\nversion = "0.9.4"\n'),
        ("Pipfile", '[packages]\ntrl = "==0.9.4"\n'),
        ("Pipfile.lock", '{"default": {"trl": {"version": "==0.9.4"}}}'),
        ("environment.yml", "dependencies:\n  - trl==0.9.4\n"),
        ("Dockerfile", "RUN pip install trl==0.9.4\n"),
    ],
)
def test_each_kind_is_read(path: str, text: str) -> None:
    [found] = read_dependency_file(Source(path, text))
    assert isinstance(found, Requirement)
    assert (found.name, found.specifier, found.origin) == ("trl", "==0.9.4", path)


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt",
        "pyproject.toml",
        "uv.lock",
        "Pipfile",
        "Pipfile.lock",
        "environment.yml",
        "Dockerfile",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "[",
        "{",
        "- a: [",
        "\x00",
        "a: &a [*a]",
        "[[package]]",
        "\ufeff",
        "RUN [",
        "RUN pip install 'a",
        '"' * 7,
    ],
)
def test_broken_files_do_not_crash(path: str, text: str) -> None:
    for entry in read_dependency_file(Source(path, text)):
        assert isinstance(entry, (Requirement, Skipped))


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match=r"train\.yaml"):
        read_dependency_file(Source("train.yaml", "a: 1"))


def test_files_outside_the_project_are_not_opened(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("trl==0.9.4\n")
    (root / "base.txt").write_text("peft==0.11.1\n")
    os.symlink(tmp_path / "secret.txt", root / "link.txt")
    (root / "sub" / "requirements.txt").write_text(
        "-r ../base.txt\n-r ../../secret.txt\n-r ../link.txt\n-r ../gone.txt\n"
    )
    source = read_source(str(root / "sub" / "requirements.txt"), "sub/requirements.txt")
    found = read_dependency_file(source, files_below(str(root)))
    assert [(entry.name, entry.origin) for entry in found if isinstance(entry, Requirement)] == [
        ("peft", "base.txt")
    ]
    assert [(entry.line, entry.reason.split(": ")[1]) for entry in found if isinstance(entry, Skipped)] == [
        (2, "outside the project"),
        (3, "outside the project"),
        (4, "no such file"),
    ]
    with pytest.raises(UnreadableError):
        files_below(str(root))("../secret.txt")


CONDA = """\
name: train
channels: [conda-forge, pytorch]
dependencies:
  - python=3.10
  - pytorch=2.1.0  # with pytorch=9
  - "transformers>=4.40,<5"
  - conda-forge::datasets ==2.19.0
  - deepspeed 0.14.*
  - numpy=1.26.4=py310h123_0
  - cudatoolkit
  - bitsandbytes[version='>=0.43']
  - odd >=1|<0.5
  - pip
  - pip:
      - trl==0.9.4
      - -r requirements.txt
      - "peft @ git+https://code.example/peft.git"
      - --extra-index-url https://index.example/simple
      - two words
"""


def test_a_conda_environment(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_conda_environment(
        Source("environment.yml", CONDA), lambda path: Source(path, "accelerate==1.2.0\n")
    )
    assert facts(found) == [
        ("python", "==3.10.*", "range", "python=3.10", "=3.10"),
        ("torch", "==2.1.0", "pin", "pytorch=2.1.0", "=2.1.0"),
        ("transformers", ">=4.40,<5", "range", "transformers>=4.40,<5", ">=4.40,<5"),
        ("datasets", "==2.19.0", "pin", "conda-forge::datasets ==2.19.0", "==2.19.0"),
        ("deepspeed", "==0.14.*", "range", "deepspeed 0.14.*", "0.14.*"),
        ("numpy", "==1.26.4", "pin", "numpy=1.26.4=py310h123_0", "=1.26.4=py310h123_0"),
        ("cudatoolkit", "", "any", "cudatoolkit", ""),
        ("bitsandbytes", ">=0.43", "range", "bitsandbytes[version='>=0.43']", ""),
        ("pip", "", "any", "pip", ""),
        ("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4"),
        ("accelerate", "==1.2.0", "pin", "accelerate==1.2.0", "==1.2.0"),
        ("peft", "", "url", "peft @ git+https://code.example/peft.git", ""),
    ]
    assert [line for line, _ in skipped(found)] == [12, 19]


@pytest.mark.parametrize(
    ("version", "specifier"),
    [
        ("", ""),
        ("*", ""),
        ("=2.1", "==2.1.*"),
        ("=2.1.0", "==2.1.0"),
        ("==2.1", "==2.1"),
        ("2.1.0", "==2.1.0"),
        ("2.1.*", "==2.1.*"),
        ("1.26.4 py310_0", "==1.26.4"),
        (">=1.0,<2.0a0", ">=1.0,<2.0a0"),
        ("!=1.5.*", "!=1.5.*"),
        ("1.0|2.0", None),
        ("nightly", None),
    ],
)
def test_conda_versions(version: str, specifier: str | None) -> None:
    assert conda_specifier(version) == specifier


DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG BASE=x
FROM nvidia/cuda:12.4.1-devel AS build
FROM --platform=linux/amd64 build
ENV A=pip install nothing
COPY <<EOF /notes
RUN pip install not-this
EOF
RUN --mount=type=cache,target=/cache \\
    apt-get update && \\
    # pip install trl==0.1

    pip install trl==0.9.4 \\
        "peft<1"
RUN ["python3", "-m", "pip", "install", "torch==2.4.0"]
RUN <<EOF
pip install accelerate==1.2.0
EOF
run pip install $EXTRA vllm==0.8.0
ONBUILD RUN pip install -r requirements.txt
"""


def test_a_dockerfile(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_dockerfile(Source("Dockerfile", DOCKERFILE))
    assert facts(found) == [
        ("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4"),
        ("peft", "<1", "range", "peft<1", "<1"),
        ("torch", "==2.4.0", "pin", "torch==2.4.0", "==2.4.0"),
        ("accelerate", "==1.2.0", "pin", "accelerate==1.2.0", "==1.2.0"),
        ("vllm", "==0.8.0", "pin", "vllm==0.8.0", "==0.8.0"),
    ]
    assert [line for line, _ in skipped(found)] == [3, 19, 20]
    assert "nvidia/cuda:12.4.1-devel" in skipped(found)[0][1]
