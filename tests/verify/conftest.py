"""The training environment for tests that really train."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

NEEDED = ("torch", "transformers", "accelerate", "peft", "trl", "bitsandbytes")


@pytest.fixture(scope="session")
def training_python() -> str:
    """A Python with torch and the training libraries: this one, or CFGLINT_VERIFY_PYTHON."""
    named = os.environ.get("CFGLINT_VERIFY_PYTHON")
    if named:
        return named
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(
            f"not installed here, and CFGLINT_VERIFY_PYTHON names no other Python: {', '.join(missing)}"
        )
    return sys.executable
