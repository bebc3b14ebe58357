"""Which files are found, under which names, and which are left out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from cfglint.discover import Discovery, discover, project_root, wanted
from cfglint.model.report import SkippedFile


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout, which is the working folder."""
    root = tmp_path / "project"
    (root / ".git/info").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def grow(root: Path, *files: str) -> None:
    for name in files:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")


def ignore(folder: Path, *lines: str) -> None:
    (folder / ".gitignore").write_text("\n".join(lines) + "\n")


def paths(found: Discovery) -> list[str]:
    return [file.path for file in found.files]


def search(*where: str, exclude: Iterable[str] = ()) -> list[str]:
    return paths(discover(where or (".",), exclude))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a.yaml",
            "A.YML",
            "ds.json",
            "train.py",
            "tune.ipynb",
            "run.sh",
            "job.sbatch",
            "job.slurm",
            "x.bash",
        ),
        *("pyproject.toml", "uv.lock", "Pipfile", "Pipfile.lock", "environment.yml", "Makefile"),
        *("Dockerfile", "Dockerfile.gpu", "train.Dockerfile"),
        *("requirements.txt", "requirements-dev.txt", "dev-requirements.txt", "constraints.txt"),
    ],
)
def test_files_of_a_training_run_are_wanted(name: str) -> None:
    assert wanted(name)


@pytest.mark.parametrize(
    "name", ["notes.txt", "a.md", "data.jsonl", "a.jsonc", "model.safetensors", "a.yaml.bak"]
)
def test_other_files_are_not(name: str) -> None:
    assert not wanted(name)
    assert wanted("base.txt", "requirements")


def test_a_folder_is_searched_and_paths_are_shown_from_the_working_folder(project: Path) -> None:
    grow(
        project,
        "b.yaml",
        "conf/a.yaml",
        "conf/notes.md",
        ".github/ci.yml",
        "requirements/base.txt",
        "x/base.txt",
    )
    found = discover(["."])
    assert paths(found) == [".github/ci.yml", "b.yaml", "conf/a.yaml", "requirements/base.txt"]
    assert [file.file for file in found.files] == [str(project / path) for path in paths(found)]
    assert not any(file.named for file in found.files)
    assert search("conf") == ["conf/a.yaml"]
    assert search(str(project / "conf")) == ["conf/a.yaml"]


