"""What the suite trains: each rule's own bad example, and healthy runs in which nothing may be confirmed. No torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cfglint.cli.checking import target_facts
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RuleSet
from cfglint.engine.settings_of import known_settings
from cfglint.linting import Linted, lint
from cfglint.linting import Options as LintOptions
from cfglint.verify.examples import example_folder, read_examples
from cfglint.verify.findings import plans_for
from cfglint.verify.obstacles import depends_on_calls
from cfglint.verify.plan import Options, plan
from cfglint.verify.spec import Experiment, Verdict, could_not_run

# What is looked for in a healthy run, whatever it is.
LOOKED_FOR = (
    "nonfinite_loss",
    "zero_loss",
    "same_losses",
    "loss_scaled",
    "nothing_moved",
    "exception_at_start",
)
# With these, a rule's own block brings the fault about, so that no run is healthy in its experiment.
PROVOKING = {"settings", "workload", "variants"}


class Case(NamedTuple):
    """One experiment of the suite, or why it can't run; a control is healthy, and must not be confirmed."""

    name: str
    control: bool
    plan: Experiment | Verdict


def faults(rules: RuleSet, options: Options, only: Collection[str]) -> Iterator[Case]:
    """For each rule that says how it is verified, the experiment on the first of its bad examples that has one."""
    examples = read_examples()
    for name, rule in sorted(rules.cold.items()):
        if (only and name not in only) or not _has_experiment(rule):
            continue
        found: Experiment | Verdict = could_not_run(name, "the rule has no bad example")
        for example in examples[name]:
            if "bad" not in example or isinstance(found, Experiment):
                continue
            linted = _lint(example["bad"], example.get("target", {}))
            findings = [finding for finding in linted.report.findings if finding.rule == name]
            plans = plans_for(linted, findings[:1], options)
            found = plans[0] if plans else found
        yield Case(name, False, found)


def look_alikes(rules: RuleSet, options: Options, only: Collection[str]) -> Iterator[Case]:
    """The experiment of each rule on the first of its good examples: the healthy look-alike of its fault."""
    examples = read_examples()
    for name, rule in sorted(rules.cold.items()):
        if (
            (only and name not in only)
            or not _has_experiment(rule)
            or PROVOKING & (rule["verify"] or {}).keys()
        ):
            continue
        for example in examples[name]:
            if "good" in example:
                linted = _lint(example["good"], example.get("target", {}))
                finding = {"rule": name, **{key: rule[key] for key in ("symptom", "fields", "condition")}}
                for facts in _facts(linted)[:1]:
                    if depends_on_calls(finding):
                        continue
                    found = plan(finding, known_settings(facts), rule["verify"], options=options)
                    yield Case(name, True, found)
                break


def healthy_runs(folder: str, options: Options) -> Iterator[Case]:
    """Each run below a folder of healthy configs, with every symptom that any run could show."""
    for place in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        texts = {
            path.relative_to(place).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }
        for facts in _facts(_lint(texts, {}))[:1]:
            for detector in LOOKED_FOR:
                name = f"{place.name} ({detector})"
                finding = {"rule": name, "symptom": [detector], "fields": []}
                block = {"detector": detector}
                yield Case(name, True, plan(finding, known_settings(facts), block, options=options))


def _has_experiment(rule: Mapping[str, Any]) -> bool:
    block = rule["verify"]
    return bool(block) and "not_verifiable" not in block and "versions" not in block


def _lint(files: Mapping[str, str], target: Mapping[str, Any]) -> Linted:
    facts = target_facts({}, tuple(f"{key}={value}" for key, value in target.items()))
    with example_folder(files):
        return lint(LintOptions(preview=True, environment="none", target=facts))


def _facts(linted: Linted) -> list[Facts]:
    """The facts of the runs that train something."""
    found = [Facts(run, linted.rules.vocabulary.derived, linted.rules.table, False) for run in linted.runs]
    return [facts for facts in found if any(field.startswith("training.") for field in facts.run.fields)]
