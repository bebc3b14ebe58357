"""The experiments for the findings of a lint, and the commands that repeat them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cfglint.cli.verify_options import DEFAULTS
from cfglint.engine.settings_of import fix_of, known_settings, run_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import finding_json
from cfglint.verify.plan import Options, plan
from cfglint.verify.spec import Experiment, Verdict, could_not_run


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


def plans_for(
    linted: Linted, findings: Sequence[Finding], given: Mapping[str, Any]
) -> list[Experiment | Verdict]:
    """For each finding its experiment, or why there is none."""
    prepared = []
    for finding in findings:
        facts = run_of(finding, linted.runs, linted.rules)
        fix = fix_of(finding.rule, facts, linted.rules) if facts is not None else {}
        prepared.append((finding, facts, fix))
    plans: list[Experiment | Verdict] = []
    for finding, facts, fix in prepared:
        if facts is None:
            plans.append(could_not_run(finding.rule, "no experiment belongs to this finding"))
            continue
        others = [
            other
            for item, other_facts, other in prepared
            if item is not finding and other_facts is not None and other_facts.run is facts.run
        ]
        rule = linted.rules.cold[finding.rule]
        stated = {**finding_json(finding), "condition": rule["condition"]}
        plans.append(plan(stated, known_settings(facts), rule["verify"], fix, others, limits(given)))
    return plans


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
