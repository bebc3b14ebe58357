"""The scripts in cfglint/verify/README.md: one right command for each cell. Stand-ins for submitit, Ray and cfglint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cfglint.verify

README = Path(cfglint.verify.__file__).parent / "README.md"
SUBMITIT = """
class Job:
    def __init__(self, number, value): self.job_id, self.value = number, value
    def result(self): return self.value

class AutoExecutor:
    def __init__(self, folder, cluster=None): assert cluster == "local"
    def update_parameters(self, **limits): assert limits["timeout_min"]
    def map_array(self, function, cells): return [Job(cell, function(cell)) for cell in cells]
"""
RAY = """
def init(): pass
def get(values): return list(values)
def remote(**resources):
    def decorate(function):
        function.remote = function
        return function
    return decorate
"""


@pytest.mark.parametrize("script", ["submit.py", "on_ray.py"])
def test_a_documented_script_runs_each_cell(tmp_path: Path, script: str) -> None:
    text = README.read_text(encoding="utf-8")
    [code] = re.findall(rf"<!-- begin {script} -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / script).write_text(code)
    (tmp_path / "submitit.py").write_text(SUBMITIT)
    (tmp_path / "ray.py").write_text(RAY)
    (tmp_path / "plan.json").write_text('{"cells": [{}, {}, {}]}')
    stub = tmp_path / "cfglint"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls.txt\n')
    stub.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, script, "plan.json", "env/bin/python", "local"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60, capture_output=True)
    plan = "plan.json" if script == "submit.py" else str(tmp_path / "plan.json")
    assert (tmp_path / "calls.txt").read_text().splitlines() == [
        f"verify --plan {plan} --cell {cell} --python env/bin/python" for cell in (1, 2, 3)
    ]
