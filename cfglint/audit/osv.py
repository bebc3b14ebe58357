"""Advisories as records of the Open Source Vulnerability format, version 1.7.5, for tools that read it.

The format knows packages and versions only: an advisory about one package, or about any of several, becomes a
record; one that needs two packages at once cannot be said. Settings that must hold as well are named in
``ecosystem_specific``; a reader that ignores them sees more than there is.
https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.version import Version

from cfglint.packages.requirement import canonical_name
from cfglint.packages.version_match import bounds, in_range
from cfglint.packages.versions import releases

SCHEMA_VERSION = "1.7.5"

_REFERENCES = {
    "report": "REPORT",
    "fix": "FIX",
    "article": "ARTICLE",
    "source": "EVIDENCE",
    "measured": "EVIDENCE",
}
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def export(rules: Mapping[str, Mapping[str, Any]], folder: str) -> tuple[int, list[str]]:
    """Write a file for each advisory; returns how many records there are and the names of those left out.

    ``rules`` maps names to compiled rules (their cold part). A record whose content is already there keeps
    its time; others are modified now, or at SOURCE_DATE_EPOCH. Raises OSError.
    """
    now = time.strftime(_STAMP, time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    os.makedirs(folder, exist_ok=True)
    count, left_out = 0, []
    for name, rule in sorted(rules.items()):
        if not rule["area"].startswith("advisories"):
            continue
        built = record(name, rule, now)
        if built is None:
            left_out.append(name)
            continue
        path = os.path.join(folder, f"{built['id']}.json")
        built = _with_old_time(path, built)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(json.dumps(built, indent=2, ensure_ascii=False) + "\n")
        count += 1
    return count, left_out


def record(name: str, rule: Mapping[str, Any], modified: str) -> dict[str, Any] | None:
    """One advisory as a record; None for one that the format cannot express.

    ``modified`` is an RFC 3339 time in UTC.
    """
    packages = alternatives(rule["affects"])
    if packages is None:
        return None
    title = "".join(part if isinstance(part, str) else "…" for part in rule["fix"]["title"])
    settings = {"condition": rule["condition"], "fields": list(rule["fields"])} if rule["fields"] else {}
    affected = [
        {
            "package": {"ecosystem": "PyPI", "name": package, "purl": f"pkg:pypi/{package}"},
            "ranges": [{"type": "ECOSYSTEM", "events": pair} for pair in events(package, specifier)],
            "versions": affected_releases(package, specifier),
            **({"ecosystem_specific": settings} if settings else {}),
        }
        for package, specifier in packages
    ]
    built: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "id": f"x_CFGLINT-{rule['code']}",
        "modified": modified,
        "summary": rule["summary"],
        "details": f"{rule['why']}\n\nFix: {title}",
        "affected": affected,
        "references": [
            {"type": _REFERENCES[entry["type"]], "url": entry["url"]}
            for entry in rule["evidence"]
            if entry.get("url")
        ],
        "database_specific": {
            "rule": name,
            "severity": rule["severity"],
            "confidence": rule["confidence"],
            "symptom": list(rule["symptom"]),
            "false_positives": rule["false_positives"],
        },
    }
    if rule["withdrawn"] or rule["status"] == "removed":
        built["withdrawn"] = modified
    if rule["aliases"]:
        built["aliases"] = list(rule["aliases"])
    return built


def alternatives(affects: Any) -> list[tuple[str, str]] | None:
    """The packages and ranges any one of which suffices; None where several must meet, or none is named.

    ``affects`` is a rule's: a mapping of packages to specifiers means all of them; ``any`` and ``all`` nest.
    """
    if not isinstance(affects, Mapping) or len(affects) != 1:
        return None
    ((name, value),) = affects.items()
    if name == "all":
        return alternatives(value[0]) if len(value) == 1 else None
    if name != "any":
        return [(canonical_name(name), str(value))]
    found: list[tuple[str, str]] = []
    for item in value:
        inner = alternatives(item)
        if inner is None:
            return None
        found += inner
    return found


def affected_releases(package: str, specifier: str) -> list[str]:
    """The tabled releases in a range, oldest first."""
    return [release for release in releases(package) if in_range(Version(release), specifier)]


def events(package: str, specifier: str) -> Iterable[list[dict[str, str]]]:
    """The intervals of a range, each as its introduced and fixed (or last_affected) events."""
    limits = bounds(specifier)
    if limits.exact and (limits.low is None or limits.low_included):
        pair = [{"introduced": "0" if limits.low is None else str(limits.low)}]
        if limits.high is not None:
            pair.append({"last_affected" if limits.high_included else "fixed": str(limits.high)})
        return [pair]
    return _runs(package, specifier)


def _runs(package: str, specifier: str) -> list[list[dict[str, str]]]:
    """Intervals by the tabled releases, for a range with gaps or an open lower end."""
    found: list[list[dict[str, str]]] = []
    inside = False
    for release in releases(package):
        affected = in_range(Version(release), specifier)
        if affected and not inside:
            found.append([{"introduced": release}])
        elif inside and not affected:
            found[-1].append({"fixed": release})
        inside = affected
    return found


def _with_old_time(path: str, built: dict[str, Any]) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as handle:
            old: dict[str, Any] = json.load(handle)
    except (OSError, ValueError):
        return built
    kept = dict(built)
    kept.update((key, old[key]) for key in ("modified", "withdrawn") if key in old and key in built)
    return kept if kept == old else built
