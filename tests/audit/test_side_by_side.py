"""Pinned sets from public reports: what a resolver said of them (recorded), and what cfglint says (run)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cfglint.authoring.examples import lint_example

SETS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "side_by_side.yaml").read_text(encoding="utf-8")
)


def said(case: dict[str, Any]) -> list[str]:
    """The rules that cfglint reports at a version that a set pins, "info" left out."""
    files = {"requirements.txt": "\n".join(case["pins"]) + "\n", **case.get("files", {})}
    findings = lint_example(files, {}).report.findings
    return sorted({finding.rule for finding in findings if finding.packages and finding.severity != "info"})


@pytest.mark.parametrize("case", SETS, ids=[case["name"] for case in SETS])
def test_what_cfglint_says(case: dict[str, Any]) -> None:
    assert said(case) == sorted(case["cfglint"])


def test_a_resolver_accepts_all_but_those_that_metadata_forbids() -> None:
    refused = [case["name"] for case in SETS if case["resolver"].startswith("refused")]
    assert len(SETS) - len(refused) >= 12
    assert all("pinned-set-not-allowed" in case["cfglint"] for case in SETS if case["name"] in refused)
