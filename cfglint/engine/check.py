"""Evaluate the rules on runs and build the findings of those that held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cfglint.engine.evaluate import UNKNOWN, UNSET, evaluate, truth
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RuleSet
from cfglint.fingerprint import fingerprint
from cfglint.model.finding import SEVERITIES, Edit, Finding, Fix, Location
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.source import Cell, Source

Locate = Callable[[Source, int], "Cell | None"]


class Undecided(NamedTuple):
    """A rule that could not be decided on a run, and what it lacked."""

    rule: str
    missing: str


class Checked(NamedTuple):
    """What the rules said about all runs."""

    findings: list[Finding]
    undecided: list[Undecided]


def check_runs(
    runs: Iterable[Run],
    rules: RuleSet,
    selected: Callable[[dict[str, Any]], bool],
    locate: Locate | None = None,
) -> Checked:
    """All findings of the selected rules, one for each rule and primary place however many runs share it."""
    findings: dict[tuple[str, str, int, int], Finding] = {}
    undecided: dict[tuple[str, str, int], Undecided] = {}
    for run in runs:
        facts = Facts(run, rules.vocabulary.derived, rules.table)
        for rule in _applicable(run, facts, rules):
            if not selected(rule):
                continue
            if rule["check"]:
                for coded in _coded(rule, run, facts, rules, locate):
                    spot = coded.location
                    findings.setdefault(
                        (rule["name"], spot.source.path, spot.span.start, spot.span.end), coded
                    )
                continue
            for case in rules.cases(rule):
                place = _place(case["at"], facts)
                if place is None:
                    continue
                finding, missing = _judge(case, run, facts, rules, place, locate)
                if finding is not None:
                    key = (rule["name"], place.source.path, place.span.start, place.span.end)
                    old = findings.get(key)
                    if old is None or SEVERITIES.index(finding.severity) > SEVERITIES.index(old.severity):
                        findings[key] = finding
                elif missing:
                    undecided.setdefault(
                        (rule["name"], place.source.path, place.span.start), Undecided(rule["name"], missing)
                    )
    kept = _without_superseded(list(findings.values()), rules)
    decided = {(finding.rule, finding.location.source.path, finding.location.span.start) for finding in kept}
    rest = [entry for key, entry in undecided.items() if key not in decided]
    return Checked(sorted(kept, key=order), rest)


def order(finding: Finding) -> tuple[Any, ...]:
    """Findings by file, then by place, then the worst first."""
    return (
        finding.location.source.path,
        finding.location.span.start,
        -SEVERITIES.index(finding.severity),
        finding.rule,
    )


def _applicable(run: Run, facts: Facts, rules: RuleSet) -> list[dict[str, Any]]:
    """The rules that have at least one place in this run to report at, in their own order."""
    seen: dict[int, dict[str, Any]] = {}
    by_place = rules.by_place
    names = [
        *run.fields,
        *(f"packages.{name}" for name in run.packages),
        *(f"steps.{name}" for name in run.steps),
        "run",
    ]
    names += [field for field in rules.vocabulary.derived if field not in run.fields]
    if run.packages:
        names.append("packages")
    for name in names:
        for rule in by_place.get(name, ()):
            seen[id(rule)] = rule
    return list(seen.values())


def place_of(at: str, facts: Facts) -> Place | None:
    """Where a field, package or step is said in the files of a run."""
    run = facts.run
    if at == "run":
        return Place(run.documents[0].source, run.documents[0].layout.anchor) if run.documents else None
    if at.startswith("packages."):
        versions: Any = run.packages.get(at[len("packages.") :].replace("_", "-"))
        if versions is None:
            return None
        said = (*versions.requirements, *versions.overruled)
        return next((entry.place for entry in said if entry.place is not None), None)
    if at.startswith("steps.") and at.count(".") == 1:
        sites = run.steps.get(at[len("steps.") :])
        return sites[0].place if sites else None
    stated = run.fields.get(at)
    if stated is not None:
        return stated.place
    return facts.value(at).place if at in facts.derived else None


def _place(at: list[str], facts: Facts) -> Place | None:
    for name in at:
        found = place_of(name, facts)
        if found is not None:
            return found
    return None


def _judge(
    rule: dict[str, Any], run: Run, facts: Facts, rules: RuleSet, place: Place, locate: Locate | None
) -> tuple[Finding | None, str]:
    facts.missing, facts.read, facts.weak = [], [], False
    verdict = truth(rule["when"], facts)
    if verdict:
        lowered = 1 if facts.weak else 0
        return _build(rule, run, facts, rules, place, lowered, locate), ""
    if verdict is None:
        missing = min(facts.missing, key=_askable, default="a value that is not static")
        if any(name.startswith("packages.") for name in facts.missing):
            newest = Facts(run, facts.derived, facts.tables, newest=True)
            if truth(rule["when"], newest):
                return _build(rule, run, newest, rules, place, 1, locate), ""
        return None, missing
    return None, ""


def _askable(name: str) -> int:
    """What a user is asked for first: a version, then the machine, then a setting, and last what a script does."""
    return {"packages": 0, "target": 1, "steps": 3}.get(name.partition(".")[0], 2)


def _coded(
    rule: dict[str, Any], run: Run, facts: Facts, rules: RuleSet, locate: Locate | None
) -> list[Finding]:
    """The findings of a rule whose places a module of cfglint.checks finds."""
    # Importing a check costs more than a small file does.
    if rule["reads"] and not any(
        document.dialect in rule["reads"] or document.layout.kind in rule["reads"]
        for document in run.documents
    ):
        return []
    if not truth(rule["when"], facts):
        return []
    import importlib

    module = importlib.import_module(f"cfglint.checks.{rule['check']}")
    findings = []
    for match in module.check(run, facts, rules.vocabulary):
        cold = rules.details(rule["name"])
        words = {"what": match.what, "instead": match.instead}
        title = render(cold["fix"]["title"], facts, words)
        edits = (Edit(match.place.source, *match.edit),) if match.edit is not None else ()
        findings.append(
            Finding(
                rule=rule["name"],
                code=rule["code"],
                severity=match.severity or rule["severity"],
                confidence=rule["confidence"],
                location=_location(match.place, "", locate),
                related=tuple(_location(place, label, locate) for place, label in match.related),
                message=render(cold["message"], facts, words),
                why=cold["why"],
                help=title,
                symptom=tuple(rule["symptom"]),
                fields=(),
                packages={name: run.packages[name].text() for name in match.packages if name in run.packages},
                evidence=tuple(cold["evidence"]),
                fix=Fix(title, cold["fix"]["safety"], edits) if edits else None,
                fingerprint=fingerprint(
                    rule["name"],
                    match.place.source.path,
                    match.what,
                    match.place.source.slice(match.place.span),
                ),
                route=match.what,
            )
        )
    return findings


def _build(
    rule: dict[str, Any],
    run: Run,
    facts: Facts,
    rules: RuleSet,
    place: Place,
    lowered: int,
    locate: Locate | None,
) -> Finding:
    cold = rules.details(rule["name"])
    fields = tuple(
        dict.fromkeys(
            name for name in facts.read if "." in name and not name.startswith(("packages.", "steps."))
        )
    )
    packages = tuple(
        dict.fromkeys(name[len("packages.") :] for name in facts.read if name.startswith("packages."))
    )
    severity = SEVERITIES[max(0, SEVERITIES.index(rule["severity"]) - lowered)]
    confidence = rule["confidence"] if not lowered else "low"
    case = cold["cases"][rule["number"]] if "number" in rule else {}
    words: dict[str, str] = {name: render(case[name], facts) for name in ("what", "instead") if case}
    # A case shows whatever else it read; a rule says which places help.
    also = [(name, [name]) for name in fields] if words else cold["also"]
    related = []
    for at, label in also:
        found = place_of(at, facts)
        if found is not None and found != place:
            related.append(_location(found, render(label, facts), locate))
    message = render(cold["message"], facts, words)
    if facts.newest:
        message += " (the newest release that the requirements admit is affected)"
    title = render(cold["fix"]["title"], facts, words)
    # Only a finding needs edits, and most files have none.
    from cfglint.engine.edits import edits_for

    edits, note = edits_for(cold["fix"], rule["when"], facts, place, lambda parts: render(parts, facts))
    if note:
        title = f"{title} ({note})"
    fix = Fix(title, cold["fix"]["safety"], edits) if edits else None
    route = next((name for name in rule["at"] if place_of(name, facts) == place), rule["at"][0])
    return Finding(
        rule=rule["name"],
        code=rule["code"],
        severity=severity,
        confidence=confidence,
        location=_location(place, "", locate),
        related=tuple(related),
        message=message,
        why=cold["why"],
        help=title,
        symptom=tuple(rule["symptom"]),
        fields=fields,
        packages={name: run.packages[name].text() for name in packages if name in run.packages},
        evidence=tuple(cold["evidence"]),
        fix=fix,
        fingerprint=fingerprint(rule["name"], place.source.path, route, place.source.slice(place.span)),
        route=route,
    )


def _location(place: Place, label: str, locate: Locate | None) -> Location:
    cell = locate(place.source, place.span.start) if locate is not None else None
    return Location(place.source, place.span, label, cell)


def render(parts: list[Any], facts: Facts, found: Mapping[str, str] | None = None) -> str:
    """A message with its expressions filled in; ``found`` holds what a coded check found."""
    text = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif part[0] == "found":
            text.append((found or {}).get(part[1], ""))
        elif part[0] == "version":
            versions = facts.run.packages.get(part[1])
            if versions is not None and facts.newest:
                versions = versions.newest() or versions
            text.append(versions.text() if versions is not None else "not pinned")
        else:
            text.append(shown(evaluate(part, facts)))
    return "".join(text)


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if value is UNKNOWN:
        return "unknown"
    if value is UNSET:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    return str(value)


def _without_superseded(findings: list[Finding], rules: RuleSet) -> list[Finding]:
    """Where two rules hold on one place and one says that it covers the other, only that one is shown."""
    covers = {rule["name"]: rule["supersedes"] for rule in rules.rules if rule["supersedes"]}
    if not covers:
        return findings
    hidden = {
        (name, finding.location.source.path, finding.location.span)
        for finding in findings
        for name in covers.get(finding.rule, ())
    }
    spots = {
        (name, place.source.path, place.span)
        for finding in findings
        for name in covers.get(finding.rule, ())
        for place in finding.related
    }
    return [
        finding
        for finding in findings
        if (finding.rule, finding.location.source.path, finding.location.span) not in hidden | spots
    ]
