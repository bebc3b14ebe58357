"""A run and a finding as flat data, for the verifier: it takes settings and fixes, not runs."""

from __future__ import annotations

from typing import Any

from cfglint.engine.check import place_of, render
from cfglint.engine.evaluate import truth
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RuleSet
from cfglint.model.finding import Finding
from cfglint.model.run import Run


def run_of(finding: Finding, runs: list[Run], rules: RuleSet) -> Facts | None:
    """The facts of the run that a finding was made on; None for a finding that no rule made."""
    rule = next((rule for rule in rules.rules if rule["name"] == finding.rule), None)
    if rule is None:
        return None
    for newest in (False, True):
        for run in runs:
            facts = Facts(run, rules.vocabulary.derived, rules.table, newest)
            here = any(
                place is not None
                and place.source is finding.location.source
                and place.span == finding.location.span
                for place in (place_of(at, facts) for at in rule["at"])
            )
            if here and truth(rule["when"], facts):
                return facts
    return None


def known_settings(facts: Facts) -> dict[str, Any]:
    """Every known field of a run with its value: stated, derived and default."""
    names = {*facts.run.fields, *facts.run.default_rows, *facts.derived}
    values = {name: facts.value(name) for name in sorted(names)}
    return {name: value.value for name, value in values.items() if value.known and value.value is not None}


def fix_of(rule: str, facts: Facts, rules: RuleSet) -> dict[str, Any]:
    """A rule's fix in canonical fields, its expressions filled in: {set: {field: value}, unset: [field]}."""
    fix = rules.details(rule)["fix"]
    filled = {
        field: render(value, facts) if isinstance(value, list) else value
        for field, value in fix["set"].items()
    }
    return {"set": filled, "unset": list(fix["unset"])}
