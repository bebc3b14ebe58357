"""What keeps an arm from reaching the user's world: no network, no tokens, capped memory, no orphans."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "WANDB_MODE": "disabled",
    "WANDB_DISABLED": "true",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "OMP_NUM_THREADS": "1",
}
SECRETS = ("TOKEN", "API_KEY", "SECRET", "PASSWORD")
# Variables of a launcher in whose shell the worker may have been started: one process is meant here.
LAUNCHER = (
    "RANK",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "ACCELERATE_",
    "DEEPSPEED_",
)
PR_SET_PDEATHSIG = 1
SIGKILL = 9


def quiet_environment(scratch: str) -> None:
    """Sets the environment variables that keep the libraries offline, and caches and outputs inside
    `scratch`.
    """
    for name in list(os.environ):
        if any(word in name.upper() for word in SECRETS) or name.startswith(LAUNCHER):
            del os.environ[name]
    os.environ.update(OFFLINE)
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "TORCH_HOME", "TRITON_CACHE_DIR"):
        os.environ[name] = os.path.join(scratch, name.lower())


def refuse_network() -> None:
    """Makes connections to anything but this machine raise OSError."""
    connect = socket.socket.connect

    def only_local(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise OSError("cfglint's worker opens no network connection")
        connect(self, address)

    socket.socket.connect = only_local


def cap_memory(megabytes: int) -> None:
    """Caps what this process may allocate beyond what it holds now (Linux: private writable memory; else
    nothing).
    """
    try:
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    limit = held + megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def die_with_parent(number: int = SIGKILL) -> None:
    """Asks the kernel to signal this process when its parent dies (Linux; elsewhere the parent's handlers do
    it).
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def peak_megabytes() -> float:
    """The most memory this process has held, in MiB; 0.0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def death(status: int) -> str:
    """How a process ended, by what `waitpid` says of it."""
    if os.WIFSIGNALED(status):
        return f"the process was ended by signal {os.WTERMSIG(status)}"
    return f"the process ended with status {os.WEXITSTATUS(status)} and no result"
