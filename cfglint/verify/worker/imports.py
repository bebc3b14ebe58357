"""Whether modules and names can be imported: the whole experiment where two packages do not fit together."""

from __future__ import annotations

import importlib
import time
from typing import Any

from .confine import peak_megabytes
from .failures import exception_record

Record = dict[str, Any]


def run(arm: Record, variant: Record, seed: int) -> Record:
    """Imports what the workload lists and returns an arm result; what it raises is part of the result."""
    started = time.monotonic()
    result: Record = {"arm": arm["name"], "variant": variant["name"], "seed": seed, "status": "finished"}
    try:
        for name in arm["workload"].get("imports", ()):
            import_name(name)
    except Exception as error:
        result.update(status="raised", exception=exception_record(error, "setup", 0))
    result.update(seconds=round(time.monotonic() - started, 3), peak_mb=peak_megabytes())
    return result


def import_name(name: str) -> Any:
    """Imports "package.module" or "package.module:Name". Raises whatever that raises, else ImportError."""
    path, _, attribute = name.partition(":")
    module = importlib.import_module(path)
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise ImportError(f"cannot import name {attribute!r} from {path!r}") from error
