"""``cfglint [check] PATHS``: lint, show, fix; the exit code says clean (0), findings (1), usage (2), nothing (3)."""

from __future__ import annotations

import sys
from typing import Any

import click

from cfglint.cli import options


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path())
@options.OUTPUT_FORMAT
@options.SELECT
@options.IGNORE
@options.FAIL_ON
@click.option("--fix", is_flag=True, help="Apply fixes that cannot change a run's meaning, then lint again.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that change how the run trains.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--preview", is_flag=True, help="Also run preview rules.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match.")
@options.RULES
@options.TARGET
@options.ENVIRONMENT
@click.option("--show-undecided", is_flag=True, help="List the checks that could not be decided.")
@click.option(
    "--stdin-filename", metavar="NAME", help="With the path -: read standard input under this name."
)
@options.COLOR
@click.option(
    "--verify", is_flag=True, help="Prove the findings with a few training steps (see cfglint verify)."
)
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Lint training configs, scripts, notebooks, launch commands and dependency files.

    Without PATHS everything under the working folder is checked.
    """
    from cfglint.cli.checking import check

    sys.exit(check(paths, given))
