"""The command line: one module per command, imported when it is called."""

from __future__ import annotations

import gc
import os
import sys

#: Command -> module and one line of help, so that listing them imports none.
COMMANDS = {
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


def run() -> None:
    """The entry point: no traceback for a closed pipe."""
    # Almost all that a lint allocates lives until it ends: looking for garbage meanwhile costs a tenth of the time.
    gc.set_threshold(200_000)
    try:
        paths = _plain_paths(sys.argv[1:])
        if paths is not None:
            from cfglint.cli.checking import check

            sys.exit(check(paths, {"environment": os.environ.get("CFGLINT_ENVIRONMENT")}))
        from cfglint.cli.group import main

        main(prog_name="cfglint")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    finally:
        # Else the interpreter looks through all of it once more as it ends, which takes a seventh of the time.
        gc.freeze()


def _plain_paths(arguments: list[str]) -> tuple[str, ...] | None:
    """The paths of ``cfglint [check] PATH…`` without options, which is what hooks run; None for anything else.

    Such a call needs no option parser, and importing one costs more than linting a file.
    """
    if arguments[:1] == ["check"]:
        arguments = arguments[1:]
    elif arguments and arguments[0] in COMMANDS:
        return None
    if any(argument.startswith("-") for argument in arguments):
        return None
    if "CFGLINT_OUTPUT_FORMAT" in os.environ or "_CFGLINT_COMPLETE" in os.environ:
        return None  # a choice to be checked, or a shell that asks for completions
    return tuple(arguments)
