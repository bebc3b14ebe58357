from __future__ import annotations

import pytest

from cfglint.packages.pyproject import read_pyproject
from cfglint.packages.requirement import Requirement, Skipped
from cfglint.packages.script_header import read_script_header
from cfglint.source import Source

PROJECT = """\
[build-system]
requires = ["hatchling>=1.20"]

[project]
name = "chat-tuning"
requires-python = ">=3.10"
dependencies = [
    # "transformers==4.40.0",
    "transformers==4.50.3",  # last good one
    "trl >=0.9, <0.12 ; python_version >= '3.9'",
    'peft',
    "torch @ https://index.example/torch-2.6.0%2Bcu124-cp311-cp311-linux_x86_64.whl",
    "not valid at all",
]
[project.optional-dependencies]
fast = ["flash-attn==2.7.4.post1"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "eval"}]
eval = ["vllm<0.8"]
[tool.uv.sources]
peft = {git = "https://code.example/peft.git"}
"""


def test_pep_621_extras_and_groups(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_pyproject(Source("pyproject.toml", PROJECT))
    url = "torch @ https://index.example/torch-2.6.0%2Bcu124-cp311-cp311-linux_x86_64.whl"
    assert facts(found) == [
        ("transformers", "==4.50.3", "pin", "transformers==4.50.3", "==4.50.3"),
        ("trl", ">=0.9,<0.12", "range", "trl >=0.9, <0.12 ; python_version >= '3.9'", ">=0.9, <0.12"),
        ("peft", "", "any", "peft", ""),
        ("torch", "==2.6.0+cu124", "pin", url, ""),
        ("flash-attn", "==2.7.4.post1", "pin", "flash-attn==2.7.4.post1", "==2.7.4.post1"),
        ("pytest", ">=8", "range", "pytest>=8", ">=8"),
        ("vllm", "<0.8", "range", "vllm<0.8", "<0.8"),
        ("python", ">=3.10", "range", ">=3.10", ">=3.10"),
    ]
    assert skipped(found) == [(13, "not valid at all: not a valid requirement")]
    first = found[0]
    assert isinstance(first, Requirement)
    assert first.place is not None
    assert first.place.source.position(first.place.span.start).line == 9


POETRY = """\
[tool.poetry.dependencies]
python = "^3.10"
transformers = "4.50.3"
trl = "^0.9.2"
peft = {version = "~0.11", optional = true, markers = "sys_platform == 'linux'"}
accelerate = "*"
unsloth = {git = "https://code.example/unsloth.git", branch = "main"}
torch = [
    {version = "2.4.0", python = "<3.12"},
    {version = ">=2.5,<2.7", platform = "darwin"},
]
deepspeed = ">=0.14 || <0.10"
[tool.poetry.dev-dependencies]
pytest = ">= 8, < 9"
[tool.poetry.group.eval.dependencies]
vllm = "0.8.*"
"""


def test_poetry_sections(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_pyproject(Source("pyproject.toml", POETRY))
    assert facts(found) == [
        ("python", ">=3.10,<4", "range", "^3.10", "^3.10"),
        ("transformers", "==4.50.3", "pin", "4.50.3", "4.50.3"),
        ("trl", ">=0.9.2,<0.10", "range", "^0.9.2", "^0.9.2"),
        ("peft", ">=0.11,<0.12", "range", "~0.11", "~0.11"),
        ("accelerate", "", "any", "*", ""),
        ("unsloth", "", "url", "https://code.example/unsloth.git", ""),
        ("torch", "==2.4.0", "pin", "2.4.0", "2.4.0"),
        ("torch", ">=2.5,<2.7", "range", ">=2.5,<2.7", ">=2.5,<2.7"),
        ("pytest", ">=8,<9", "range", ">= 8, < 9", ">= 8, < 9"),
        ("vllm", "==0.8.*", "range", "0.8.*", "0.8.*"),
    ]
    markers = {
        entry.specifier: entry.marker
        for entry in found
        if isinstance(entry, Requirement) and entry.name in ("torch", "peft")
    }
    assert markers == {
        ">=0.11,<0.12": "sys_platform == 'linux'",
        "==2.4.0": "python_version < '3.12'",
        ">=2.5,<2.7": "sys_platform == 'darwin'",
    }
    assert [line for line, _ in skipped(found)] == [12]


def test_setuptools_dynamic_files_are_read() -> None:
    text = (
        '[project]\ndynamic = ["version", "dependencies"]\n'
        '[tool.setuptools.dynamic]\ndependencies = {file = ["reqs.txt"]}\n'
    )
    found = read_pyproject(Source("pyproject.toml", text), lambda path: Source(path, "trl==0.9.4"))
    assert [(entry.name, entry.origin) for entry in found if isinstance(entry, Requirement)] == [
        ("trl", "reqs.txt")
    ]


def test_dependencies_that_a_build_computes_are_skipped(skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_pyproject(Source("pyproject.toml", '[project]\ndynamic = ["dependencies"]\n'))
    assert skipped(found) == [(2, "dependencies are computed by the build, which is not run")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "project = 3",
        "[project]\ndependencies = 'trl'",
        "[project]\ndependencies = [1, ['trl']]\noptional-dependencies = 2",
        "[tool.poetry]\ndependencies = []\ngroup = 'x'",
        "[tool.poetry.group]\nx = 1",
        "[dependency-groups]\na = 1",
        "[project]\ndynamic = ['dependencies']\n[tool.setuptools]\ndynamic = 1",
    ],
)
def test_unexpected_shapes_do_not_crash(text: str) -> None:
    assert all(isinstance(entry, Skipped) for entry in read_pyproject(Source("pyproject.toml", text)))


def test_a_broken_file_is_skipped_at_its_line(skipped) -> None:  # type: ignore[no-untyped-def]
    [(line, reason)] = skipped(read_pyproject(Source("pyproject.toml", "[project]\nname = \n")))
    assert line == 2
    assert reason.startswith("not valid TOML")


SCRIPT = """\
#!/usr/bin/env -S uv run
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   # "trl==0.8",
#   "trl==0.9.4",
#   "peft<1",
# ]
# ///
import trl  # "peft<1"
"""


def test_the_header_of_a_script(facts) -> None:  # type: ignore[no-untyped-def]
    source = Source("train.py", SCRIPT)
    found = read_script_header(source)
    assert facts(found) == [
        ("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4"),
        ("peft", "<1", "range", "peft<1", "<1"),
        ("python", ">=3.11", "range", ">=3.11", ">=3.11"),
    ]
    assert [
        source.position(entry.place.span.start).line
        for entry in found
        if isinstance(entry, Requirement) and entry.place
    ] == [6, 7, 3]


@pytest.mark.parametrize(
    "text",
    ["import trl\n", "# /// script\n# dependencies = ['trl']\nimport trl\n", "# /// other\n# a = 1\n# ///\n"],
)
def test_a_script_without_a_complete_header_says_nothing(text: str) -> None:
    assert read_script_header(Source("train.py", text)) == []


def test_a_broken_header_is_skipped(skipped) -> None:  # type: ignore[no-untyped-def]
    assert (
        skipped(read_script_header(Source("train.py", "\n# /// script\n# dependencies = [\n# ///\n")))[0][0]
        == 2
    )
