"""The README's own example prints what the README says, where its first command runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_example_prints_what_the_readme_says() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- begin example-output -->\n```text\n(.*?)\n```", text, re.S)
    assert shown is not None
    environment = {**os.environ, "CFGLINT_ENVIRONMENT": "none", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cfglint", "tests/readme/train.yaml"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.rstrip() == shown[1]
