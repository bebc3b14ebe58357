"""Options that several commands take, each said once."""

from __future__ import annotations

import click

from cfglint.model.finding import SEVERITIES
from cfglint.report import FORMATS

OUTPUT_FORMAT = click.option(
    "-f",
    "--output-format",
    type=click.Choice(FORMATS),
    envvar="CFGLINT_OUTPUT_FORMAT",
    help="How findings are shown (default: text).",
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
