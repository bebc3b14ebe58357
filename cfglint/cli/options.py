"""Options that several commands take, each said once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cfglint.model.finding import SEVERITIES
from cfglint.report import FORMATS

#: What a file can hold besides: the page with the experiments' curves.
PAGE = "html"
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def together(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Several options as one decorator, shown in this order."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _outputs(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Format and file of each ``--output``; an experiment takes a minute, so a mistake is said before it runs."""
    found = []
    for value in values:
        chosen, equals, path = value.partition("=")
        if not equals or not path or chosen not in (*FORMATS, PAGE):
            raise click.BadParameter(
                f"{value}: expected FORMAT=FILE, FORMAT one of {', '.join((*FORMATS, PAGE))}"
            )
        folder = os.path.dirname(path)
        if os.path.isdir(path) or not os.path.isdir(folder or "."):
            raise click.BadParameter(
                f"{path}: {'is a folder' if os.path.isdir(path) else f'no folder {folder}'}"
            )
        found.append((chosen, path))
    return tuple(found)


OUTPUT_FORMAT = click.option(
    "-f",
    "--output-format",
    type=click.Choice(FORMATS),
    envvar="CFGLINT_OUTPUT_FORMAT",
    help="How findings are shown (default: text).",
)
OUTPUT = click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=FILE",
    callback=_outputs,
    help="Also write the report to a file: json=report.json, sarif=cfglint.sarif, html=page.html (with --verify).",
)
SELECT = click.option(
    "--select", multiple=True, metavar="RULE,…", help="Only these rules: names, codes, code prefixes, ALL."
)
IGNORE = click.option("--ignore", multiple=True, metavar="RULE,…", help="Not these rules.")
FAIL_ON = click.option(
    "--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on (default: warning)."
)
TARGET = click.option(
    "--target",
    multiple=True,
    metavar="KEY=VALUE",
    help="State what files cannot: gpu=T4, processes=8, python=3.11, transformers=4.57.1.",
)
ENVIRONMENT = click.option(
    "--environment",
    envvar="CFGLINT_ENVIRONMENT",
    help="Installed packages to read: auto, none, or a path (default: auto).",
)
RULES = click.option(
    "--rules",
    "rule_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder with rules of your own.",
)
COLOR = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
)
#: What a lint goes by, whatever is done with its findings.
LINTING = together(
    OUTPUT_FORMAT,
    OUTPUT,
    SELECT,
    IGNORE,
    FAIL_ON,
    click.option("--preview", is_flag=True, help="Also run preview rules."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match."),
    RULES,
    TARGET,
    ENVIRONMENT,
    click.option("--show-undecided", is_flag=True, help="List the checks that could not be decided."),
    click.option(
        "--stdin-filename", metavar="NAME", help="With the path -: read standard input under this name."
    ),
    COLOR,
)
