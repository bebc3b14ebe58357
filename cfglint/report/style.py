"""Colour on a terminal: whether, and which."""

from __future__ import annotations

from collections.abc import Mapping

_CODES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "info": "\x1b[1;36m",
    "gutter": "\x1b[1;34m",
    "bold": "\x1b[1m",
    "faint": "\x1b[2m",
}
_RESET = "\x1b[0m"


def paint(text: str, role: str, color: bool) -> str:
    """A text in the colour of a role: a severity, "gutter", "bold" or "faint"."""
    return f"{_CODES[role]}{text}{_RESET}" if color and text else text


def wants_color(mode: str, is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour: ``mode`` is "auto", "always" or "never".

    "auto" obeys NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then TERM=dumb and CLICOLOR=0, then the
    terminal: the order of Python's own tracebacks.
    """
    if mode != "auto":
        return mode == "always"
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environ.get("TERM") == "dumb" or environ.get("CLICOLOR") == "0":
        return False
    return is_terminal
