"""Verdicts that were already found, with the curves behind them, by experiment and environment, in the user's cache
folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cfglint.verify.spec import (
    VERSION,
    ArmResult,
    Experiment,
    Verdict,
    arm_result_from_json,
    experiment_to_json,
    verdict_from_json,
    verdict_to_json,
)

WORKER = Path(__file__).parent / "worker"


def folder() -> Path:
    """Where verdicts are kept: `$CFGLINT_CACHE_DIR`, else the user's cache folder."""
    own = os.environ.get("CFGLINT_CACHE_DIR")
    if own:
        return Path(own) / "verify"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "cfglint" / "verify"


def key(experiment: Experiment, environment: Mapping[str, str]) -> str:
    """What a verdict depends on: rule, settings, arms, environment, and the code that trains and judges."""
    parts = [VERSION, experiment_to_json(experiment), dict(sorted(environment.items())), _code()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def load(name: str) -> tuple[Verdict, Sequence[ArmResult]] | None:
    """The verdict kept under `name`, marked as cached, with its arm results; None where none can be read."""
    try:
        record = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
        results = [arm_result_from_json(each) for each in record["results"]]
        return verdict_from_json(record["verdict"])._replace(cached=True), results
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(name: str, verdict: Verdict, results: Sequence[ArmResult]) -> None:
    """Keeps a verdict and its arm results; a cache that can't be written is no error."""
    record = {"verdict": verdict_to_json(verdict), "results": [each._asdict() for each in results]}
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder(), delete=False, encoding="utf-8") as file:
            json.dump(record, file)
        os.replace(file.name, folder() / f"{name}.json")


def _code() -> str:
    digest = hashlib.sha256()
    for path in sorted([*Path(__file__).parent.glob("*.py"), *WORKER.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
