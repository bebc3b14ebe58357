"""What the process of one run gets of the machine: one GPU, or the CPU, and no more memory than it was given."""

from __future__ import annotations

import os
from typing import Any

from . import confine

Record = dict[str, Any]


def show_one_gpu(experiment: Record) -> None:
    """Hides all GPUs but the first, before torch is imported: Trainer would split each batch over all it sees."""
    if experiment["device"] != "cpu" and experiment.get("engine") != "ddp":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0]


def claim(experiment: Record) -> str:
    """Caps this process's memory; why it can't run, where the device is not there.

    The processes of a distributed arm look for their GPUs themselves: CUDA must be new to each.
    """
    if experiment["device"] == "cpu":
        confine.cap_memory(int(experiment["memory_mb"]))
        return ""
    if experiment.get("engine") == "ddp":
        return ""
    try:
        import torch
    except ImportError as error:
        return f"torch can't be imported: {error}"
    if not torch.cuda.is_available():
        return f"no CUDA device is visible to torch {torch.__version__}"
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, int(experiment["memory_mb"]) * 2**20 / whole), 0)
    return ""
