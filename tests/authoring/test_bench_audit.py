"""The made-up environment that auditing is timed on: as many packages as asked for, and nothing to find."""

from __future__ import annotations

from pathlib import Path

from cfglint.authoring.bench_audit import make_environment
from cfglint.cli.environment_audit import lint_environment
from cfglint.linting import Options
from cfglint.packages.environment import environment_at, installed


def test_the_environment_is_read_whole_and_is_healthy(tmp_path: Path) -> None:
    make_environment(tmp_path / "env", 300)
    environment = environment_at(str(tmp_path / "env"))
    assert len(installed(environment)) == 300
    linted = lint_environment(environment, Options())
    assert [(finding.rule, finding.message) for finding in linted.report.findings] == []
    assert linted.report.runs[0].packages["transformers"] == "4.57.3"
