"""``cfglint [check] PATHS``: lint, show, fix; the exit code says clean (0), findings (1), usage (2), nothing (3)."""

from __future__ import annotations

import sys
from typing import Any

import click

from cfglint.model.finding import SEVERITIES
from cfglint.report import FORMATS


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "-f",
    "--output-format",
    type=click.Choice(FORMATS),
    envvar="CFGLINT_OUTPUT_FORMAT",
    help="How findings are shown (default: text).",
)
@click.option(
    "--select", multiple=True, metavar="RULE,…", help="Only these rules: names, codes, code prefixes, ALL."
)
@click.option("--ignore", multiple=True, metavar="RULE,…", help="Not these rules.")
@click.option(
    "--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on (default: warning)."
)
@click.option("--fix", is_flag=True, help="Apply fixes that cannot change a run's meaning, then lint again.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that change how the run trains.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--preview", is_flag=True, help="Also run preview rules.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match.")
@click.option(
    "--rules",
    "rule_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder with rules of your own.",
)
@click.option(
    "--target",
    multiple=True,
    metavar="KEY=VALUE",
    help="State what files cannot: gpu=T4, processes=8, transformers=4.57.1.",
)
@click.option(
    "--environment",
    envvar="CFGLINT_ENVIRONMENT",
    help="Installed packages to read: auto, none, or a path (default: auto).",
)
@click.option("--show-undecided", is_flag=True, help="List the checks that could not be decided.")
@click.option(
    "--stdin-filename", metavar="NAME", help="With the path -: read standard input under this name."
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
)
@click.option(
    "--verify", is_flag=True, help="Prove the findings with a few training steps (see cfglint verify)."
)
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Lint training configs, scripts, notebooks, launch commands and dependency files.

    Without PATHS everything under the working folder is checked.
    """
    from cfglint.cli.checking import check

    sys.exit(check(paths, given))
