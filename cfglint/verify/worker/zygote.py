"""The worker's parent process: imports once, forks one process for each arm's run, and outlives whatever they
do.

On a GPU, or where there is no fork, each run is a fresh process instead, and this one never imports torch.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from . import confine, device
from .engines import effective_settings, processes
from .environment import environment
from .preload import preload
from .ranks import together

Record = dict[str, Any]


class Job(NamedTuple):
    """One run: which experiment of the bundle, which arm, variant and seed."""

    experiment: int
    arm: int
    variant: int
    seed: int


class Running:
    """A job's process, the pipe on which its result comes, and its deadline."""

    def __init__(self, job: Job, pid: int, pipe: int, scratch: str, timeout: float) -> None:
        self.job = job
        self.pid = pid
        self.pipe = pipe
        self.scratch = scratch
        self.started = time.monotonic()
        self.deadline = self.started + timeout
        self.answer = bytearray()


def main(arguments: list[str]) -> int:
    """Runs a bundle of experiments, or prints what is installed. Returns the exit status."""
    if arguments == ["--environment"]:
        print(json.dumps(environment()))
        return 0
    if len(arguments) not in (2, 3):
        print("usage: worker EXPERIMENTS.json RESULTS.jsonl", file=sys.stderr)
        return 2
    bundle = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if len(arguments) == 3:
        return _run_one(bundle, Job(*json.loads(arguments[2])), arguments[1])
    notices = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with Path(arguments[1]).open("w", encoding="utf-8") as results:
        Zygote(bundle, arguments[0], results, notices).run()
    return 0


