"""``cfglint [check] PATHS``: lint, show, fix; the exit code says clean (0), findings (1), usage (2), nothing (3)."""

from __future__ import annotations

import sys
from typing import Any

import click

from cfglint.cli import options
from cfglint.cli.verify_options import VERIFYING, WithExperiments


@click.command("check", cls=WithExperiments)
@click.argument("paths", nargs=-1, type=click.Path())
@options.LINTING
@click.option("--fix", is_flag=True, help="Apply fixes that cannot change a run's meaning, then lint again.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that change how the run trains.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--verify", is_flag=True, help="Prove the findings with a few training steps of a tiny model.")
@VERIFYING
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Lint training configs, scripts, notebooks, launch commands and dependency files.

    Without PATHS everything under the working folder is checked.
    """
    from cfglint.cli.checking import check

    sys.exit(check(paths, given))
