"""The GPU of a run: its compute capability by name, and the type that a Slurm script asks for."""

from __future__ import annotations

import re

from cfglint.model.value import KNOWN, Place, Value
from cfglint.source import Source, Span

#: CUDA compute capability by GPU name, from NVIDIA's table of CUDA GPUs; the first name that occurs counts.
CAPABILITY = {
    "h200": 9.0, "h100": 9.0, "gh200": 9.0, "b200": 10.0, "a100": 8.0, "a10": 8.6, "a40": 8.6,
    "a6000": 8.6,
    "l40": 8.9, "l4": 8.9, "4090": 8.9, "3090": 8.6, "2080": 7.5, "rtx8000": 7.5, "rtx6000": 7.5,
    "titanrtx": 7.5,
    "t4": 7.5, "v100": 7.0, "p100": 6.0, "p40": 6.1, "1080": 6.1,
}  # fmt: skip

# --gres=gpu:v100:8, --gpus-per-node v100:8, -G a100:2, --constraint="v100|a100" says nothing certain.
_REQUEST = re.compile(
    r"^[ \t]*#SBATCH[ \t]+("
    r"(?:--gres|--gpus(?:-per-(?:node|task|socket))?|-G)(?:=|[ \t]+)"
    r"(?:gpu:)?([A-Za-z][\w-]*):\d+"
    r"|(?:--constraint|-C)(?:=|[ \t]+)[\"']?([A-Za-z][\w-]*)[\"']?)[ \t]*(?:#.*)?$",
    re.MULTILINE,
)


def capability_of(name: str) -> float | None:
    """The compute capability of a GPU by its name ("Tesla V100", "rtx_2080_ti"), or None."""
    text = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((value for known, value in CAPABILITY.items() if known in text), None)


def requested_gpu(source: Source) -> dict[str, Value]:
    """``target.gpu`` and ``target.gpu_capability`` as ``#SBATCH`` lines ask for; {} if none names a GPU."""
    if "#SBATCH" not in source.text:
        return {}
    for match in _REQUEST.finditer(source.text):
        name = match[2] or match[3]
        capability = capability_of(name)
        if capability is not None:
            place = Place(source, Span(match.start(1), match.end(1)))
            return {
                "target.gpu": Value(KNOWN, name, place, "file", match[1]),
                "target.gpu_capability": Value(KNOWN, capability, place, "derived", match[1]),
            }
    return {}
