"""GPU names and what batch scripts ask for."""

from __future__ import annotations

import pytest

from cfglint.resolve.gpus import capability_of, requested_gpu
from cfglint.source import Source


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("Tesla V100-SXM2-32GB", 7.0),
        ("A100", 8.0),
        ("a10g", 8.6),
        ("rtx_2080_ti", 7.5),
        ("L40S", 8.9),
        ("NVIDIA L4", 8.9),
        ("mi300x", None),
    ],
)
def test_capability_by_name(name: str, capability: float | None) -> None:
    assert capability_of(name) == capability


@pytest.mark.parametrize(
    ("line", "gpu"),
    [
        ("#SBATCH --gres=gpu:v100:8", "v100"),
        ("#SBATCH --gpus-per-node a100:4   # one node", "a100"),
        ('#SBATCH --constraint="v100"', "v100"),
        ('#SBATCH -C "a100|v100"', None),
        ("#SBATCH --gres=gpu:4", None),
        ("# SBATCH --gres=gpu:v100:8", None),
        ("#SBATCH --constraint=bigmem", None),
    ],
)
def test_what_a_batch_script_asks_for(line: str, gpu: str | None) -> None:
    source = Source("job.sh", f"#!/bin/bash\n{line}\npython train.py\n")
    found = requested_gpu(source)
    assert (found["target.gpu"].value if found else None) == gpu
    if found:
        place = found["target.gpu"].place
        assert place is not None and source.position(place.span.start).line == 2
