"""An exception as part of a result. Needs no torch."""

from __future__ import annotations

import traceback
from typing import Any


def exception_record(error: BaseException, phase: str, step: int) -> dict[str, Any]:
    """Type, message and traceback of what an arm raised, and how far it had come."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "type": type(error).__name__,
        "message": str(error)[:1000],
        "phase": phase,
        "step": step,
        "traceback": "".join(lines)[-2000:],
    }