def test_from_a_folder_below_paths_lead_upward(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(project, "conf/a.yaml", "here/b.yaml")
    monkeypatch.chdir(project / "here")
    assert search("../conf", ".") == ["../conf/a.yaml", "b.yaml"]


def test_a_named_file_counts_whatever_it_is_called_and_even_if_ignored(project: Path) -> None:
    grow(project, "a.txt", "old.yaml", "b.yaml")
    ignore(project, "*.yaml")
    found = discover(["old.yaml", "a.txt", "gone.yaml", "no/such", "."], exclude=["old.yaml"])
    assert [(file.path, file.named) for file in found.files] == [("a.txt", True), ("old.yaml", True)]
    assert found.missing == ("gone.yaml", "no/such")


def test_no_file_is_found_twice(project: Path) -> None:
    grow(project, "conf/a.yaml")
    found = discover(["conf", "conf/a.yaml", ".", "./conf/../conf/a.yaml"])
    assert [(file.path, file.named) for file in found.files] == [("conf/a.yaml", True)]


def test_gitignore_files_count_at_every_level(project: Path) -> None:
    grow(
        project, "a.yaml", "secret.yaml", "conf/a.yaml", "conf/gen/a.yaml", "conf/gen/keep.yaml", "tmp/a.yaml"
    )
    grow(project, "conf/secret.yaml", "local.yaml")
    ignore(project, "secret.yaml", "/tmp/")
    ignore(project / "conf", "!secret.yaml", "gen/*", "!keep.yaml")
    (project / ".git/info/exclude").write_text("local.yaml\n")
    expected = ["conf/a.yaml", "conf/gen/keep.yaml", "conf/secret.yaml"]
    assert search() == ["a.yaml", *expected]
    assert search("conf") == expected
    assert search("conf/gen") == ["conf/gen/keep.yaml"]
    assert search("tmp") == ["tmp/a.yaml"]


def test_patterns_above_the_checkout_do_not_count(project: Path) -> None:
    grow(project, "a.yaml")
    ignore(project.parent, "a.yaml")
    assert search() == ["a.yaml"]


def test_excluded_patterns_count_from_their_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(project, "a.yaml", "old/a.yaml", "conf/old/a.yaml", "conf/b.yaml")
    assert search(exclude=["/old/", "b.*"]) == ["a.yaml", "conf/old/a.yaml"]
    monkeypatch.chdir(project / "conf")
    assert paths(discover([".."], ["/old/"], str(project))) == ["../a.yaml", "b.yaml", "old/a.yaml"]
    assert paths(discover([".."], ["/old/"])) == ["../a.yaml", "../old/a.yaml", "b.yaml"]


def test_what_tools_write_is_left_out(project: Path) -> None:
    grow(
        project,
        *("node_modules/a.json", "__pycache__/a.py", "build/a.yaml", "dist/a.yaml", "x.egg-info/a.json"),
        *("wandb/run/config.yaml", "out/checkpoint-500/adapter_config.json", "out/checkpoint-best/a.json"),
        *("myenv/pyvenv.cfg", "myenv/lib/a.py", "conda/conda-meta/history", "conda/a.py", "outputs/a.yaml"),
    )
    assert search() == ["out/checkpoint-best/a.json", "outputs/a.yaml"]
    assert search("build", "myenv") == ["build/a.yaml", "myenv/lib/a.py"]


def test_an_unreadable_folder_is_skipped_with_a_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(project, "a.yaml", "locked/b.yaml")
    scandir = os.scandir

    def refuse(path: str) -> object:  # a superuser reads what chmod forbids
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover(["."])
    assert paths(found) == ["a.yaml"]
    assert found.skipped == (SkippedFile("locked", "cannot be read: Permission denied"),)


# Links


def test_links_to_what_is_found_anyway_and_loops_add_nothing(project: Path) -> None:
    grow(project, "conf/a.yaml", "b.yaml")
    (project / "conf/up").symlink_to("..")
    (project / "again").symlink_to("conf")
    (project / "self").symlink_to("self")
    (project / "c.yaml").symlink_to("b.yaml")
    (project / "loop.yaml").symlink_to("loop.yaml")
    found = discover(["."])
    assert paths(found) == ["b.yaml", "conf/a.yaml"]
    assert found.skipped == (SkippedFile("loop.yaml", "a broken link"),)
    assert search("b.yaml", "c.yaml") == ["b.yaml", "c.yaml"]


def test_links_within_the_project_are_followed_and_others_are_not(project: Path) -> None:
    grow(project, "shared/a.yaml", "shared/b.notes", "exp/own.yaml", "../outside/secret.yaml")
    (project / "exp/one").symlink_to("../shared")
    (project / "exp/two").symlink_to("../shared")
    (project / "shared/back").symlink_to("../exp")
    (project / "shared/deep").symlink_to(".")
    (project / "exp/notes.yaml").symlink_to("../shared/b.notes")
    (project / "exp/out").symlink_to(project.parent / "outside")
    (project / "exp/out.yaml").symlink_to(project.parent / "outside/secret.yaml")
    found = discover(["exp"])
    assert paths(found) == ["exp/notes.yaml", "exp/one/a.yaml", "exp/own.yaml"]
    assert found.skipped == (
        SkippedFile("exp/out", "a link that leaves the project"),
        SkippedFile("exp/out.yaml", "a link that leaves the project"),
    )


def test_a_folder_named_through_a_link_is_searched_under_that_name(project: Path) -> None:
    grow(project, "../elsewhere/a.yaml")
    (project / "link").symlink_to(project.parent / "elsewhere")
    (project.parent / "elsewhere/b.yaml").symlink_to("a.yaml")
    (project.parent / "elsewhere/more").symlink_to(".")
    assert search("link") == ["link/a.yaml"]


def test_a_deep_tree_ends(project: Path) -> None:
    folder = project
    for _ in range(150):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("")
    for level in range(5):
        (project / ("d/" * level) / "loop").symlink_to(project)
    start = time.process_time()
    assert search() == ["d/" * 150 + "a.yaml"]
    assert time.process_time() - start < 2


# The project's root


def test_the_root_is_the_nearest_folder_with_git_or_pyproject(project: Path) -> None:
    grow(project, "packages/one/pyproject.toml", "packages/one/src/a.yaml", "other/b.yaml")
    assert project_root(str(project / "packages/one/src/a.yaml")) == str(project / "packages/one")
    assert project_root(str(project / "packages/one")) == str(project / "packages/one")
    assert project_root(str(project / "other/b.yaml")) == str(project)


def test_without_either_the_root_is_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a")
    above = [folder for folder in (tmp_path, *tmp_path.parents) if (folder / "pyproject.toml").exists()]
    if above or any((folder / ".git").exists() for folder in tmp_path.parents):
        pytest.skip("the temporary folder lies in a project")
    assert project_root(str(tmp_path / "a/b")) == str(tmp_path / "a")
