"""``cfglint inspect PATH``: the runs as cfglint understands them, with the provenance of every value."""

from __future__ import annotations

import sys

import click

from cfglint.cli.clauses import described, provenance
from cfglint.cli.package_listing import described_packages, skipped_lines
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RulesError
from cfglint.model.value import UNKNOWN, UNSET


@click.command("inspect")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--target", multiple=True, metavar="KEY=VALUE", help="As for cfglint check.")
@click.option("--environment", envvar="CFGLINT_ENVIRONMENT", help="As for cfglint check.")
def command(paths: tuple[str, ...], target: tuple[str, ...], environment: str | None) -> None:
    """Show each run: its files, dialects, fields with value and origin, packages, steps, and what stayed unknown."""
    from cfglint.cli.checking import target_facts
    from cfglint.linting import Options, lint
    from cfglint.settings import SettingsError

    try:
        linted = lint(
            Options(paths=paths, target=target_facts({}, target), environment=environment or "auto")
        )
    except (RulesError, SettingsError) as error:
        click.echo(f"cfglint: {error}", err=True)
        sys.exit(2)
    if not linted.runs:
        click.echo("nothing was recognised as a training config or dependency file")
        sys.exit(3)
    for number, run in enumerate(linted.runs, 1):
        facts = Facts(run, linted.rules.vocabulary.derived, linted.rules.table)
        click.echo(f"run {number}: {', '.join(source.path for source in run.sources)}")
        click.echo(f"  dialects: {', '.join(run.dialects) or 'none'}")
        names = sorted(set(run.fields) | set(run.default_rows) | set(linted.rules.vocabulary.derived))
        values = {name: facts.value(name) for name in names if not name.endswith(".")}
        click.echo("  fields:")
        for name, value in values.items():
            if value.state not in (UNKNOWN, UNSET):
                click.echo(f"    {name} {provenance(value)}")
        unknown = [name for name, value in values.items() if value.state == UNKNOWN]
        if unknown:
            click.echo("  unknown:")
            for name in unknown:
                click.echo(f"    {name} {provenance(values[name])}")
        if run.packages:
            click.echo("  packages:")
            for line in described_packages(run.packages.values()):
                click.echo(f"    {line}")
        if run.steps:
            click.echo("  steps:")
            for name in run.steps:
                click.echo(f"    {name} {described('steps.' + name, run, facts)}")
        click.echo()
    for line in skipped_lines(linted):
        click.echo(line)
