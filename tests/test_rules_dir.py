from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfglint import rules_dir as module


def test_a_checkout_has_its_rules_beside_the_package() -> None:
    if not os.path.isdir(os.path.join(os.path.dirname(module.__file__), "_rules")):
        assert os.path.isfile(os.path.join(module.rules_dir(), "facts", "releases.json"))


def test_packaged_rules_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "cfglint"
    package.mkdir()
    monkeypatch.setattr(module, "__file__", str(package / "rules_dir.py"))
    assert module.rules_dir() == str(tmp_path / "rules")
    (package / "_rules").mkdir()
    assert module.rules_dir() == str(package / "_rules")
