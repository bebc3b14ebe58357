"""Which version of which package was taken from where, what it overruled, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from cfglint.linting import Linted, Options, lint
from cfglint.model.run import Versions
from cfglint.packages.requirement import Requirement


def list_sources(options: Options) -> int:
    """Show the packages of every run; returns the exit code: 3 when a folder holds no dependency file."""
    linted = lint(options)
    for path in linted.missing:
        click.echo(f"cfglint: {path}: no such file or folder", err=True)
    if linted.missing:
        return 2
    lines = list(
        dict.fromkeys(line for run in linted.runs for line in described_packages(run.packages.values()))
    )
    for line in [*lines, *skipped_lines(linted)]:
        click.echo(line)
    names = {name for run in linted.runs for name in run.packages}
    click.echo(f"{len(names)} packages")
    return 3 if linted.nothing_found else 0


def described_packages(sets: Iterable[Versions]) -> Iterator[str]:
    """A line for each package: version, where it was said, and what that overrules."""
    for versions in sorted(sets, key=lambda each: each.package):
        chosen: Any = versions
        where = ", ".join(dict.fromkeys(where_said(entry) for entry in chosen.requirements))
        line = f"{versions.package:24} {versions.text():20} {where}"
        over = dict.fromkeys(
            f"{entry.specifier or 'any version'} in {where_said(entry)}" for entry in chosen.overruled
        )
        yield f"{line} (not {'; '.join(over)})" if over else line


def skipped_lines(linted: Linted) -> Iterator[str]:
    """A line for each file, or part of one, that was not read."""
    for skipped in linted.report.skipped:
        yield f"not read: {skipped.path}: {skipped.reason}"


def where_said(entry: Requirement) -> str:
    """The file and line that say it, else what does: "the target", "installed in .venv"."""
    if entry.place is None:
        return entry.origin
    source, span = entry.place
    return f"{source.path}:{source.position(span.start).line}"
