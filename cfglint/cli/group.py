"""The commands of ``cfglint``, each imported when it is called."""

from __future__ import annotations

import importlib
import os

import click

from cfglint import __version__
from cfglint.cli import COMMANDS


class _LazyGroup(click.Group):
    """Commands are imported when they are called; anything that is no command is a path for ``check``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if args[:1] in (["--help"], ["-h"], ["--version"]) or (args and args[0] in COMMANDS):
            return super().parse_args(ctx, args)
        if first in COMMANDS and not os.path.exists(str(first)) and args.index(str(first)) == 0:
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, ["check", *args])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(module: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(__file__), module.rsplit(".", 1)[1] + ".py"))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="llm-cfglint %(version)s")
def main() -> None:
    """A linter and dependency-version auditor for LLM fine-tuning.

    cfglint [PATHS] checks every training config, script, notebook and dependency file under the paths.
    """
