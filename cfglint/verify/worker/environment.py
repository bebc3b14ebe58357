"""What the training environment holds, without importing any of it."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "trl",
    "bitsandbytes",
    "datasets",
    "deepspeed",
    "flash-attn",
    "unsloth",
    "liger-kernel",
    "torchao",
    "numpy",
)


def environment() -> dict[str, str]:
    """Names and versions of what decides an experiment's outcome."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
