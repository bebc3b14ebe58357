"""An arm of several processes: one supervisor, one forked process for each rank, and no rank outlives another's end.

All are in the process group of the arm, so that what ends the arm ends them.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import confine
from .engines import rank_environment

Record = dict[str, Any]
# For the others to say what they saw when a rank has failed; a collective operation may wait for ever.
PATIENCE_S = 3.0
AVERAGED = ("losses", "step_losses")


def together(count: int, scratch: str, train: Callable[[str], Record]) -> Record:
    """Runs `train(folder)` in `count` processes with the variables that torchrun sets.

    Each may take as much memory as this one might: limits are a process's own, and handed down. Returns the first rank's record, its losses averaged over the ranks as the trainer's log does; or that of
    the rank which failed first.
    """
    if not hasattr(os, "fork"):
        return {"status": "absent", "reason": "several processes need a system with fork"}
    ranks: dict[int, int] = {}
    for rank in range(count):
        folder = Path(scratch, f"rank{rank}")
        folder.mkdir()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _be(rank, count, folder, train)
        ranks[pid] = rank
    records: dict[int, Record] = {}
    failed: int | None = None
    deadline = math.inf
    while ranks:
        pid, status = _next_end(ranks, deadline)
        if not pid:
            for left in ranks:
                os.kill(left, signal.SIGKILL)
            deadline = math.inf
            continue
        rank = ranks.pop(pid)
        records[rank] = _record(Path(scratch, f"rank{rank}"), status)
        if records[rank]["status"] != "finished" and failed is None:
            failed, deadline = rank, time.monotonic() + PATIENCE_S
    return _merged(records) if failed is None else _of_failure(records[failed], failed)


def _be(rank: int, count: int, folder: Path, train: Callable[[str], Record]) -> None:
    """One rank's process: never returns."""
    try:
        confine.die_with_parent()
        os.environ.update(rank_environment(rank, count))
        os.chdir(folder)
        record = train(str(folder))
        (folder / "half").write_text(json.dumps(record), encoding="utf-8")
        (folder / "half").rename(folder / "record.json")
        os._exit(0)
    except BaseException as error:
        print(f"cfglint worker, rank {rank}: {error!r}", file=sys.stderr)
        os._exit(70)


def _next_end(ranks: dict[int, int], deadline: float) -> tuple[int, int]:
    """Which process ended, and how; (0, 0) where the deadline passed first."""
    while time.monotonic() < deadline:
        pid, status = os.waitpid(-1, 0 if deadline == math.inf else os.WNOHANG)
        if pid in ranks:
            return pid, status
        if not pid:
            time.sleep(0.01)
    return 0, 0


def _record(folder: Path, status: int) -> Record:
    try:
        found = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        return dict(found)
    except (OSError, ValueError):
        return {"status": "crashed", "reason": confine.death(status)}


def _of_failure(record: Record, rank: int) -> Record:
    if record.get("reason"):
        record["reason"] = f"rank {rank}: {record['reason']}"
    return record


def _merged(records: dict[int, Record]) -> Record:
    found = records[0]
    for name in AVERAGED:
        columns = [record[name] for record in records.values()]
        found[name] = [sum(values) / len(values) for values in zip(*columns, strict=False)]
    found["peak_mb"] = round(sum(record["peak_mb"] for record in records.values()), 1)
    found["measures"]["processes"] = len(records)
    return found
