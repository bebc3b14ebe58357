"""What the command line says about experiments, and the commands that repeat them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from cfglint.cli.verify_options import DEFAULTS
from cfglint.verify.plan import Options


def limits(given: Mapping[str, Any]) -> Options:
    """What the command line says about experiments."""
    return Options(
        seeds=given["seeds"],
        steps=given["steps"],
        timeout_s=given["timeout"],
        memory_mb=given["memory"],
        device=given["device"],
        weights=given["weights"],
    )


def repeats(given: Mapping[str, Any]) -> Callable[[str], str]:
    """The command that repeats one rule's experiment as it ran now."""
    words = ["--python", str(given["python"])]
    for name in ("seeds", "steps", "timeout", "memory", "device", "weights", "environment"):
        if given.get(name) not in (None, DEFAULTS.get(name)):
            words += [f"--{name}", str(given[name])]
    for name, values in (("target", given["target"]), ("rules", given["rule_folders"])):
        for value in values:
            words += [f"--{name}", value]
    words += [f"--{name}" for name in ("preview", "versions") if given[name]]
    tail = shlex.join([*words, *given["paths"]])
    return lambda rule: f"cfglint verify --only {shlex.quote(rule)} {tail}"
