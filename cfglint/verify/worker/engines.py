"""Starting what an arm trains on besides the plain trainer: DeepSpeed in one process, or several processes.

Processes meet in a file and talk over the loopback interface: no port is opened.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from datetime import timedelta
from typing import Any

from .models import AbsentError

Record = dict[str, Any]
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def effective_settings(arm: Record, variant: Record) -> Record:
    """The settings of one run: the arm's, what the probe forces, and what the variant differs in."""
    settings = dict(arm["settings"], **arm.get("overrides", {}))
    settings.update(variant.get("settings", {}))
    settings.update(arm["workload"].get("variants", {}).get(variant["name"], {}))
    return settings


def processes(experiment: Record, arm: Record, settings: Record) -> int:
    """How many processes an arm with these settings has."""
    if experiment.get("engine") == "deepspeed":
        return int(arm["workload"].get("processes", 1))
    return int(settings.get("launch.num_processes") or 1) if experiment.get("engine") == "ddp" else 1


def rank_environment(rank: int, count: int) -> dict[str, str]:
    """The variables that torchrun sets for one process of `count` on one machine.

    The address and port are for libraries that insist on them: the processes have met before.
    """
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29500",
        "GLOO_SOCKET_IFNAME": LOOPBACK,
    }


def start(experiment: Record, scratch: str) -> None:
    """Starts the experiment's engine in this process. Raises AbsentError where it is not to be had."""
    engine = experiment.get("engine", "plain")
    several = "RANK" in os.environ
    if engine == "deepspeed":
        load_deepspeed(experiment["device"])
        os.environ.update({} if several else rank_environment(0, 1))
    if engine == "deepspeed" or several:
        place = os.path.dirname(scratch) if several else scratch
        join(experiment["device"], os.path.join(place, "meeting"))


def join(device: str, meeting: str) -> None:
    """Joins the processes that meet in the file `meeting`, by the variables that torchrun sets."""
    import torch

    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if device != "cpu":
        if torch.cuda.device_count() < count:
            raise AbsentError(
                f"{count} processes need as many GPUs, and {torch.cuda.device_count()} are here"
            )
        torch.cuda.set_device(rank)
    torch.distributed.init_process_group(
        "gloo" if device == "cpu" else "nccl",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=count,
        timeout=timedelta(minutes=5),
    )


def load_deepspeed(device: str) -> None:
    """Imports DeepSpeed so that it compiles nothing. Raises AbsentError where it is missing."""
    if importlib.util.find_spec("deepspeed") is None:
        raise AbsentError("deepspeed is not installed")
    if device == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    importlib.import_module("deepspeed")
    # `import deepspeed.comm.torch as name` would give torch itself.
    communication: Any = importlib.import_module("deepspeed.comm.torch")
    # Shared-memory collectives are compiled for a minute or two at the first start, and then not needed.
    communication.build_shm_op = lambda: None


def deepspeed_settings(flat: Record) -> Record:
    """DeepSpeed's JSON from its settings by dotted paths."""
    found: Record = {}
    for path, value in flat.items():
        *folders, name = path.split(".")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return found


def drop_empty_groups(trainer: Any) -> None:
    """Leaves groups without weights out of the optimizer.

    An adapter trains no bias and no norm, so that the trainer's second group is empty. DeepSpeed takes it out
    after the scheduler was made, whose first step then fails on torch 2.10 and newer: a fault of its own.
    """
    create = trainer.create_optimizer

    def without_empty(*arguments: Any, **named: Any) -> Any:
        optimizer = create(*arguments, **named)
        # Where DeepSpeed makes the optimizer, accelerate has a placeholder for it.
        if hasattr(optimizer, "param_groups"):
            optimizer.param_groups[:] = [group for group in optimizer.param_groups if group["params"]]
        return optimizer

    trainer.create_optimizer = without_empty
