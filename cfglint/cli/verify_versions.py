"""Experiments between releases: ``cfglint verify --advisory NAME [--bisect]`` and ``--versions`` for findings."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

from cfglint.cli.checking import say
from cfglint.cli.explain import find_rule
from cfglint.cli.planning import limits
from cfglint.engine.made_up import holds
from cfglint.engine.ruleset import RulesError, RuleSet, load_rules
from cfglint.engine.settings_of import known_settings, run_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import VERSION
from cfglint.report.text import verdict_text
from cfglint.verify.detectors import DETECTORS
from cfglint.verify.releases import pins_of_run, repaired
from cfglint.verify.reproducer import Reproducer, around, chosen, reproducer
from cfglint.verify.spec import (
    CONFIRMED,
    COULD_NOT_RUN,
    Experiment,
    Verdict,
    could_not_run,
    verdict_to_json,
)
from cfglint.verify.versions import AFFECTED, CLEAN, Pins, Row, compare, table, told

ALL = "all"
# A table's columns, in characters: release, what the advisory says, what was measured, the statistic.
COLUMNS = (14, 10, 14, 11)


def verify_advisories(given: Mapping[str, Any]) -> int:
    """Run the reproducers of advisories and show what they say.

    Returns 0 where all are confirmed (as a table: where it agrees with the advisory), 1 where one is not, 3 where one
    could not run, and 2 for a name that is none.
    """
    try:
        rules = load_rules(tuple(given["rule_folders"]))
    except RulesError as error:
        say(f"cfglint: {error}", err=True)
        return 2
    names = []
    for wanted in given["advisory"]:
        name = find_rule(wanted, rules.cold)
        if name is None and wanted != ALL:
            close = get_close_matches(wanted, rules.cold, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "; cfglint rules list shows all"
            say(f"cfglint: no rule is named {wanted!r}{hint}", err=True)
            return 2
        names += [name] if name is not None else with_reproducer(rules)
    show = _table if given["bisect"] or given["releases"] else _pair
    records, codes = [], []
    for name in dict.fromkeys(names):
        record, code = show(name, rules, given)
        records.append(record)
        codes.append(code)
    if given.get("output_format") == "json":
        say(json.dumps({"version": VERSION, "advisories": records}, indent=2))
    return max(codes, default=0)


def with_reproducer(rules: RuleSet) -> list[str]:
    """The names of all rules whose file holds a reproducer."""
    return sorted(name for name, rule in rules.cold.items() if (rule["verify"] or {}).get("versions"))


def prove(
    linted: Linted,
    findings: Sequence[Finding],
    plans: Sequence[Experiment | Verdict],
    given: Mapping[str, Any],
) -> list[Experiment | Verdict]:
    """The plans, with the verdict of a version experiment in place of each that is about releases."""
    proved = list(plans)
    for number, (finding, item) in enumerate(zip(findings, plans, strict=True)):
        rule = linted.rules.cold.get(finding.rule)
        if isinstance(item, Experiment) and rule is not None and rule["packages"]:
            if given.get("output_format") in (None, "text"):
                say(f"cfglint: {finding.rule}: building two environments", err=True)
            pair = releases_of(linted, finding, item)
            python = str(given["python"])
            proved[number] = pair if isinstance(pair, Verdict) else compare(item, *pair, python)
    return proved


def releases_of(linted: Linted, finding: Finding, experiment: Experiment) -> tuple[Pins, Pins] | Verdict:
    """The affected releases of a finding's run and those that repair it, or why there are none."""
    facts = run_of(finding, linted.runs, linted.rules)
    assert facts is not None, "a finding with an experiment has a run"
    rule = linted.rules.cold[finding.rule]
    affected = pins_of_run(rule, facts.run, experiment)
    if isinstance(affected, str):
        return could_not_run(finding.rule, affected)
    settings = known_settings(facts)
    fixed = repaired(rule, affected, lambda pins: holds(finding.rule, settings, pins, linted.rules))
    if fixed is None:
        return could_not_run(finding.rule, "the rule names no release that repairs it")
    return affected, fixed


def _planned(name: str, rules: RuleSet, given: Mapping[str, Any]) -> Reproducer | Verdict:
    return reproducer(name, rules.cold[name], limits(given))


