"""The curves of an experiment's arms as a few lines of text: a sparkline for each seed, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cfglint.report.curves import Scale, number, scale_of

Record = Mapping[str, Any]

NAMES = {"as_configured": "as configured", "as_fixed": "as fixed", "healthy": "healthy control"}
CURVES = {
    "step_losses": "loss",
    "grad_norms": "gradient norm",
    "applied_norms": "applied gradient norm",
    "step_changes": "weight change",
}
LEVELS, LOST = "▁▂▃▄▅▆▇█", "×"
ASCII_LEVELS, ASCII_LOST = "_.-:=+*#", "x"
#: What stands left of a sparkline and right of it, besides the row's name.
_MARGIN, _ENDS = 4, 22


def plot(experiment: Record, results: Sequence[Record], curve: str, width: int, unicode: bool) -> list[str]:
    """The lines for the loss and, where it is named, for another field of the arm results.

    `experiment` and `results` are plain data with the names of ``cfglint.verify.spec``; `width` is in columns.
    Values that are not finite are crosses. Nothing is shown of what made no step.
    """
    if not experiment["steps"]:
        return []
    lines: list[str] = []
    for field in dict.fromkeys(("step_losses", curve)) if curve else ("step_losses",):
        lines += _chart(experiment, results, field, width, unicode)
    return lines


def _chart(experiment: Record, results: Sequence[Record], field: str, width: int, unicode: bool) -> list[str]:
    # Results come in the order in which their processes ended.
    results = sorted(results, key=lambda result: result["seed"])
    several = len(experiment["variants"]) > 1
    rows: list[tuple[str, list[Record]]] = []
    for arm in experiment["arms"]:
        for variant in experiment["variants"]:
            name = NAMES.get(arm["name"], arm["name"]) + (f", {variant['name']}" if several else "")
            wanted = (arm["name"], variant["name"])
            rows.append((name.replace("_", " "), [r for r in results if (r["arm"], r["variant"]) == wanted]))
    scale = scale_of(value for _name, of in rows for run in of for value in run[field])
    steps = max((len(run[field]) for _name, of in rows for run in of), default=0)
    if not steps:
        return []
    wide = max(len(name) for name, _of in rows)
    room = max(1, width - wide - _MARGIN - _ENDS)
    seeds = len(experiment["seeds"]) if len(experiment["seeds"]) * (min(steps, 4) + 1) <= room else 1
    columns = min(steps, max(1, room // seeds - 1))
    title = f"{CURVES[field]}{' (logarithmic)' if scale.logarithmic else ''}"
    counted = f"{steps} step{'s' if steps > 1 else ''}, {seeds} seed{'s' if seeds > 1 else ''}"
    lines = [f"{title}, {counted}:"]
    for name, of in rows:
        drawn = " ".join(_sparkline(run[field], steps, columns, scale, unicode) for run in of[:seeds])
        told = _ends([value for run in of[:1] for value in run[field]]) if drawn.strip() else _ended(of)
        lines.append(f"  {name:{wide}}  {drawn:{seeds * (columns + 1) - 1}}  {told}".rstrip())
    return lines


def _sparkline(values: Sequence[float], steps: int, columns: int, scale: Scale, unicode: bool) -> str:
    """One character for each step; for each few steps, their highest, where there are more steps than columns."""
    levels, lost = (LEVELS, LOST) if unicode else (ASCII_LEVELS, ASCII_LOST)
    top, bottom = scale.y(scale.high), scale.y(scale.low)
    drawn = ""
    for column in range(columns):
        of = values[column * steps // columns : (column + 1) * steps // columns]
        if of and all(map(math.isfinite, of)):
            share = (bottom - scale.y(max(of))) / (bottom - top)
            drawn += levels[min(len(levels) - 1, int(share * len(levels)))]
        elif of:
            drawn += lost
    return drawn


def _ends(values: Sequence[float]) -> str:
    """The first and the last value of the first seed."""
    lost = sum(not math.isfinite(value) for value in values)
    if lost == len(values):
        return "never finite"
    first, last = number(values[0]), number(values[-1])
    return f"{first} to {last}" if len(values) > 1 else first


def _ended(of: Sequence[Record]) -> str:
    """Why no step was made."""
    raised = next((run["exception"] for run in of if run.get("exception")), None)
    return (
        f"raised {raised['type']}"
        if raised
        else next((run["reason"] for run in of if run["reason"]), "")[:60]
    )
