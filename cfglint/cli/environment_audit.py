"""Auditing an environment that no file describes: a place is where a distribution says its version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from cfglint.engine.check import check_runs
from cfglint.engine.ruleset import RulesError, load_rules
from cfglint.linting import Linted, Options, selector, undecided_counts
from cfglint.model.report import CheckedFile, Report, RunSummary
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, Value
from cfglint.packages.environment import (
    Environment,
    EnvironmentNotFoundError,
    environment_at,
    installed,
    version_place,
)
from cfglint.packages.requirement import Requirement, canonical_name
from cfglint.settings import SettingsError


def audit_environment(path: str, given: Mapping[str, Any]) -> int:
    """Judge what an interpreter, virtual environment or site-packages folder holds; returns the exit code."""
    from cfglint.cli.checking import exit_code, options_from, settings_for, show

    try:
        found = environment_at(path)
        settings = settings_for(())
        linted = lint_environment(found, options_from((), given, settings))
    except (EnvironmentNotFoundError, SettingsError, RulesError) as error:
        click.echo(f"cfglint: {error}", err=True)
        return 2
    show(linted, given, settings)
    return exit_code(linted, given, settings)


def lint_environment(environment: Environment, options: Options) -> Linted:
    """The findings on the packages of an environment, without any config. Raises RulesError."""
    from cfglint.packages.versions import environment_of, tabled, version_sets

    rules = load_rules(options.rules)
    asked = rules.vocabulary.packages | tabled()
    # The others are asked for by what the libraries declare, and need no place of their own.
    distributions = installed(environment, asked, lambda file: version_place(file, _display(file)))
    distributions += [entry for entry in installed(environment) if entry.name not in asked]
    said = options.target.get("packages", {})
    stated = [
        Requirement(canonical_name(name), f"=={version}", "target", None, None, "", "the target")
        for name, version in said.items()
    ]
    python = str(options.target.get("python") or environment.python)
    run = Run()
    run.packages.update(version_sets([*stated, *distributions], environment_of(python)))
    for key, value in {"python": python, **options.target}.items():
        if key != "packages" and value:
            run.fields[f"target.{key}"] = Value(KNOWN, value, None, "target")
    checked = check_runs([run], rules, selector(options))
    shown = {name: sets.text() for name, sets in sorted(run.packages.items()) if name in asked}
    report = Report(
        findings=tuple(checked.findings),
        runs=(RunSummary((environment.name,), (), None, shown),),
        undecided=undecided_counts(checked.undecided),
        checked=tuple(CheckedFile(_display(folder), ()) for folder in environment.folders),
        skipped=(),
        named_only=True,
    )
    return Linted(report, [run], rules, (), False, tuple(checked.undecided))


def list_environment(path: str) -> int:
    """Show every distribution with its version; returns the exit code."""
    try:
        found = environment_at(path)
    except EnvironmentNotFoundError as error:
        click.echo(f"cfglint: {error}", err=True)
        return 2
    requirements = sorted(installed(found), key=lambda entry: entry.name)
    for entry in requirements:
        click.echo(f"{entry.name:24} {entry.specifier.lstrip('=')}")
    python = f", Python {found.python}" if found.python else ""
    click.echo(f"{len(requirements)} packages in {found.name}{python}")
    return 0


def _display(file: str) -> str:
    """A path relative to the working folder where that is shorter than leaving it twice."""
    shown = os.path.relpath(file)
    leaves = shown.startswith(os.path.join("..", "..", ".."))
    return (os.path.abspath(file) if leaves else shown).replace(os.sep, "/")
