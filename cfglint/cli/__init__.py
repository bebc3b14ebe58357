"""The command line: one module per command, imported when it is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys

import click

from cfglint import __version__

#: Command -> module and one line of help, so that listing them imports none.
_COMMANDS = {
    "check": (
        "cfglint.cli.check",
        "Lint training configs, scripts and dependency files (the default command).",
    ),
    "audit": (
        "cfglint.cli.audit",
        "Judge the package versions of requirement and lock files or an environment.",
    ),
    "explain": ("cfglint.cli.explain", "Explain a rule: what happens, why, how sure, what to do."),
    "inspect": ("cfglint.cli.inspect", "Show a run as cfglint understands it: fields, sources, packages."),
    "rules": ("cfglint.cli.rules", "List, test, check, create and document rules."),
    "verify": ("cfglint.cli.verify", "Prove findings with a few training steps of a tiny model."),
}


class _LazyGroup(click.Group):
    """Commands are imported when they are called; anything that is no command is a path for ``check``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in _COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if args[:1] in (["--help"], ["-h"], ["--version"]) or (args and args[0] in _COMMANDS):
            return super().parse_args(ctx, args)
        if first in _COMMANDS and not os.path.exists(str(first)) and args.index(str(first)) == 0:
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, ["check", *args])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(module: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(__file__), module.rsplit(".", 1)[1] + ".py"))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="llm-cfglint %(version)s")
def main() -> None:
    """A linter and dependency-version auditor for LLM fine-tuning.

    cfglint [PATHS] checks every training config, script, notebook and dependency file under the paths.
    """


def run() -> None:
    """The entry point: no traceback for a closed pipe."""
    # Almost all that a lint allocates lives until it ends: looking for garbage meanwhile costs a tenth of the time.
    gc.set_threshold(200_000)
    try:
        main(prog_name="cfglint")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