def _pair(name: str, rules: RuleSet, given: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The affected and the fixed release, side by side: the record and the exit code."""
    made = _planned(name, rules, given)
    quiet = given.get("output_format") == "json"
    repeat = f"cfglint verify --advisory {name}"
    started = time.monotonic()
    if isinstance(made, Verdict):
        verdict, pins = made, {}
        _head(name, rules, quiet)
    else:
        pins = {"affected": dict(made.affected), "fixed": dict(made.fixed)}
        _head(name, rules, quiet, _setup(made))
        verdict = compare(made.experiment, made.affected, made.fixed, str(given["python"]))
    seconds = time.monotonic() - started
    verdict = verdict._replace(repeat=repeat, rule=name)
    if not quiet:
        say(f"verdict: {verdict_text(verdict_to_json(verdict))}")
        for arm, values in verdict.readings.items():
            say(f"  {arm:14}" + " ".join("-" if value is None else f"{value:.4g}" for value in values))
        say(f"  {seconds:.1f} s, environments included; repeat: {repeat}" if pins else "")
    record = {"advisory": name, **pins, "verdict": verdict_to_json(verdict), "seconds": round(seconds, 1)}
    return record, _code(verdict.outcome)


def _table(name: str, rules: RuleSet, given: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Every release around the bounds, a line as each is known: the record and the exit code."""
    made = _planned(name, rules, given)
    quiet = given.get("output_format") == "json"
    if not isinstance(made, Verdict) and len(made.varied) != 1:
        both = " and ".join(made.varied) or "nothing"
        made = could_not_run(name, f"its environments differ in {both}, so there is no one row of releases")
    if isinstance(made, Verdict):
        _head(name, rules, quiet)
        if not quiet:
            say(f"verdict: {verdict_text(verdict_to_json(made))}")
        return {"advisory": name, "verdict": verdict_to_json(made)}, 3
    [package] = made.varied
    fields = (rules.cold[name]["verify"]["versions"]).get("run") or {}

    def says(pins: Pins) -> bool | None:
        return holds(name, fields, pins, rules)

    releases = (
        chosen(package, given["releases"])
        if given["releases"]
        else around(package, made.affected, made.fixed, says)
    )
    if not quiet:
        _head(name, rules, quiet, _setup(made)[2:])
        say(f"  {len(releases)} releases of {package}, with {_rest(made, package)}")
        say(_line(package, "advisory", "measured", "statistic", ""))
    records: list[dict[str, Any]] = []

    def on_row(row: Row) -> None:
        # What is undecided there are settings that the small run leaves out, not its releases.
        claimed = CLEAN if says(row.pins) is False else AFFECTED
        records.append({**row._asdict(), "pins": dict(row.pins), "advisory": claimed})
        if not quiet:
            statistic = "" if row.statistic is None else f"{row.statistic:.4g}"
            reason = "" if row.outcome in (AFFECTED, CLEAN) else row.reason
            say(_line(row.pins[package], claimed, row.outcome, statistic, reason))

    table(
        made.experiment, [{**made.affected, package: each} for each in releases], str(given["python"]), on_row
    )
    differs = [
        row["pins"][package]
        for row in records
        if row["outcome"] in (AFFECTED, CLEAN) and row["outcome"] != row["advisory"]
    ]
    ran = [row for row in records if row["outcome"] != COULD_NOT_RUN]
    if not quiet:
        says_so = f"the advisory differs in {', '.join(differs)}" if differs else "as the advisory says"
        say(f"{len(ran)} of {len(records)} releases could be tried; {says_so}")
    record = {"advisory": name, "package": package, "releases": records, "differs": differs}
    return record, 3 if not ran else 1 if differs else 0


def _head(name: str, rules: RuleSet, quiet: bool, lines: Sequence[str] = ()) -> None:
    if not quiet:
        say("\n".join([f"{name} ({rules.cold[name]['code']}): {rules.cold[name]['summary']}", *lines]))


def _setup(made: Reproducer) -> list[str]:
    experiment = made.experiment
    detector = f"{experiment.detector} ({DETECTORS[experiment.detector].statistic})"
    what = (
        "an import"
        if experiment.trainer == "none"
        else f"a tiny {experiment.model}, {experiment.runs} short trainings"
    )
    return [f"  affected  {told(made.affected)}", f"  fixed     {told(made.fixed)}", f"  {what}; {detector}"]


def _rest(made: Reproducer, package: str) -> str:
    return (
        told({name: version for name, version in made.affected.items() if name != package}) or "nothing else"
    )


def _line(*cells: str) -> str:
    text = "  " + "".join(f"{cell:{width}}" for cell, width in zip(cells, COLUMNS, strict=False)) + cells[-1]
    return text.rstrip()


def _code(outcome: str) -> int:
    return 0 if outcome == CONFIRMED else 3 if outcome == COULD_NOT_RUN else 1


def refuse_misuse(paths: Sequence[str], given: Mapping[str, Any]) -> None:
    """Raises UsageError for options that do not go together, and for a specifier that is none."""
    if given["releases"]:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            SpecifierSet(given["releases"])
        except InvalidSpecifier:
            raise click.UsageError(
                f"--releases: {given['releases']} is no specifier, such as '>=4.56,<5'"
            ) from None
    if not given["advisory"]:
        for option in ("bisect", "releases"):
            if given[option]:
                raise click.UsageError(f"--{option} belongs to an advisory: add --advisory NAME")
    elif paths:
        raise click.UsageError(
            "--advisory has its own reproducer: it takes no PATHS (--versions proves findings of files)"
        )
    elif given["output_format"] not in (None, "text", "json"):
        raise click.UsageError("--advisory shows text or json")
