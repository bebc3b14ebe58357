"""Patterns mean what git takes them to mean: git itself is asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfglint.gitignore import Patterns

TREE = [
    "a.yaml",
    "b.yml",
    "build/a.yaml",
    "conf/a.yaml",
    "conf/build/a.yaml",
    "conf/deep/er/a.yaml",
    "conf/deep/b.json",
    "data [1].yaml",
    "out/run-1/a.yaml",
    "out/run-2/keep.yaml",
    "#odd.yaml",
    "!odd.yaml",
    "trail ",
]

CASES = [
    ["*.yaml"],
    ["*.yaml", "!a.yaml"],
    ["build/"],
    ["/build"],
    ["conf/build"],
    ["a.yaml/"],
    ["conf/**"],
    ["conf/**/a.yaml"],
    ["**/deep"],
    ["**/deep/**"],
    ["**"],
    ["/*", "!/conf"],
    ["/*", "!/conf/", "/conf/*", "!/conf/deep"],
    ["out/*", "!out/run-2"],
    ["out", "!out/run-2/keep.yaml"],
    ["run-[0-1]"],
    ["run-[!0-1]"],
    ["run-[^2]"],
    ["data \\[1\\].yaml"],
    ["data [[]1].yaml"],
    ["data [1"],
    ["\\#odd.yaml"],
    ["#odd.yaml"],
    ["\\!odd.yaml"],
    ["trail "],
    ["trail\\ "],
    ["", "   ", "/", "a.yaml\r"],
    ["?.yaml"],
    ["conf?a.yaml"],
    ["co*a.yaml"],
    ["conf/*.yaml"],
    ["a**l"],
    ["*", "!*.yaml"],
    ["*", "!*/", "!*.yaml"],
    ["[]a].yaml"],
    ["[!]a].yml"],
    ["[a-].yaml"],
    ["*.y[a&&b]ml"],
]


def ignored_by_git(folder: Path, lines: list[str]) -> set[str]:
    (folder / ".gitignore").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(
        command, input="\0".join(TREE).encode(), cwd=folder, capture_output=True, check=False, env=environ
    )
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.decode().split("\0")) - {""}


def ignored_by_patterns(lines: list[str]) -> set[str]:
    patterns = Patterns(lines)
    ignored = set()
    for path in TREE:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            if patterns.verdict("/".join(parts[:depth]), depth < len(parts)):
                ignored.add(path)
                break
    return ignored


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("checkout")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for path in TREE:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    return folder


@pytest.mark.parametrize("lines", CASES, ids=lambda lines: " ".join(lines))
def test_git_agrees(checkout: Path, lines: list[str]) -> None:
    assert ignored_by_patterns(lines) == ignored_by_git(checkout, lines)


PIECES = st.sampled_from(
    [
        "a",
        "conf",
        "build",
        "deep",
        "out",
        "run-",
        "1",
        ".yaml",
        "*",
        "**",
        "?",
        "/",
        "[a-c]",
        "[!a]",
        "\\",
        "!",
    ]
)


#: Git gives "**" within a name ("a**/b") a meaning that depends on what stands before it; nobody can rely on
#: that.
PATTERN = (
    st.lists(PIECES, min_size=1, max_size=5)
    .map("".join)
    .filter(lambda line: not re.search(r"[^/!]\*\*|\*\*[^/]", line))
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATTERN, min_size=1, max_size=3))
def test_git_agrees_on_patterns_nobody_thought_of(checkout: Path, lines: list[str]) -> None:
    assert ignored_by_patterns(lines) == ignored_by_git(checkout, lines)


def test_a_negated_match_and_no_match_differ() -> None:
    patterns = Patterns(["!keep.yaml", "old/"])
    assert patterns.verdict("keep.yaml", False) is False
    assert patterns.verdict("a.yaml", False) is None
    assert patterns.verdict("old", True) is True
    assert patterns.verdict("old", False) is None
    assert not Patterns(["# nothing", ""])


def test_no_pattern_can_make_it_hang() -> None:
    patterns = Patterns(["*a" * 30 + "b", "**/" * 200 + "x", "**/a/**/a/**/a/**/a/**/a/**/b"])
    start = time.process_time()
    assert patterns.verdict("a/" * 60 + "a" * 200, False) is None
    assert time.process_time() - start < 5
