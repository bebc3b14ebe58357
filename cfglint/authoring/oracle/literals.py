"""Generated values as Python source."""

from __future__ import annotations

from typing import Any


def literal(value: Any) -> str:
    """The source of a value; one that JSON does not have stands as ``{"__name__": "torch.…"}``."""
    if isinstance(value, dict):
        if set(value) == {"__name__"}:
            return str(value["__name__"])
        return "{" + ", ".join(f"{key!r}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def arguments(settings: Any) -> str:
    """The source of keyword arguments, one a line."""
    return "".join(f"    {name}={literal(value)},\n" for name, value in settings.items())
