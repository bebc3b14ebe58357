"""Starts the worker in the training environment, and never lets it outlive its time. Nothing here imports
torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cfglint.verify.spec import ArmResult, Experiment, arm_result_from_json, experiment_to_json

WORKER = Path(__file__).parent / "worker"
# Beyond its arms' own limits, what the worker may take to import its libraries on a slow machine.
START_LIMIT_S = 120.0
QUESTION_LIMIT_S = 30.0


class WorkerError(Exception):
    """The worker could not be started, or said nothing; the message is for the user."""


class Notice(NamedTuple):
    """One arm's run has ended: for progress bars."""

    experiment: int
    arm: str
    variant: str
    seed: int
    status: str
    seconds: float


def environment_of(python: str) -> dict[str, str]:
    """Versions of what decides an experiment's outcome in the environment of `python`. Raises WorkerError."""
    try:
        answer = subprocess.run(
            [python, str(WORKER), "--environment"], capture_output=True, timeout=QUESTION_LIMIT_S, check=True
        )
        found = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise WorkerError(f"{python} can't run the worker: {error}") from error
    return {str(name): str(version) for name, version in found.items()}


def run(
    experiments: Sequence[Experiment],
    python: str,
    jobs: int = 2,
    on_notice: Callable[[Notice], None] | None = None,
) -> list[list[ArmResult]]:
    """Runs all experiments in one worker and returns the arm results of each.

    An arm that ended badly has a result that says so; one that never ran has none. Raises WorkerError when
    the worker gave no result at all.
    """
    with tempfile.TemporaryDirectory(prefix="cfglint-verify-") as folder:
        request, answers = Path(folder, "experiments.json"), Path(folder, "results.jsonl")
        bundle = {
            "version": 1,
            "jobs": jobs,
            "experiments": [_request(each) for each in experiments],
        }
        request.write_text(json.dumps(bundle), encoding="utf-8")
        errors = _work(
            [python, str(WORKER), str(request), str(answers)], folder, _limit(experiments, jobs), on_notice
        )
        found: list[list[ArmResult]] = [[] for _ in experiments]
        for record in _records(answers):
            found[record["experiment"]].append(arm_result_from_json(record))
    if experiments and not any(found):
        raise WorkerError(f"the worker gave no result: {errors[-500:].strip() or 'and no reason'}")
    return found


def _request(experiment: Experiment) -> dict[str, Any]:
    # The worker runs in a folder of its own.
    weights = None if experiment.weights is None else str(Path(experiment.weights).absolute())
    return experiment_to_json(experiment._replace(weights=weights))


def _limit(experiments: Sequence[Experiment], jobs: int) -> float:
    return START_LIMIT_S + sum(each.timeout_s * each.runs for each in experiments) / max(1, jobs)


def _work(command: list[str], folder: str, limit: float, on_notice: Callable[[Notice], None] | None) -> str:
    """Runs the worker to its end or its limit; returns what it wrote to standard error."""
    errors = Path(folder, "errors.txt")
    environment = {**os.environ, "TMPDIR": folder}
    # A worker that may not write bytecode compiles its libraries anew each time: ten seconds instead of four.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with errors.open("wb") as sink:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerError(f"{command[0]} can't be started: {error}") from error
        alarm = threading.Timer(limit, _end, [process])
        alarm.start()
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if on_notice is not None and line.strip():
                    on_notice(Notice(**json.loads(line)))
            process.wait()
        finally:
            alarm.cancel()
            _end(process)
            process.stdout.close()
    return errors.read_text(encoding="utf-8", errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the worker to end its arms and itself; then ends what is left of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _records(path: Path) -> list[Mapping[str, Any]]:
    found = []
    with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8") as lines:
        for line in lines:
            # The last line of a worker that was ended may be half a line.
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found
