"""``cfglint audit [FILES]``: judge package versions alone, from dependency files or an environment."""

from __future__ import annotations

import sys
from typing import Any

import click

from cfglint.cli import options


@click.command("audit")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--python",
    "environment",
    metavar="PATH",
    help="Audit an interpreter's or virtual environment's packages.",
)
@click.option(
    "--list", "listing", is_flag=True, help="Show which package was read from where, and judge nothing."
)
@click.option(
    "--export-osv",
    "export_folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Write the advisories as OSV records, and judge nothing.",
)
@options.OUTPUT_FORMAT
@options.SELECT
@options.IGNORE
@options.FAIL_ON
@click.option("--fix", is_flag=True, help="Apply fixes that cannot change a run's meaning.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply other fixes, such as changed pins.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@options.TARGET
@options.COLOR
def command(
    paths: tuple[str, ...], environment: str | None, listing: bool, export_folder: str | None, **given: Any
) -> None:
    """Audit requirement and lock files, or an installed environment.

    FILES are dependency files or folders that hold some (default: the working folder). Training configs beside them
    are read too, since many advisories depend on the model and the settings.
    """
    from cfglint.cli.checking import check

    if export_folder:
        sys.exit(_export(export_folder))
    given["environment"] = environment or "none"
    if environment and not paths:
        from cfglint.cli.environment_audit import audit_environment, list_environment

        sys.exit(list_environment(environment) if listing else audit_environment(environment, given))
    if listing:
        sys.exit(_list(paths, given))
    sys.exit(check(paths, given, only_dependencies=True))


def _list(paths: tuple[str, ...], given: dict[str, Any]) -> int:
    from cfglint.cli.checking import options_from, settings_for
    from cfglint.cli.package_listing import list_sources
    from cfglint.engine.ruleset import RulesError
    from cfglint.settings import SettingsError

    try:
        return list_sources(options_from(paths, given, settings_for(paths), only_dependencies=True))
    except (RulesError, SettingsError) as error:
        click.echo(f"cfglint: {error}", err=True)
        return 2


def _export(folder: str) -> int:
    from cfglint.audit.osv import export
    from cfglint.engine.ruleset import RulesError, load_rules

    try:
        count, left_out = export(load_rules().cold, folder)
    except (RulesError, OSError) as error:
        click.echo(f"cfglint: {error}", err=True)
        return 2
    click.echo(
        f"{count} records in {folder}; {len(left_out)} advisories need several packages at once, or none"
    )
    return 0
