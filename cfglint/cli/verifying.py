"""Run the experiments for the findings of a lint: what ``cfglint --verify`` and ``cfglint verify`` do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from cfglint.cli.checking import exit_code, say, settings_for, show, write_report
from cfglint.cli.options import PAGE
from cfglint.cli.planning import limits, repeats
from cfglint.cli.proofs import Outcome, page_of, plot_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import finding_json
from cfglint.settings import Settings
from cfglint.verify.findings import plans_for
from cfglint.verify.spec import Experiment, Verdict, verdict_to_json
from cfglint.verify.verify import verify


def verify_linted(linted: Linted, given: Mapping[str, Any]) -> int:
    """Plan, run and show the experiments for the findings of a lint; returns the exit code of the lint."""
    settings = settings_for(tuple(given["paths"]))
    only = given["only"]
    found = linted.report.findings
    chosen = {
        place: item for place, item in enumerate(found) if not only or item.rule in only or item.code in only
    }
    if only and not chosen:
        say(f"cfglint: nothing to verify: no finding of {', '.join(only)}", err=True)
    plans = plans_for(linted, list(chosen.values()), limits(given))
    if given["plan_only"]:
        return _plan_only(linted, chosen, dict(zip(chosen, plans, strict=True)), given, settings)
    if given["versions"]:
        from cfglint.cli.verify_versions import prove

        plans = prove(linted, list(chosen.values()), plans, given)
    jobs, use_cache, python = given["jobs"], not given["no_cache"], str(given["python"])
    quiet = (given.get("output_format") or settings.output_format) != "text" or not sys.stderr.isatty()
    total = sum(item.runs for item in plans if isinstance(item, Experiment))
    if quiet or not total:
        verdicts = verify(plans, python, jobs, use_cache, repeats(given))
    else:
        with click.progressbar(length=total, label="verifying", file=sys.stderr) as bar:
            verdicts = verify(
                plans, python, jobs, use_cache, repeats(given), on_notice=lambda _notice: bar.update(1)
            )
    outcomes = {
        place: Outcome(
            finding_json(finding), item if isinstance(item, Experiment) else None, verdict, results
        )
        for (place, finding), item, (verdict, results) in zip(chosen.items(), plans, verdicts, strict=True)
    }
    findings = tuple(
        finding._replace(verdict=verdict_to_json(outcomes[place].verdict)) if place in outcomes else finding
        for place, finding in enumerate(found)
    )
    for kind, path in given["outputs"]:
        if kind == PAGE:
            write_report(path, page_of(list(outcomes.values())))
    shown = linted._replace(report=linted.report._replace(findings=findings))
    plots = {found[place].fingerprint: plot_of(outcome) for place, outcome in outcomes.items()}
    show(shown, given, settings, plots)
    return exit_code(shown, given, settings)


def _plan_only(
    linted: Linted,
    chosen: Mapping[int, Finding],
    planned: dict[int, Experiment | Verdict],
    given: Mapping[str, Any],
    settings: Settings,
) -> int:
    from cfglint.cli.plan_files import show_plan

    releases = {}
    for place, item in list(planned.items()) if given["versions"] else ():
        from cfglint.cli.verify_versions import releases_of

        rule = linted.rules.cold.get(chosen[place].rule)
        if isinstance(item, Experiment) and rule is not None and rule["packages"]:
            pair = releases_of(linted, chosen[place], item)
            if isinstance(pair, Verdict):
                planned[place] = pair
            else:
                releases[place] = pair
    return show_plan(linted.report, planned, releases, given, settings)
