"""Asks the real constructors. Runs in an environment that has the libraries and nothing of cfglint's.

Reads one JSON line ``{"form", "module", "cls"}``, then one configuration a line; answers each with one line:
``null`` if it was taken, else ``["ValueError", "the message"]``.
"""

import contextlib
import fcntl
import functools
import importlib
import io
import json
import logging
import os
import sys
import warnings


def real(value):
    """A value of a configuration, with named objects looked up."""
    if isinstance(value, dict):
        if set(value) == {"__name__"}:
            module, *names = value["__name__"].split(".")
            return functools.reduce(getattr, names, importlib.import_module(module))
        return {key: real(inner) for key, inner in value.items()}
    return [real(inner) for inner in value] if isinstance(value, list) else value


def constructor(ask):
    """A function that takes one configuration, as the tool itself would."""
    loaded = importlib.import_module(ask["module"])
    target = getattr(loaded, ask["cls"])
    if ask["form"] == "call":
        return lambda settings: target(**settings)
    return target


def main():
    lines = sys.stdin.read().splitlines()
    # What libraries print would mix with the answers; a number given for a file name opens that descriptor.
    answers = os.fdopen(fcntl.fcntl(1, fcntl.F_DUPFD, 200), "w")
    sys.stdout = io.StringIO()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    construct = constructor(json.loads(lines[0]))
    surroundings = dict(os.environ)
    for line in lines[1:]:
        # Some arguments are handed on through the environment, and would reach the next configuration.
        os.environ.clear()
        os.environ.update(surroundings)
        sys.stdout.seek(0)
        sys.stdout.truncate()
        try:
            with contextlib.redirect_stderr(sys.stdout):
                construct(real(json.loads(line)))
            answer = None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            answer = [type(error).__name__, str(error)]
        answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
