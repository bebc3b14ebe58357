"""The worker's care for its processes: what hangs, crashes or hogs memory ends, and leaves nothing behind. No
torch.

The part that trains is replaced by one that misbehaves as it is told.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import cfglint.verify

WORKER = Path(cfglint.verify.__file__).parent / "worker"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

STAND_IN = """
import importlib.util, os, signal, subprocess, sys, time, types

spec = importlib.util.spec_from_file_location("worker", {worker!r} + "/__init__.py",
                                              submodule_search_locations=[{worker!r}])
sys.modules["worker"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["worker"])
import worker.zygote

def run(experiment, arm, variant, seed, scratch):
    how = arm["settings"].get("does", "nothing")
    with open(os.path.join({folder!r}, "pids"), "a") as pids:
        pids.write(str(os.getpid()) + "\\n")
    if how == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "60"])
        with open(os.path.join({folder!r}, "pids"), "a") as pids:
            pids.write(str(child.pid) + "\\n")
        time.sleep(60)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "leave" or how == "second leaves" and os.environ["RANK"] == "1":
        os._exit(3)
    if how in ("second leaves", "second hangs") and os.environ["RANK"] == ("0" if how == "second leaves" else "1"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if how == "second raises" and os.environ["RANK"] == "1":
        return {{"arm": arm["name"], "variant": "only", "seed": 0, "status": "raised", "exception": {{"type": "E"}}}}
    if how == "two":
        rank = int(os.environ["RANK"])
        names = ("LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR")
        return {{"arm": arm["name"], "variant": "only", "seed": 0, "status": "finished", "losses": [1.0 + rank],
                 "step_losses": [float("nan") if rank else 1.0], "peak_mb": 10.0,
                 "measures": {{name: os.environ[name] for name in names}}}}
    if how == "memory":
        bytearray(4 << 30)
    return {{"arm": arm["name"], "variant": variant["name"], "seed": seed, "status": "finished",
            "measures": {{"token": os.environ.get("HF_TOKEN", ""), "offline": os.environ["HF_HUB_OFFLINE"],
                          "here": os.getcwd() == os.path.realpath(scratch)}}}}

worker.zygote.preload = lambda experiments: None
sys.modules["worker.training"] = types.SimpleNamespace(run=run)
worker.training = sys.modules["worker.training"]
sys.exit(worker.zygote.main(sys.argv[1:]))
"""


def experiment(*does: str, timeout: float = 20.0, engine: str = "plain") -> dict[str, Any]:
    return {
        "engine": engine,
        "arms": [
            {"name": f"arm{n}", "settings": {"does": how, "launch.num_processes": 2}, "workload": {}}
            for n, how in enumerate(does)
        ],
        "variants": [{"name": "only"}],
        "seeds": [0],
        "device": "cpu",
        "timeout_s": timeout,
        "memory_mb": 500,
        "trainer": "trainer",
        "model": "llama",
    }


def start(folder: Path, *experiments: dict[str, Any]) -> subprocess.Popen[bytes]:
    script, request = folder / "stand_in.py", folder / "request.json"
    script.write_text(STAND_IN.format(worker=str(WORKER), folder=str(folder)))
    request.write_text(json.dumps({"version": 1, "jobs": 2, "experiments": list(experiments)}))
    command = [sys.executable, str(script), str(request), str(folder / "results.jsonl")]
    environment = {**os.environ, "TMPDIR": str(folder), "HF_TOKEN": "secret"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def results(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return {record["arm"]: record for record in map(json.loads, lines)}


def alive(folder: Path) -> list[int]:
    """Processes of the arms, and of what they started, that are still there (and not merely waiting to be
    reaped).
    """
    found = []
    for pid in map(int, (folder / "pids").read_text().split()):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            continue
        if state != "Z":
            found.append(pid)
    return found


def soon_none(folder: Path) -> bool:
    end = time.monotonic() + 5.0
    while alive(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(folder)


@LINUX
def test_arms_that_misbehave_end_and_the_others_go_on(tmp_path: Path) -> None:
    process = start(
        tmp_path, experiment("hang", timeout=1.0), experiment("crash", "leave", "memory", "nothing")
    )
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    by_place = {(line["experiment"], line["arm"]): (line["status"], line.get("reason", "")) for line in lines}
    assert by_place[0, "arm0"] == ("timed_out", "no result within 1 s")
    assert by_place[1, "arm0"] == ("crashed", "the process was ended by signal 11")
    assert by_place[1, "arm1"] == ("crashed", "the process ended with status 3 and no result")
    assert by_place[1, "arm2"][0] == "crashed"
    assert by_place[1, "arm3"][0] == "finished"
    assert soon_none(tmp_path)
    assert not list(tmp_path.glob("cfglint-verify-*"))


@LINUX
def test_ranks_that_misbehave_end_and_take_the_others_along(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        experiment("second hangs", timeout=1.5, engine="ddp"),
        experiment("second leaves", "second raises", "memory", "two", engine="ddp"),
    )
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    by_place = {(line["experiment"], line["arm"]): line for line in lines}
    told = {place: (line["status"], line.get("reason", "")) for place, line in by_place.items()}
    assert told[0, "arm0"] == ("timed_out", "no result within 1.5 s")
    assert told[1, "arm0"] == ("crashed", "rank 1: the process ended with status 3 and no result")
    assert told[1, "arm1"][0] == "raised"
    assert told[1, "arm2"][0] == "crashed"
    assert told[1, "arm3"][0] == "finished"
    assert len(_pids(tmp_path)) == 10
    assert soon_none(tmp_path)
    assert not list(tmp_path.glob("cfglint-verify-*"))


@LINUX
def test_two_ranks_report_as_one(tmp_path: Path) -> None:
    start(tmp_path, experiment("two", engine="ddp")).communicate(timeout=60)
    found = results(tmp_path)["arm0"]
    assert found["losses"] == [1.5]
    assert math.isnan(found["step_losses"][0])
    assert found["peak_mb"] == 20.0
    assert found["measures"] == {
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "processes": 2,
    }


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_ended_takes_its_ranks_along(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, experiment("second hangs", "second leaves", engine="ddp"))
    end = time.monotonic() + 20.0
    while time.monotonic() < end and len(_pids(tmp_path)) < 4:
        time.sleep(0.05)
    assert len(_pids(tmp_path)) == 4
    process.send_signal(number)
    process.wait(timeout=20)
    assert soon_none(tmp_path)


def test_an_arm_sees_no_token_and_no_hub(tmp_path: Path) -> None:
    process = start(tmp_path, experiment("nothing"))
    process.communicate(timeout=60)
    assert results(tmp_path)["arm0"]["measures"] == {"token": "", "offline": "1", "here": True}


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_worker_that_is_ended_takes_its_arms_along(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, experiment("hang", "hang"))
    end = time.monotonic() + 20.0
    while time.monotonic() < end and len(_pids(tmp_path)) < 4:
        time.sleep(0.05)
    assert len(_pids(tmp_path)) == 4
    process.send_signal(number)
    process.wait(timeout=20)
    if number == signal.SIGKILL:
        # No handler runs then: the kernel ends the arms, and what these started is the caller's session to
        # end.
        started = [pid for pid in alive(tmp_path) if Path(f"/proc/{pid}/comm").read_text() == "sleep\n"]
        for pid in started:
            os.kill(pid, signal.SIGKILL)
        assert soon_none(tmp_path)
    else:
        assert soon_none(tmp_path)


def _pids(folder: Path) -> list[str]:
    path = folder / "pids"
    return path.read_text().split() if path.exists() else []


def test_the_worker_needs_nothing_of_cfglints(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-I", str(WORKER), "--environment"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["python"].startswith("3.")


def test_the_workers_files_import_only_the_standard_library_and_training_libraries() -> None:
    import ast

    allowed = {*sys.stdlib_module_names, "torch", "transformers", "peft", "trl", "datasets", "bitsandbytes"}
    allowed |= {"safetensors", "tokenizers", "deepspeed"}
    for path in WORKER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in allowed, path
