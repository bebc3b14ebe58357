"""A rule's condition on one file, clause by clause: value, where from, True, False or undecided."""

from __future__ import annotations

from typing import Any

from cfglint.engine.check import place_of, shown
from cfglint.engine.evaluate import truth
from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import RuleSet
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, UNSET, Value

_VERDICT = {True: "True", False: "False", None: "undecided"}
_INFIX = {
    "==": "==",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "in": "in",
    "notin": "not in",
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "//": "//",
    "%": "%",
    "**": "**",
}


def explain_on(
    name: str, rules: RuleSet, path: str, target: tuple[str, ...], environment: str, folders: tuple[str, ...]
) -> str:
    """The verdict of one rule on every run that a path takes part in, with each clause's values."""
    from cfglint.cli.checking import target_facts
    from cfglint.linting import Options, lint

    linted = lint(
        Options(
            paths=(path,),
            target=target_facts({}, target),
            environment=environment,
            rules=folders,
            preview=True,
        )
    )
    rule = next((rule for rule in rules.rules if rule["name"] == name), None)
    if rule is None:
        return f"{name} is withdrawn or removed and runs on nothing"
    if not linted.runs:
        return f"{path}: nothing in it was recognised as a training config"
    parts = []
    for run in linted.runs:
        facts = Facts(run, rules.vocabulary.derived, rules.table)
        for case in rules.cases(rule):
            if rule["cases"] and not any(place_of(at, facts) for at in case["at"]):
                continue
            parts.append("\n".join(_judged(name, case, run, facts)))
    return "\n\n".join(parts)


def _judged(name: str, rule: dict[str, Any], run: Run, facts: Facts) -> list[str]:
    verdict = truth(rule["when"], facts)
    lines = [f"{', '.join(source.path for source in run.sources)}: {name} is {_VERDICT[verdict]}"]
    if all(place_of(at, facts) is None for at in rule["at"]):
        lines.append(
            f"  not looked at: none of the places it reports at stands in these files ({', '.join(rule['at'])})"
        )
    clauses = rule["when"][1:] if rule["when"][0] == "and" else [rule["when"]]
    for clause in clauses:
        facts.read, facts.missing = [], []
        lines.append(f"  {_VERDICT[truth(clause, facts)]:9} {text_of(clause)}")
        for field in dict.fromkeys(facts.read):
            lines.append(f"              {field} {described(field, run, facts)}")
    return lines


def described(field: str, run: Run, facts: Facts) -> str:
    """A field's value with its provenance, for people."""
    if field.startswith("packages."):
        versions: Any = run.packages.get(field[len("packages.") :])
        if versions is None:
            return "is not said anywhere"
        where = "; ".join(dict.fromkeys(entry.origin for entry in versions.requirements if entry.origin))
        return f"= {versions.text()}" + (f" ({where})" if where else "")
    if field.startswith("steps.") and field.count(".") == 1:
        sites = run.steps.get(field[len("steps.") :])
        return (
            "at " + ", ".join(_spot(site.place) for site in sites)
            if sites
            else "is not among the calls that were read"
        )
    return provenance(facts.value(field))


def provenance(value: Value) -> str:
    """A value and where it comes from: a file and line, a default, derived, or why it is unknown."""
    where = f" ({_spot(value.place)})" if value.place is not None else ""
    if value.state == KNOWN:
        source = "" if value.origin in ("file", "") else f" [{value.origin}]"
        return f"= {shown(value.value)}{source}{where}"
    if value.state == UNSET:
        return f"is not set{where}"
    return f"is unknown: {value.origin}{where}"


def _spot(place: Any) -> str:
    position = place.source.position(place.span.start)
    return f"{place.source.path}:{position.line}"


def text_of(ir: Any) -> str:
    """A lowered condition as text."""
    head = ir[0]
    if head == "k":
        return repr(ir[1])
    if head in ("f", "v"):
        return str(ir[1])
    if head == "item":
        return f"{ir[1]}.{ir[2]}"
    if head in ("and", "or"):
        return "(" + f" {head} ".join(text_of(part) for part in ir[1:]) + ")"
    if head == "not":
        return f"not {text_of(ir[1])}"
    if head in _INFIX:
        return f"{text_of(ir[1])} {_INFIX[head]} {text_of(ir[2])}"
    if head == "if":
        return f"({text_of(ir[2])} if {text_of(ir[1])} else {text_of(ir[3])})"
    if head in ("any", "all"):
        return f"{head}({text_of(ir[3])} for {ir[1]} in {text_of(ir[2])})"
    if head == "package":
        return f"package({ir[1]!r}, {text_of(ir[2])})"
    return (
        f"{head}("
        + ", ".join(text_of(part) if isinstance(part, list) else str(part) for part in ir[1:])
        + ")"
    )
