"""Whether a version lies in a version range of a rule, in the order of PEP 440.

Rules speak of bugs, so ``<0.9.3`` holds for 0.9.3.dev0 and 0.9.3rc1, which were built before the fix; a PEP
440 specifier set would exclude them. Local parts ("+cu124") play no role unless the rule names one. This
module imports packaging; import it only where a version is compared.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

_CLAUSE = re.compile(r"\s*(===|==|!=|<=|>=|<|>|~=)\s*([^\s,]+)\s*")


class Clause(NamedTuple):
    """One comparison; ``version`` lacks the wildcard, which ``prefix`` stands for."""

    operator: str
    version: Version
    prefix: bool


class Bounds(NamedTuple):
    """The interval a specifier lies in; None is no bound. ``exact`` says that it is the whole interval."""

    low: Version | None
    low_included: bool
    high: Version | None
    high_included: bool
    exact: bool


@lru_cache(maxsize=4096)
def version_of(text: str) -> Version | None:
    """A version, or None when the text is not one."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


@lru_cache(maxsize=1024)
def clauses(specifier: str) -> tuple[Clause, ...]:
    """The clauses of a specifier set; raises ValueError when one is not a comparison with a version."""
    found = []
    for part in specifier.split(","):
        if not part.strip():
            continue
        match = _CLAUSE.fullmatch(part)
        if match is None:
            raise ValueError(f"not a version comparison: {part.strip()!r}")
        text = match[2]
        prefix = text.endswith(".*")
        version = version_of(text.removesuffix(".*"))
        if version is None or (prefix and match[1] not in ("==", "!=")):
            raise ValueError(f"not a version comparison: {part.strip()!r}")
        if match[1] == "~=":
            if len(version.release) < 2:
                raise ValueError(f"~= needs two parts: {part.strip()!r}")
            series = Version(f"{version.epoch}!" + ".".join(map(str, version.release[:-1])))
            found += [Clause(">=", version, False), Clause("==", series, True)]
        else:
            found.append(Clause(match[1], version, prefix))
    return tuple(found)


def in_range(version: Version, specifier: str) -> bool:
    """Whether a version lies in a range, in version order; raises ValueError for a malformed range."""
    return all(_holds(version, clause) for clause in clauses(specifier))


def _holds(version: Version, clause: Clause) -> bool:
    if version.local and not clause.version.local:
        version = Version(version.public)
    if clause.prefix:
        return _in_series(version, clause.version) == (clause.operator == "==")
    if clause.operator in ("==", "==="):
        return version == clause.version
    if clause.operator == "!=":
        return version != clause.version
    if clause.operator == "<":
        return version < clause.version
    if clause.operator == "<=":
        return version <= clause.version
    return version > clause.version if clause.operator == ">" else version >= clause.version


def _in_series(version: Version, series: Version) -> bool:
    length = len(series.release)
    release = (version.release + (0,) * length)[:length]
    return version.epoch == series.epoch and release == series.release


def bounds(specifier: str) -> Bounds:
    """The interval of a specifier set; raises ValueError for a malformed one."""
    low = high = None
    low_included = high_included = False
    exact = True
    for operator, version, prefix in clauses(specifier):
        if operator == "!=":
            exact = False
            continue
        lower, upper = _interval(operator, version, prefix)
        if lower is not None and (low is None or (lower[0], not lower[1]) > (low, not low_included)):
            low, low_included = lower
        if upper is not None and (high is None or (upper[0], upper[1]) < (high, high_included)):
            high, high_included = upper
    return Bounds(low, low_included, high, high_included, exact)


_End = tuple[Version, bool]


def _interval(operator: str, version: Version, prefix: bool) -> tuple[_End | None, _End | None]:
    if prefix:
        after = (*version.release[:-1], version.release[-1] + 1)
        first, last = (
            Version(f"{version.epoch}!" + ".".join(map(str, parts)) + ".dev0")
            for parts in (version.release, after)
        )
        return (first, True), (last, False)
    if operator in ("==", "==="):
        return (version, True), (version, True)
    if operator in ("<", "<="):
        return None, (version, operator == "<=")
    return (version, operator == ">="), None


def disjoint(one: Bounds, other: Bounds) -> bool:
    """Whether no version lies in both intervals."""
    return _ends_before(one, other) or _ends_before(other, one)


def _ends_before(one: Bounds, other: Bounds) -> bool:
    if one.high is None or other.low is None:
        return False
    return one.high < other.low or (one.high == other.low and not (one.high_included and other.low_included))


def inside(inner: Bounds, outer: Bounds) -> bool:
    """Whether every version of the inner interval lies in the outer one, which must be exact."""
    if not outer.exact:
        return False
    if outer.low is not None and (
        inner.low is None
        or inner.low < outer.low
        or (inner.low == outer.low and inner.low_included and not outer.low_included)
    ):
        return False
    return outer.high is None or not (
        inner.high is None
        or inner.high > outer.high
        or (inner.high == outer.high and inner.high_included and not outer.high_included)
    )
