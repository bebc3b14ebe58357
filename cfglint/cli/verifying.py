"""Run the experiments for the findings of a lint: what ``cfglint --verify`` and ``cfglint verify`` do."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from cfglint.cli.checking import exit_code, settings_for, show, write_report
from cfglint.cli.options import PAGE
from cfglint.cli.verify_options import DEFAULTS
from cfglint.engine.settings_of import fix_of, known_settings, run_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import finding_json
from cfglint.verify.plan import Options, expected_seconds, plan
from cfglint.verify.spec import ArmResult, Experiment, Verdict, experiment_to_json, verdict_to_json
from cfglint.verify.verify import verify


def verify_linted(linted: Linted, given: Mapping[str, Any]) -> int:
    """Plan, run and show the experiments for the findings of a lint; returns the exit code of the lint."""
    settings = settings_for(tuple(given["paths"]))
    only = given["only"]
    chosen = [
        finding
        for finding in linted.report.findings
        if not only or finding.rule in only or finding.code in only
    ]
    plans = _plans(linted, chosen, given)
    jobs = given["jobs"]
    if given["plan_only"]:
        _show_plan(chosen, plans, jobs)
        return 0
    python = str(given["python"])
    quiet = (given.get("output_format") or settings.output_format) != "text" or not sys.stderr.isatty()
    experiments = [item for item in plans if isinstance(item, Experiment)]
    total = sum(item.runs for item in experiments)
    # Curves are not stored with a verdict.
    pages = [path for chosen, path in given["outputs"] if chosen == PAGE]
    use_cache = not given["no_cache"] and not pages
    repeat = _repeats(given, python)
    if quiet or not total:
        outcomes = verify(plans, python, jobs, use_cache, repeat)
    else:
        with click.progressbar(length=total, label="verifying", file=sys.stderr) as bar:
            outcomes = verify(plans, python, jobs, use_cache, repeat, on_notice=lambda notice: bar.update(1))
    verdicts = {finding.fingerprint: verdict for finding, (verdict, _) in zip(chosen, outcomes, strict=True)}
    findings = tuple(
        finding._replace(verdict=dict(verdict_to_json(verdicts[finding.fingerprint])))
        if finding.fingerprint in verdicts
        else finding
        for finding in linted.report.findings
    )
    for path in pages:
        write_report(path, _page(chosen, plans, outcomes))
    shown = linted._replace(report=linted.report._replace(findings=findings))
    show(shown, given, settings)
    return exit_code(shown, given, settings)


def _plans(linted: Linted, findings: list[Finding], given: Mapping[str, Any]) -> list[Experiment | Verdict]:
    wanted = Options(
        seeds=given["seeds"],
        steps=given["steps"],
        timeout_s=given["timeout"],
        memory_mb=given["memory"],
        device=given["device"],
        weights=given["weights"],
    )
    prepared = []
    for finding in findings:
        facts = run_of(finding, linted.runs, linted.rules)
        fix = fix_of(finding.rule, facts, linted.rules) if facts is not None else {}
        prepared.append((finding, facts, fix))
    plans: list[Experiment | Verdict] = []
    for finding, facts, fix in prepared:
        if facts is None:
            plans.append(Verdict("could_not_run", "no experiment belongs to this finding", finding.rule))
            continue
        others = [
            other
            for item, other_facts, other in prepared
            if item is not finding and other_facts is not None and other_facts.run is facts.run
        ]
        rule = linted.rules.cold[finding.rule]
        stated = {**finding_json(finding), "condition": rule["condition"]}
        plans.append(plan(stated, known_settings(facts), rule["verify"], fix, others, wanted))
    return plans


def _repeats(given: Mapping[str, Any], python: str) -> Callable[[str], str]:
    """The command that repeats one rule's experiment as it ran now."""
    words = ["--python", python]
    for name in ("seeds", "steps", "timeout", "memory", "device", "weights", "environment"):
        if given.get(name) not in (None, DEFAULTS.get(name)):
            words += [f"--{name}", str(given[name])]
    for name, values in (("target", given["target"]), ("rules", given["rule_folders"])):
        for value in values:
            words += [f"--{name}", value]
    words += ["--preview"] if given["preview"] else []
    tail = shlex.join([*words, *given["paths"]])
    return lambda rule: f"cfglint verify --only {shlex.quote(rule)} {tail}"


def _page(
    findings: list[Finding],
    plans: list[Experiment | Verdict],
    outcomes: list[tuple[Verdict, Sequence[ArmResult]]],
) -> str:
    from cfglint.report.verify_html import Proof, page
    from cfglint.verify.detectors import DETECTORS

    proofs = []
    for finding, item, (verdict, results) in zip(findings, plans, outcomes, strict=True):
        proved = finding._replace(verdict=verdict_to_json(verdict))
        if isinstance(item, Experiment):
            told = DETECTORS[item.detector].statistic
            proofs.append(Proof(proved, experiment_to_json(item), [each._asdict() for each in results], told))
        else:
            proofs.append(Proof(proved, None, (), ""))
    return page(proofs)


def _show_plan(findings: list[Finding], plans: list[Experiment | Verdict], jobs: int) -> None:
    for finding, item in zip(findings, plans, strict=True):
        spot = f"{finding.location.source.path}:{finding.location.source.position(finding.location.span.start).line}"
        if isinstance(item, Experiment):
            arms = ", ".join(arm.name for arm in item.arms)
            click.echo(
                f"{finding.rule} at {spot}: {item.runs} short trainings of a tiny {item.model} ({arms}), detector {item.detector}"
            )
        else:
            click.echo(f"{finding.rule} at {spot}: cannot run: {item.reason}")
    experiments = [item for item in plans if isinstance(item, Experiment)]
    click.echo(
        f"{len(experiments)} of {len(plans)} findings can be verified, in about {expected_seconds(experiments, jobs):.0f} s"
    )
