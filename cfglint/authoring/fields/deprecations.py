"""What a library says about settings that are on their way out, and which settings replace them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any

_DEPRECATED = re.compile(
    r"(?:^\W*|[.!]\s+)(?:is\s+)?deprecated\b|\[deprecated"
    r"|\b(?:this|it)\s+(?:\w+\s+)?(?:is|was|has been)\s+(?:now\s+)?deprecated",
    re.IGNORECASE,
)
_REPLACEMENT = re.compile(
    r"(?:\buse|in favou?r of|replaced by|renamed to|alias of|please set|the use of)\s+(?:the\s+)?"
    r"(?:[`'\"]-{0,2}(\w+)[`'\"=(:]|(\w*_\w+)(?= instead))",
    re.IGNORECASE,
)


def says_deprecated(text: str) -> bool:
    """Whether a help text calls its setting deprecated (not one of its values, or another thing)."""
    return _DEPRECATED.search(text) is not None


def replacement(text: str) -> str | None:
    """The setting that a deprecation text says to use instead; None if it names none."""
    named = _REPLACEMENT.search(text)
    return (named.group(1) or named.group(2)) if named else None


def add_warned(fields: dict[str, dict[str, Any]], node: ast.ClassDef) -> None:
    """Deprecations that the class only speaks of in a FutureWarning or DeprecationWarning."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or ast.unparse(call.func).rpartition(".")[2] not in {
            "warn",
            "warning_once",
        }:
            continue
        if not re.search(r"FutureWarning|DeprecationWarning", ast.unparse(call)) or not call.args:
            continue
        text = "".join(
            part.value
            for part in ast.walk(call.args[0])
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        subject = re.match(r"\W*(?:the |using )?[`'\"]-{0,2}(\w+)[`'\"]", text, re.IGNORECASE)
        if subject and subject.group(1) in fields and "deprecated" in text:
            fields[subject.group(1)].setdefault("deprecated", replacement(text) or True)


def check_replacements(fields: dict[str, dict[str, Any]], inherited: Collection[str]) -> None:
    """Keep a replacement's name only if it is a setting beside the deprecated one."""
    for name, row in fields.items():
        use = row.get("deprecated")
        if isinstance(use, str) and (use == name or (use not in fields and use not in inherited)):
            row["deprecated"] = True
