"""Healthy runs, one for each dialect and style: nothing at warning or above may ever fire on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cfglint.linting import Options, lint

HEALTHY = Path(__file__).parent / "corpus" / "healthy"


@pytest.mark.parametrize("name", sorted(path.name for path in HEALTHY.iterdir()))
def test_healthy_runs_stay_silent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(HEALTHY / name, tmp_path / name)
    (tmp_path / name / ".git").mkdir()
    monkeypatch.chdir(tmp_path / name)
    linted = lint(Options(environment="none"))
    assert linted.report.checked, "nothing was recognised"
    loud = [finding for finding in linted.report.findings if finding.severity != "info"]
    assert not loud, "\n".join(
        f"{finding.location.source.path}: {finding.rule}: {finding.message}" for finding in loud
    )
