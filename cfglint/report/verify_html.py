"""The experiments of ``cfglint verify`` as one page: curves of the arms side by side, environment, verdicts, how to
repeat. No scripts, nothing loaded, a pure function of what was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, NamedTuple

from cfglint.report.curves import Line, number, panel, scale_of
from cfglint.report.verify_style import STYLE

ARMS = {"as_configured": "As configured", "as_fixed": "As fixed", "healthy": "Healthy control"}
OUTCOMES = {
    "confirmed": "the symptom appears as configured, and not in the healthy control",
    "not_reproduced": "please report the finding",
    "fix_ineffective": "the finding holds, and its fix does not help",
    "unstable": "the seeds disagree",
    "could_not_run": "no experiment",
}
Record = Mapping[str, Any]


class Proof(NamedTuple):
    """One finding with its verdict, as in the JSON report, with the experiment and the arm results behind it.

    `experiment` is None, and `results` are empty, where there was none; both are plain data with the names of
    ``cfglint.verify.spec``. `statistic` says in words what the detector measures.
    """

    finding: Record
    experiment: Record | None
    results: Sequence[Record]
    statistic: str


def page(proofs: Sequence[Proof]) -> str:
    """The whole page as HTML."""
    environment: Record = next(
        (_verdict(proof)["environment"] for proof in proofs if _verdict(proof).get("environment")), {}
    )
    count = {outcome: sum(_outcome(proof) == outcome for proof in proofs) for outcome in OUTCOMES}
    told = ", ".join(f"{times} {outcome.replace('_', ' ')}" for outcome, times in count.items() if times)
    packages = "".join(
        f"<span><b>{escape(name)}</b> {escape(str(version))}</span>" for name, version in environment.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>cfglint verify: {escape(told or 'no findings')}</title>\n<style>{STYLE}</style></head><body><main>\n"
        f"<h1>cfglint verify</h1><p class=lead>{len(proofs)} finding{'s' if len(proofs) != 1 else ''}: "
        f"{escape(told or 'nothing to verify')}. Each arm is a short training of a tiny model; an arm that shows the "
        "symptom where the others do not is the proof.</p>\n"
        + (f"<p class=packages>{packages}</p>\n" if packages else "")
        + (_overview(proofs) if len(proofs) > 1 else "")
        + "".join(_section(place, proof) for place, proof in enumerate(proofs))
        + "</main></body></html>\n"
    )


def _verdict(proof: Proof) -> dict[str, Any]:
    return dict(proof.finding["verdict"] or {"outcome": "could_not_run"})


def _outcome(proof: Proof) -> str:
    return str(_verdict(proof)["outcome"])


def _badge(outcome: str) -> str:
    return f'<span class="badge {escape(outcome)}">{escape(outcome.replace("_", " "))}</span>'


def _place(finding: Record) -> str:
    return f"{finding['path']}:{finding['range']['start']['line']}"


def _known(value: object) -> str:
    return (
        number(value) if isinstance(value, (int, float)) else escape(str(value)) if value is not None else "–"
    )


def _overview(proofs: Sequence[Proof]) -> str:
    rows = []
    for place, proof in enumerate(proofs):
        verdict = _verdict(proof)
        rows.append(
            f'<tr><td><a href="#f{place}">{escape(proof.finding["rule"])}</a><td>{escape(_place(proof.finding))}'
            f"<td>{_badge(_outcome(proof))}<td class=n>{_known(verdict.get('statistic'))}"
            f"<td class=n>{_known(verdict.get('threshold'))}<td class=n>{_known(verdict.get('seconds') or None)}"
        )
    head = "<tr><th>rule<th>place<th>verdict<th class=n>statistic<th class=n>threshold<th class=n>seconds"
    return f"<table class=overview>{head}{''.join(rows)}</table>\n"


def _section(place: int, proof: Proof) -> str:
    finding, verdict = proof.finding, _verdict(proof)
    told = "; ".join(filter(None, (OUTCOMES.get(_outcome(proof)), str(verdict.get("reason") or ""))))
    parts = [
        f'<section id="f{place}"><h2>{escape(finding["rule"])} {_badge(_outcome(proof))}</h2>',
        f"<p class=where>{escape(_place(finding))}</p><p>{escape(finding['message'])}</p>",
        f"<p class=reason>{escape(told)}</p>",
    ]
    if proof.experiment is not None:
        parts.append(_setup(proof.experiment, verdict))
        parts.append(_readings(proof, verdict))
        parts.append(_charts(proof.experiment, proof.results))
        parts.append(_differences(proof.experiment))
    dropped = verdict.get("dropped") or ()
    if dropped:
        items = "".join(f"<li><code>{escape(d['field'])}</code> {escape(d['reason'])}" for d in dropped)
        parts.append(
            f"<details><summary>{len(dropped)} settings not carried as they are</summary><ul>{items}</ul></details>"
        )
    if verdict.get("repeat"):
        parts.append(f"<p class=repeat>Repeat: <code>{escape(str(verdict['repeat']))}</code></p>")
    return "".join(parts) + "</section>\n"


def _setup(experiment: Record, verdict: Record) -> str:
    steps = experiment["steps"]
    told = (
        f"A tiny {experiment['model']}, {experiment['trainer']} on {experiment['device']}, "
        + (f"{steps} optimizer step{'s' if steps != 1 else ''}" if steps else "set up and not trained")
        + f", seeds {', '.join(map(str, experiment['seeds']))}."
    )
    assumed = "".join(f" Assumed: {escape(str(text))}." for text in verdict.get("assumed") or ())
    return f"<p class=setup>{escape(told)}{assumed}</p>"


def _readings(proof: Proof, verdict: Record) -> str:
    readings: Mapping[str, Sequence[object]] = verdict.get("readings") or {}
    threshold = verdict.get("threshold")
    margin = verdict.get("margin")
    what = proof.statistic + (f" (threshold {_known(threshold)})" if threshold is not None else "")
    if isinstance(margin, (int, float)) and math.isfinite(margin):
        what += f"; the nearest reading is {_known(margin)} times away from it"
    rows = "".join(
        f"<tr class={escape(arm)}><td>{escape(ARMS.get(arm, arm))}"
        + "".join(f"<td class=n>{_known(value)}" for value in values)
        for arm, values in readings.items()
    )
    head = "".join(f"<th class=n>seed {escape(str(seed))}" for seed in verdict.get("seeds") or ())
    return f"<p class=statistic>{escape(what)}</p><table class=readings><tr><th>arm{head}{rows}</table>"


def _charts(experiment: Record, results: Sequence[Record]) -> str:
    arms = [arm["name"] for arm in experiment["arms"]]
    ranks = {variant["name"]: rank for rank, variant in enumerate(experiment["variants"])}
    if not experiment["steps"] or not results:
        return ""
    # Results come in the order in which their processes ended.
    ordered = sorted(results, key=lambda result: (result["seed"], ranks.get(result["variant"], 0)))
    of_arm = {arm: [result for result in ordered if result["arm"] == arm] for arm in arms}
    cells = [f"<h3 class={arm}>{ARMS.get(arm, arm)}</h3>" for arm in arms]
    moved = [result["changes"] for result in results if result["changes"]]
    # An adapter's own matrices say little: what counts is how the weights change that it adapts.
    group = "adapted" if moved and all("adapted" in changes for changes in moved) else "all"
    by_step = any(result.get("step_changes") for result in results)
    rows: list[tuple[str, Callable[[Record], Sequence[float]], bool]] = [
        ("loss", _losses, False),
        ("gradient norm", _norms, False),
    ]
    if by_step:
        rows.append(("weight change in each step", _step_changes, False))
    if not by_step or group == "adapted":
        rows.append(("weight change over all steps", partial(_change, group=group), True))
    for title, read, dots in rows:
        lines = {
            arm: [Line(read(result), ranks.get(result["variant"], 0)) for result in of_arm[arm]]
            for arm in arms
        }
        scale = scale_of(value for of in lines.values() for line in of for value in line.values)
        axis = f"{title}, logarithmic" if scale.logarithmic else title
        # One step each makes no lines: the runs stand beside each other.
        single = all(len(line.values) <= 1 for of in lines.values() for line in of)
        for arm in arms:
            ran = any(line.values for line in lines[arm])
            chart = (
                panel(lines[arm], scale, f"{title}, {ARMS.get(arm, arm)}", dots or single)
                if ran
                else "<p class=none>no step was made</p>"
            )
            cells.append(f"<figure class={arm}><figcaption>{axis}</figcaption>{chart}</figure>")
    each = "dot" if experiment["steps"] == 1 else "line"
    key = f"One {each} for each run, crosses where a value is not finite; weight change is the norm of what the optimizer did to all trained weights."
    if group == "adapted":
        key += " Over all steps, it is that of the weights which the adapter adapts, a dot for each run."
    if len(ranks) > 1:
        first, *others = ranks
        key += f" Broad and full: {first}; dashed and hollow: {', '.join(others)}."
    raised = "".join(
        f"<li class={arm}>{ARMS.get(arm, arm)}: <code>{escape(text)}</code>"
        for arm in arms
        for text in _exceptions(of_arm[arm])
    )
    grid = "arms two" if len(ranks) > 1 else "arms"
    ended = f"<ul class=raised>{raised}</ul>" if raised else ""
    return f'<div class="{grid}" style="--arms:{len(arms)}">{"".join(cells)}</div><p class=key>{escape(key)}</p>{ended}'


def _losses(result: Record) -> Sequence[float]:
    return list(result["step_losses"] or result["losses"])


def _norms(result: Record) -> Sequence[float]:
    return list(result["grad_norms"])


def _step_changes(result: Record) -> Sequence[float]:
    return list(result.get("step_changes") or ())


def _change(result: Record, group: str) -> Sequence[float]:
    changes = result["changes"]
    return [changes[group]["norm"]] if result["step_losses"] and group in changes else []


def _exceptions(results: Sequence[Record]) -> list[str]:
    told = [
        f"{result['exception']['type']}: {result['exception']['message'][:300]}"
        if result["exception"]
        else result["reason"]
        for result in results
    ]
    return sorted({text for text in told if text})


def _differences(experiment: Record) -> str:
    arms = experiment["arms"]
    effective = [{**arm["workload"], **arm["settings"], **arm["overrides"]} for arm in arms]
    fields = sorted({field for settings in effective for field in settings})
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>"
        + "".join(f"<td>{escape(str(s.get(field, '–')))}" for s in effective)
        for field in fields
        if any(s.get(field) != effective[0].get(field) for s in effective)
    )
    head = "".join(f"<th>{ARMS.get(arm['name'], arm['name'])}" for arm in arms)
    if not rows:
        return ""
    return f"<details><summary>What differs between the arms</summary><table><tr><th>setting{head}{rows}</table></details>"
