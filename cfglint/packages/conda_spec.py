"""Conda match specs ("pytorch=2.1", "conda-forge::trl >=0.9,<1") to requirements under pip's names."""

from __future__ import annotations

import re

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at, specifier_kind
from cfglint.source import Source, Span

#: Conda's names of packages that the Python package index knows under another.
_PIP_NAMES = {
    "pytorch": "torch",
    "pytorch-gpu": "torch",
    "pytorch-cpu": "torch",
}

_NAME = re.compile(r"(?:[\w./:-]*::)?(?P<name>[A-Za-z0-9_][\w.-]*)")
_BRACKET_VERSION = re.compile(r"version\s*=\s*['\"]?([^'\"\]]+)")
_EXACT = re.compile(r"\d+(?:\.\d+){2,}\S*")


def parse_conda_spec(source: Source, text: str, span: Span, origin: str) -> Requirement | Skipped:
    """Read one match spec; ``span`` covers it in the source.

    ``=2.1`` is the series 2.1.*; ``=2.1.0`` names one release (conda's ``=2.1.0`` also takes rebuilds of it).
    """
    exact = source.slice(span) == text
    match = _NAME.match(text)
    if match is None:
        return skipped_at(source, span.start, "not a conda package", text)
    name = canonical_name(match["name"])
    rest, _, brackets = text[match.end() :].partition("[")
    written = rest.strip()
    version_span = None
    if written and exact:
        start = span.start + text.index(written, match.end())
        version_span = Span(start, start + len(written))
    in_brackets = _BRACKET_VERSION.search(brackets)
    if not written and in_brackets:
        written = in_brackets[1].strip()
    specifier = conda_specifier(written)
    if specifier is None:
        return skipped_at(source, span.start, "a version that only conda understands", text)
    name = _PIP_NAMES.get(name, name)
    return Requirement(
        name, specifier, specifier_kind(specifier), Place(source, span), version_span, "", origin
    )


def conda_specifier(version: str) -> str | None:
    """A conda version as a PEP 440 specifier set; None for what that cannot say (alternatives, patterns)."""
    version = version.strip()
    if not version.startswith(("=", "<", ">", "!", "~")):
        version = version.split(" ")[0]
    else:
        version = version.replace(" ", "")
    if not version or version == "*":
        return ""
    clauses = []
    for clause in version.split(","):
        operator = re.match(r"[=<>!~]*", clause)
        sign = operator[0] if operator else ""
        number = clause[len(sign) :].split("=")[0]
        if not re.fullmatch(r"\d[\w.]*(?:\+[\w.]+)?\*?", number):
            return None
        series = number.endswith("*")
        number = number.rstrip("*").rstrip(".")
        if sign in ("", "=", "=="):
            one = not series and (sign in ("", "==") or _EXACT.fullmatch(number) is not None)
            clauses.append(f"=={number}" if one else f"=={number}.*")
        elif sign == "!=":
            clauses.append(f"!={number}.*" if series else f"!={number}")
        elif sign in ("<", "<=", ">", ">=", "~="):
            clauses.append(f"{sign}{number}")
        else:
            return None
    return ",".join(clauses)
