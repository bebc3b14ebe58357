"""A run that no file states: canonical fields and exact pins, to ask whether a rule would hold on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfglint.engine.evaluate import truth
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RuleSet
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, Value
from cfglint.packages.versions import VersionSet


def holds(rule: str, fields: Mapping[str, Any], pins: Mapping[str, str], rules: RuleSet) -> bool | None:
    """Whether a rule holds where a run has these fields and releases; None where that decides it not.

    Raises KeyError for a rule that does not exist.
    """
    condition = next((each["when"] for each in rules.rules if each["name"] == rule), None)
    if condition is None:
        raise KeyError(rule)
    run = Run()
    run.fields = {name: Value(KNOWN, value, None, "stated") for name, value in fields.items()}
    run.packages = {name: VersionSet(name, (), "pin", (version,)) for name, version in pins.items()}
    return truth(condition, Facts(run, rules.vocabulary.derived, rules.table))
