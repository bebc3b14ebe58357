"""The experiments for the findings of a lint. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from cfglint.engine.settings_of import fix_of, known_settings, run_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import finding_json
from cfglint.verify.plan import Options, plan
from cfglint.verify.spec import Experiment, Verdict, could_not_run


def plans_for(linted: Linted, findings: Sequence[Finding], options: Options) -> list[Experiment | Verdict]:
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
        plans.append(plan(stated, known_settings(facts), rule["verify"], fix, others, options))
    return plans
