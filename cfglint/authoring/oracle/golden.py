"""The recorded outcomes of the real constructors: one file for each subject and anchor.

``kinds`` counts how often each exception came, by its type and the beginning of its message; ``outcomes`` is one
index into it for each configuration, in order, packed. ``digest`` tells whether the configurations are still those
that were asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cfglint.authoring.oracle.generate import DATA
from cfglint.authoring.oracle.subjects import Subject

#: The kind of a configuration that the constructor took.
TAKEN = ""


class Golden(NamedTuple):
    """Outcomes, one for each configuration: TAKEN, or what was raised."""

    packages: Mapping[str, str]
    digest: str
    outcomes: Sequence[str]


def path_of(subject: Subject, anchor: str) -> Path:
    """The file of a subject's outcomes at an anchor."""
    return DATA / "golden" / f"{subject.name}-{anchor}.json"


def digest_of(configurations: Iterable[Mapping[str, Any]]) -> str:
    """A fingerprint of configurations, in their order."""
    whole = hashlib.sha256()
    for settings in configurations:
        whole.update(json.dumps(settings, sort_keys=True).encode() + b"\n")
    return whole.hexdigest()[:16]


def kind_of(answer: Sequence[str] | None) -> str:
    """What was raised, without the values in its message; whole scripts say at which stage first."""
    if answer is None:
        return TAKEN
    message = re.sub(r"['\"`].*?['\"`]|\d[\d.e+-]*|\[.*?\]", "…", " ".join(answer[-1].split()))
    return f"{': '.join(answer[:-1])}: {message[:90]}"


def write(subject: Subject, anchor: str, golden: Golden) -> None:
    """Replaces a golden file."""
    counted = Counter(golden.outcomes)
    kinds = sorted(counted, key=lambda kind: (kind != TAKEN, -counted[kind], kind))
    places = {kind: place for place, kind in enumerate(kinds)}
    packed = b"".join(places[kind].to_bytes(2, "big") for kind in golden.outcomes)
    record = {
        "subject": f"{subject.module}.{subject.cls}",
        "packages": dict(golden.packages),
        "configurations": len(golden.outcomes),
        "digest": golden.digest,
        "kinds": [[counted[kind], kind or "taken"] for kind in kinds],
        "outcomes": base64.b64encode(zlib.compress(packed, 9)).decode(),
    }
    target = path_of(subject, anchor)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(subject: Subject, anchor: str) -> Golden:
    """Raises FileNotFoundError where the subject was not asked at this anchor."""
    record = json.loads(path_of(subject, anchor).read_text("utf-8"))
    kinds = [kind for _count, kind in record["kinds"]]
    packed = zlib.decompress(base64.b64decode(record["outcomes"]))
    indices = [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]
    outcomes = [TAKEN if kinds[index] == "taken" else kinds[index] for index in indices]
    return Golden(record["packages"], record["digest"], outcomes)
