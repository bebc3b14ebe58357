"""Every example of every rule holds, and the rules about rules too."""

from __future__ import annotations

import pytest

from cfglint.authoring.examples import check_examples, load_examples
from cfglint.authoring.lint import lint_rules
from cfglint.authoring.reproducers import lint_reproducers
from cfglint.engine.ruleset import load_rules

RULES = load_rules()
EXAMPLES = load_examples()


@pytest.mark.parametrize("name", sorted(RULES.cold))
def test_examples(name: str) -> None:
    failures = check_examples(name, RULES.cold[name], EXAMPLES[name])
    assert not failures, "\n".join(f"example {failure.example}: {failure.reason}" for failure in failures)


def test_rules_about_rules() -> None:
    assert lint_rules(RULES.cold, EXAMPLES) == []


def test_reproducers_pin_what_the_advisories_say() -> None:
    assert lint_reproducers(RULES) == []


def test_superseded_rules_exist() -> None:
    names = set(RULES.cold)
    assert {name for rule in RULES.rules for name in rule["supersedes"]} <= names


def test_at_least_the_founding_reports_are_covered() -> None:
    urls = {item.get("url", "") for cold in RULES.cold.values() for item in cold["evidence"]}
    for report in (
        "unslothai/unsloth/issues/2084",
        "unslothai/unsloth/issues/712",
        "hiyouga/LlamaFactory/issues/7268",
        "huggingface/peft/issues/1715",
        "hiyouga/LlamaFactory/issues/7416",
    ):
        assert any(report in url for url in urls), report
