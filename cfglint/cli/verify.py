"""``cfglint --verify PATHS``: prove findings with a few training steps of a tiny model."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from cfglint.cli import options
from cfglint.engine.settings_of import fix_of, known_settings, run_of
from cfglint.linting import Linted
from cfglint.model.finding import Finding
from cfglint.report.json import finding_json
from cfglint.verify.plan import Options, expected_seconds, plan
from cfglint.verify.spec import ArmResult, Experiment, Verdict, experiment_to_json, verdict_to_json
from cfglint.verify.verify import verify

# What a command need not say to be repeated.
_DEFAULTS = {"seeds": 3, "timeout": 60.0, "memory": 4096, "device": "cpu"}


@click.command("verify")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--plan",
    "plan_only",
    is_flag=True,
    help="Show what would run, how long, and what cannot and why; run nothing.",
)
@click.option("--only", multiple=True, metavar="RULE", help="Verify only the findings of these rules.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 32),
    default=3,
    show_default=True,
    help="Repeat each arm with so many seeds.",
)
@click.option(
    "--steps", type=click.IntRange(1, 1000), help="Training steps of an arm (default: what the probe needs)."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    help="Seconds that one arm may take.",
)
@click.option(
    "--memory",
    type=click.IntRange(256),
    default=4096,
    show_default=True,
    metavar="MB",
    help="Memory that one arm may take.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="So many arms at once."
)
@click.option(
    "--weights",
    metavar="PATH",
    type=click.Path(exists=True),
    help="Train this checkpoint (safetensors) and no tiny random model.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to train."
)
@click.option(
    "--python", metavar="PATH", default=sys.executable, help="The interpreter of the training environment."
)
@click.option("--no-cache", is_flag=True, help="Run again what has a stored verdict.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Also write a page with the arms' curves (runs stored verdicts again).",
)
@click.option(
    "-f",
    "--output-format",
    type=click.Choice(["text", "json", "sarif"]),
    help="How findings are shown (default: text).",
)
@options.SELECT
@options.IGNORE
@options.FAIL_ON
@options.TARGET
@options.ENVIRONMENT
@options.COLOR
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Prove findings: train a tiny model as configured, as fixed and as a healthy control, and look for the symptom.

    Needs torch, transformers and accelerate in the chosen environment (pip install 'llm-cfglint[verify]').
    """
    from cfglint.cli.checking import check

    sys.exit(check(paths, {**given, "verify": True}))


def verify_linted(linted: Linted, given: Mapping[str, Any]) -> int:
    """Plan, run and show the experiments for the findings of a lint; returns the exit code of the lint."""
    from cfglint.cli.checking import exit_code, settings_for, show

    settings = settings_for(())
    only = given.get("only") or ()
    chosen = [
        finding
        for finding in linted.report.findings
        if not only or finding.rule in only or finding.code in only
    ]
    plans = _plans(linted, chosen, given)
    jobs = given.get("jobs") or 2
    if given.get("plan_only"):
        _show_plan(chosen, plans, jobs)
        return 0
    python = str(given.get("python") or sys.executable)
    quiet = (given.get("output_format") or settings.output_format) != "text" or not sys.stderr.isatty()
    experiments = [item for item in plans if isinstance(item, Experiment)]
    total = sum(item.runs for item in experiments)
    # Curves are not stored with a verdict.
    use_cache = not given.get("no_cache") and not given.get("html")
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
    if given.get("html"):
        _write_page(str(given["html"]), chosen, plans, outcomes)
    shown = linted._replace(report=linted.report._replace(findings=findings))
    show(shown, given, settings)
    return exit_code(shown, given, settings)


def _plans(linted: Linted, findings: list[Finding], given: Mapping[str, Any]) -> list[Experiment | Verdict]:
    options = Options(
        seeds=given.get("seeds") or 3,
        steps=given.get("steps"),
        timeout_s=given.get("timeout") or 60.0,
        memory_mb=given.get("memory") or 4096,
        device=given.get("device") or "cpu",
        weights=given.get("weights"),
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
        plans.append(plan(stated, known_settings(facts), rule["verify"], fix, others, options))
    return plans


def _repeats(given: Mapping[str, Any], python: str) -> Callable[[str], str]:
    """The command that repeats one rule's experiment as it ran now."""
    words = ["--python", python]
    for name in ("seeds", "steps", "timeout", "memory", "device", "weights", "environment"):
        if given.get(name) not in (None, _DEFAULTS.get(name)):
            words += [f"--{name}", str(given[name])]
    for fact in given.get("target") or ():
        words += ["--target", fact]
    tail = shlex.join([*words, *given.get("paths", ())])
    return lambda rule: f"cfglint verify --only {shlex.quote(rule)} {tail}"


def _write_page(
    path: str,
    findings: list[Finding],
    plans: list[Experiment | Verdict],
    outcomes: list[tuple[Verdict, Sequence[ArmResult]]],
) -> None:
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
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(page(proofs))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    click.echo(f"cfglint: wrote {path}", err=True)


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
