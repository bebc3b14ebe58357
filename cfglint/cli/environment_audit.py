"""Auditing an environment that no file describes, and listing what was read from where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cfglint.linting import Options, lint


def audit_environment(path: str, given: Mapping[str, Any], listing: bool) -> int:
    """Judge the packages of an interpreter, virtual environment or site-packages folder; returns the exit code.

    Their versions are written as the requirements file that would pin them, so that every finding has a place.
    """
    from cfglint.cli.check import check_text
    from cfglint.packages.environment import EnvironmentNotFoundError, environment_at, installed

    try:
        found = environment_at(path)
    except EnvironmentNotFoundError as error:
        click.echo(f"cfglint: {error}", err=True)
        return 2
    requirements = sorted(installed(found), key=lambda entry: entry.name)
    if listing:
        for entry in requirements:
            click.echo(f"{entry.name} {entry.specifier.lstrip('=')}  {entry.origin}")
        click.echo(f"{len(requirements)} packages in {found.name}")
        return 0
    text = "".join(f"{entry.name}{entry.specifier}\n" for entry in requirements)
    if found.python:
        given = {**given, "target": (*given.get("target", ()), f"python={found.python}")}
    return check_text("installed-requirements.txt", text.encode(), given)


def list_sources(paths: tuple[str, ...], given: Mapping[str, Any]) -> int:
    """Every run's packages with the text that said so, and every part that could not be read."""
    linted = lint(Options(paths=paths, environment="none", only_dependencies=True))
    shown: set[tuple[str, str, str]] = set()
    for run in linted.runs:
        for name, versions in sorted(run.packages.items()):
            entries: Any = versions
            for entry in entries.requirements:
                where = entry.origin
                if entry.place is not None:
                    where = f"{entry.place.source.path}:{entry.place.source.position(entry.place.span.start).line}"
                row = (name, versions.text(), where)
                if row not in shown:
                    shown.add(row)
                    click.echo(f"{name:24} {versions.text():24} {where}")
    for skipped in linted.report.skipped:
        click.echo(f"skipped {skipped.path}: {skipped.reason}")
    click.echo(f"{len({name for name, _, _ in shown})} packages")
    return 0 if shown else 3
