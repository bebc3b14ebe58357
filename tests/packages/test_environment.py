from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cfglint.packages.environment import (
    Environment,
    EnvironmentNotFoundError,
    environment_at,
    find_environment,
    installed,
)
from cfglint.packages.requirement import canonical_name
from cfglint.packages.versions import version_sets


def distribution(folder: Path, name: str, metadata: str = "METADATA") -> None:
    (folder / name).mkdir(parents=True)
    if metadata:
        (folder / name / metadata).write_text("Metadata-Version: 2.1\n")


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A project with a .venv that holds some distributions, and no interpreter that could be run."""
    site = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    distribution(site, "torch-2.6.0+cu124.dist-info")
    distribution(site, "unsloth_zoo-2025.3.14.dist-info")
    distribution(site, "trl-0.9.3.dev0.dist-info")
    distribution(site, "old_style-1.2-py3.11.egg-info", "PKG-INFO")
    distribution(site, "peft-0.11.1.dist-info", metadata="")
    distribution(site, "~ransformers-4.40.0.dist-info")
    (site / "torch").mkdir()
    os.symlink("lib", tmp_path / ".venv" / "lib64")
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(
        "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n"
    )
    (tmp_path / ".venv" / "bin").mkdir()
    (tmp_path / ".venv" / "bin" / "python").write_text("")
    return tmp_path


def test_the_distributions_of_a_projects_environment(venv: Path) -> None:
    environment = find_environment(str(venv), {})
    assert environment is not None
    assert (environment.name, environment.python, len(environment.folders)) == (".venv", "3.11", 1)
    found = installed(environment)
    assert {entry.name: entry.specifier for entry in found} == {
        "torch": "==2.6.0+cu124",
        "unsloth-zoo": "==2025.3.14",
        "trl": "==0.9.3.dev0",
        "old-style": "==1.2",
    }
    assert {(entry.kind, entry.origin, entry.place) for entry in found} == {
        ("installed", "installed in .venv", None)
    }
    assert version_sets(found)["trl"].satisfies("<0.9.3") is True


def test_only_the_packages_asked_for(venv: Path) -> None:
    environment = environment_at(str(venv / ".venv"))
    assert [entry.name for entry in installed(environment, ["trl", "absent"])] == ["trl"]


@pytest.mark.parametrize("path", [".venv", ".venv/bin/python", ".venv/lib/python3.11/site-packages"])
def test_an_environment_by_any_of_its_paths(venv: Path, path: str) -> None:
    environment = environment_at(str(venv / path))
    assert environment.python == "3.11"
    assert len(installed(environment)) == 4


@pytest.mark.parametrize("path", ["gone", "empty", "empty/python"])
def test_a_path_without_environment_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "python").touch()
    with pytest.raises(EnvironmentNotFoundError, match=path):
        environment_at(str(tmp_path / path))


def test_the_first_folder_of_an_environment_wins(tmp_path: Path) -> None:
    for index, version in enumerate(("0.9.4", "0.8.0")):
        distribution(tmp_path / str(index), f"trl-{version}.dist-info")
    both = Environment("x", (str(tmp_path / "0"), str(tmp_path / "1")), "3.11")
    assert [entry.specifier for entry in installed(both)] == ["==0.9.4"]


def test_the_active_environment_comes_after_the_projects_own(venv: Path, tmp_path: Path) -> None:
    active = tmp_path / "active"
    distribution(active / "lib" / "python3.12" / "site-packages", "trl-1.0.0.dist-info")
    environment = find_environment(str(tmp_path / "elsewhere"), {"VIRTUAL_ENV": str(active)})
    assert environment is not None
    assert (environment.name, environment.python) == ("the active environment", "3.12")
    own = find_environment(str(venv), {"VIRTUAL_ENV": str(active)})
    assert own is not None
    assert own.name == ".venv"


def test_a_real_interpreter_is_read_as_it_sees_itself() -> None:
    code = "import importlib.metadata as m; print(*sorted({d.name for d in m.distributions()}), sep='\\n')"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    expected = {canonical_name(name) for name in done.stdout.split()}
    assert {entry.name for entry in installed(environment_at(sys.executable))} == expected