class Zygote:
    """Runs all jobs of a bundle, a few at a time, and writes one line for each."""

    def __init__(self, bundle: Record, path: str, results: Any, notices: Any) -> None:
        self.experiments: list[Record] = bundle["experiments"]
        self.width = max(1, int(bundle.get("jobs", 1)))
        self.path = path
        self.results = results
        self.notices = notices
        self.scratch = tempfile.mkdtemp(prefix="cfglint-verify-")
        on_cpu = all(experiment["device"] == "cpu" for experiment in self.experiments)
        self.forks = hasattr(os, "fork") and on_cpu and bundle.get("fork", True)
        self.spawned: list[subprocess.Popen[bytes]] = []
        self.running: dict[int, Running] = {}
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Works the bundle off; whatever ends it, no process and no file of it stays."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        confine.die_with_parent(signal.SIGTERM)
        try:
            confine.quiet_environment(self.scratch)
            confine.refuse_network()
            if self.forks:
                preload(self.experiments)
                # Else each collection in an arm walks, and so copies, all that the libraries left.
                gc.freeze()
            self._work_off(_jobs(self.experiments))
        finally:
            for job in list(self.running.values()):
                self._end(job)
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _stop(self, number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    def _work_off(self, jobs: list[Job]) -> None:
        waiting = jobs[::-1]
        while waiting or self.running:
            while waiting and len(self.running) < self.width:
                self._start(waiting.pop())
            soonest = min(job.deadline for job in self.running.values())
            for key, _events in self.selector.select(max(0.0, soonest - time.monotonic())):
                job = self.running[key.fd]
                piece = os.read(key.fd, 1 << 16)
                job.answer.extend(piece)
                if not piece:
                    self._finish(job, None)
            for job in [job for job in self.running.values() if job.deadline <= time.monotonic()]:
                self._finish(job, "timed_out")

    def _start(self, job: Job) -> None:
        experiment = self.experiments[job.experiment]
        scratch = tempfile.mkdtemp(dir=self.scratch)
        pipe, answer = os.pipe()
        if self.forks:
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                os.close(pipe)
                _in_child(experiment, job, scratch, answer)
            # Here as well as in the child, so that the group is there to be killed whoever comes first.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpgid(pid, pid)
        else:
            pid = self._spawn(job, answer)
        os.close(answer)
        running = Running(job, pid, pipe, scratch, float(experiment["timeout_s"]))
        self.running[pipe] = running
        self.selector.register(pipe, selectors.EVENT_READ)

    def _spawn(self, job: Job, answer: int) -> int:
        folder = os.path.dirname(os.path.abspath(__file__))
        command = [sys.executable, folder, self.path, str(answer), json.dumps(list(job))]
        self.spawned.append(subprocess.Popen(command, pass_fds=(answer,), start_new_session=True))
        return self.spawned[-1].pid

    def _end(self, job: Running) -> int:
        """Kills whatever is left of a job's process group and returns its exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, signal.SIGKILL)
        try:
            return os.waitpid(job.pid, 0)[1]
        except ChildProcessError:
            return 0
        finally:
            self.selector.unregister(job.pipe)
            os.close(job.pipe)
            del self.running[job.pipe]
            shutil.rmtree(job.scratch, ignore_errors=True)

    def _finish(self, job: Running, cause: str | None) -> None:
        # At the end of the pipe the process is leaving by itself: its status is worth waiting for a moment.
        status = _leaving(job.pid, 2.0) if cause is None else None
        killed = self._end(job)
        record = _answer(job.answer)
        if cause == "timed_out":
            limit = self.experiments[job.job.experiment]["timeout_s"]
            record = {"status": "timed_out", "reason": f"no result within {limit:g} s"}
        elif record is None:
            record = {"status": "crashed", "reason": confine.death(killed if status is None else status)}
        experiment = self.experiments[job.job.experiment]
        record.setdefault("arm", experiment["arms"][job.job.arm]["name"])
        record.setdefault("variant", experiment["variants"][job.job.variant]["name"])
        record.setdefault("seed", job.job.seed)
        record.setdefault("seconds", round(time.monotonic() - job.started, 3))
        record["experiment"] = job.job.experiment
        record["environment"] = environment()
        self.results.write(json.dumps(record) + "\n")
        self.results.flush()
        notice = {key: record[key] for key in ("experiment", "arm", "variant", "seed", "status", "seconds")}
        self.notices.write(json.dumps(notice) + "\n")
        self.notices.flush()


def _jobs(experiments: list[Record]) -> list[Job]:
    return [
        Job(number, arm, variant, seed)
        for number, experiment in enumerate(experiments)
        for seed in experiment["seeds"]
        for arm in range(len(experiment["arms"]))
        for variant in range(len(experiment["variants"]))
    ]


def _in_child(experiment: Record, job: Job, scratch: str, answer: int) -> None:
    """The forked process: never returns."""
    try:
        os.setpgid(0, 0)
        confine.die_with_parent()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        confine.cap_memory(int(experiment["memory_mb"]))
        record = _train(experiment, job, scratch)
        with os.fdopen(answer, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(record))
        os._exit(0)
    except BaseException as error:
        print(f"cfglint worker: {error!r}", file=sys.stderr)
        os._exit(70)


def _train(experiment: Record, job: Job, scratch: str) -> Record:
    arm, variant = experiment["arms"][job.arm], experiment["variants"][job.variant]
    os.chdir(scratch)
    if experiment["trainer"] == "none":
        from . import imports

        return imports.run(arm, variant, job.seed)
    from . import training

    def train(folder: str) -> Record:
        return training.run(experiment, arm, variant, job.seed, folder)

    count = processes(experiment, arm, effective_settings(arm, variant))
    return train(scratch) if count == 1 else together(count, scratch, train)


def _run_one(bundle: Record, job: Job, answer: str) -> int:
    """A fresh process for one run; `answer` is the descriptor that its parent handed down."""
    confine.die_with_parent()
    experiment = bundle["experiments"][job.experiment]
    with tempfile.TemporaryDirectory(prefix="cfglint-verify-") as scratch:
        confine.refuse_network()
        device.show_one_gpu(experiment)
        preload([experiment])
        missing = device.claim(experiment)
        record = {"status": "absent", "reason": missing} if missing else _train(experiment, job, scratch)
        with os.fdopen(int(answer), "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(record))
        os.chdir("/")
    return 0


def _leaving(pid: int, patience: float) -> int | None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    return None


def _answer(raw: bytearray) -> Record | None:
    try:
        found = json.loads(raw.decode("utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
