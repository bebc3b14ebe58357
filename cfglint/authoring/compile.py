"""Compile ``rules/`` to two plain tables: a hot part that linting loads and a cold part that a finding needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cfglint.authoring.dialects import compile_dialects, compile_steps
from cfglint.authoring.expression import Compiled, ExpressionError, Registry, compile_expression
from cfglint.authoring.schema import Case, Rule
from cfglint.packages.version_match import clauses
from cfglint.packages.versions import VersionSet

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
#: Files of rules/ that are not rules.
NOT_RULES = ("dialects", "facts")


class RuleError(ValueError):
    """A rule file that does not hold: the message names the file, the key and what is wrong."""


def rule_files(folder: Path) -> list[Path]:
    """All rule files below a rules folder, in a stable order."""
    return [
        path
        for path in sorted(folder.rglob("*.yaml"))
        if path.parent != folder and path.relative_to(folder).parts[0] not in NOT_RULES
    ]


def read_yaml(path: Path) -> Any:
    """One YAML file; raises RuleError with the place of a syntax error."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    except yaml.YAMLError as error:
        raise RuleError(f"{path}: not valid YAML: {error}") from None


def read_rule(path: Path) -> Rule:
    """One rule file, checked against its schema. Raises RuleError naming the file and every wrong key."""
    data = read_yaml(path)
    try:
        return Rule.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise RuleError(f"{path}: " + "; ".join(lines)) from None


class Library:
    """The vocabulary that rules are compiled against: fields, steps, macros, dialects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespaces: dict[str, dict[str, Any]] = read_yaml(folder / "fields.yaml")
        macros = read_yaml(folder / "macros.yaml")
        self.symptoms: dict[str, str] = read_yaml(folder / "symptoms.yaml")
        self.types: dict[str, str] = {}
        derived: dict[str, str] = {}
        for namespace, spec in self.namespaces.items():
            for name, field in spec["fields"].items():
                full = f"{namespace}.{name}"
                self.types[full] = field if isinstance(field, str) else field["type"]
                if isinstance(field, dict) and "derived" in field:
                    derived[full] = field["derived"]
        self.steps = compile_steps(read_yaml(folder / "dialects" / "steps.yaml"))
        self.registry = Registry(
            self.field_type,
            frozenset(step["name"] for step in self.steps),
            lambda package, spec: VersionSet(package).satisfies(spec),
            macros.get("conditions", {}),
            macros.get("lists", {}),
        )
        self.derived = {
            name: self.compile(text, f"fields.yaml: {name}", boolean=False).ir
            for name, text in derived.items()
        }
        files = [path for path in sorted((folder / "dialects").glob("*.yaml")) if path.name != "steps.yaml"]
        self.dialects = compile_dialects([read_yaml(path) for path in files], self.types, self.affects_ir)

    def field_type(self, name: str) -> str | None:
        """A field's type; in an open namespace every name is a field of type any."""
        if name in self.types:
            return self.types[name]
        namespace = self.namespaces.get(name.split(".", 1)[0])
        return "any" if namespace and namespace.get("open") and "." in name else None

    def compile(self, text: str, where: str, boolean: bool = True) -> Compiled:
        """Compile one expression; raises RuleError naming where it stands."""
        try:
            return compile_expression(text, self.registry, boolean)
        except ExpressionError as error:
            raise RuleError(f"{where}: {error}") from None

    def affects_ir(self, affects: Any, where: str) -> list[Any]:
        """``affects`` as a condition: a mapping means all of its packages; ``any`` and ``all`` nest."""
        return self.compile(_affects_text(affects, where), where).ir


def _affects_text(affects: Any, where: str) -> str:
    if not isinstance(affects, dict) or not affects:
        raise RuleError(
            f"{where}: affects is a mapping of packages to PEP 440 specifiers, or any/all with a list of such"
        )
    parts = []
    for name, value in affects.items():
        if name in ("any", "all"):
            if not isinstance(value, list):
                raise RuleError(f"{where}: affects.{name} holds a list")
            joined = f" {'or' if name == 'any' else 'and'} ".join(
                _affects_text(item, where) for item in value
            )
            parts.append(f"({joined})")
        else:
            parts.append(f"package({name!r}, {str(value)!r})")
    return "(" + " and ".join(parts) + ")"


#: How a condition asks whether a framework is in charge.
_IN_CHARGE = {"unsloth": '(framework.unsloth or framework.name == "unsloth")'}


def condition_text(rule: Rule, where: str, case: Case | None = None) -> str:
    """A rule's whole condition, or that of one of its cases, as one expression: when, affects, unless, patched_by."""
    parts = [f"({rule.when})"]
    if case is not None:
        parts.append(f"({case.when})")
    for affects in (rule.affects, case.affects if case is not None else None):
        if affects is not None:
            parts.append(_affects_text(affects, where))
    if rule.unless:
        parts.append(f"not ({rule.unless})")
    for framework, spec in rule.patched_by.items():
        charge = _IN_CHARGE.get(framework, f"framework.name == {framework!r}")
        clause = charge if spec in ("*", "") else f"({charge} and package({framework!r}, {spec!r}))"
        parts.append(f"not {clause}")
    return " and ".join(part for part in parts if part != "(True)") or "True"


def read_examples(folders: Iterable[Path]) -> dict[str, list[dict[str, Any]]]:
    """The examples of every rule below some rules folders, by rule name; only tests and documentation need them."""
    found = {}
    for folder in folders:
        for path in (
            rule_files(folder) if (folder / "fields.yaml").is_file() else sorted(folder.rglob("*.yaml"))
        ):
            rule = read_rule(path)
            found[rule.name] = [example.model_dump(exclude_defaults=True) for example in rule.examples]
    return found


def compile_rule(rule: Rule, library: Library, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One rule's hot and cold part."""
    condition = library.compile(condition_text(rule, where), where)
    if rule.check and not (Path(__file__).parent.parent / "checks" / f"{rule.check}.py").is_file():
        raise RuleError(f"{where}: there is no cfglint/checks/{rule.check}.py")
    cases = [_compile_case(case, rule, library, f"{where}: {case.at}") for case in rule.cases]
    at = _places(rule.report.at)
    at += [place for case, _ in cases for place in case["at"] if place not in at]
    for place in [*at, *(related.at for related in rule.report.also)]:
        check_place(place, library, where)
    for symptom in rule.symptom:
        if symptom not in library.symptoms:
            raise RuleError(
                f"{where}: unknown symptom {symptom!r}; there are {', '.join(sorted(library.symptoms))}"
            )
    for field in [*rule.fix.set, *rule.fix.unset, *rule.fix.rename]:
        if library.field_type(field) is None:
            raise RuleError(f"{where}: fix names the unknown field {field!r}")
    for package, specifier in rule.fix.pin.items():
        try:
            clauses(specifier if specifier != "*" else "")
        except ValueError as error:
            raise RuleError(f"{where}: fix.pin.{package}: {error}") from None
    hot = {
        "name": rule.name,
        "code": rule.code,
        "status": rule.status,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "symptom": rule.symptom,
        "when": condition.ir,
        "at": at,
        "check": rule.check,
        "cases": [
            {"at": case["at"], "when": case["when"], "number": number}
            for number, (case, _) in enumerate(cases)
        ],
        "reads": rule.reads,
        "supersedes": rule.supersedes,
    }
    cold = {
        "summary": rule.summary,
        "since": rule.since,
        "message": template(rule.report.message, library, where),
        "also": [[related.at, template(related.label, library, where)] for related in rule.report.also],
        "why": " ".join(rule.why.split()),
        "false_positives": " ".join(rule.false_positives.split()),
        "fix": {
            "title": template(rule.fix.title, library, where),
            "safety": rule.fix.safety,
            "set": {
                field: template(value, library, where) if isinstance(value, str) else value
                for field, value in rule.fix.set.items()
            },
            "unset": rule.fix.unset,
            "rename": rule.fix.rename,
            "pin": rule.fix.pin,
        },
        "evidence": [
            {key: value for key, value in item.model_dump().items() if value} for item in rule.evidence
        ],
        "condition": condition_text(rule, where),
        "affects": rule.affects,
        "cases": [{key: case[key] for key in ("what", "instead", "condition")} for case, _ in cases],
        "fields": sorted({*condition.fields, *(name for _, read in cases for name in read.fields)}),
        "packages": sorted({*condition.packages, *(name for _, read in cases for name in read.packages)}),
        "verify": rule.verify.model_dump(by_alias=True, exclude_none=True) if rule.verify else None,
        "raised": rule.raised,
        "aliases": rule.aliases,
        "withdrawn": rule.withdrawn,
    }
    return hot, cold


def _compile_case(case: Case, rule: Rule, library: Library, where: str) -> tuple[dict[str, Any], Compiled]:
    text = condition_text(rule, where, case)
    condition = library.compile(text, where)
    part = {
        "at": _places(case.at),
        "when": condition.ir,
        "what": template(case.what, library, where),
        "instead": template(case.instead, library, where),
        "condition": text,
    }
    return part, condition


def _places(said: str | list[str]) -> list[str]:
    listed = said if isinstance(said, list) else [said]
    return [place.replace("_", "-") if place.startswith("packages.") else place for place in listed]


def check_place(place: str, library: Library, where: str) -> None:
    """A report place is a field, ``packages.NAME``, ``steps.NAME`` or ``run``."""
    if place in ("run", "packages") or place.startswith("packages."):
        return
    if place.startswith("steps.") and place.count(".") == 1:
        if place[6:] not in library.registry.steps:
            raise RuleError(f"{where}: unknown step {place!r}")
        return
    if library.field_type(place) is None:
        raise RuleError(f"{where}: report names the unknown field {place!r}")


def template(text: str, library: Library, where: str) -> list[Any]:
    """A message with {expression} parts: a list of texts and lowered expressions."""
    parts: list[Any] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        inner = match.group(1)
        if inner in ("what", "instead"):
            parts.append(["found", inner])
        elif inner.startswith("packages."):
            parts.append(["version", inner[len("packages.") :].replace("_", "-")])
        else:
            parts.append(library.compile(inner, f"{where}: message {match.group()!r}", boolean=False).ir)
        end = match.end()
    if end < len(text) or not parts:
        parts.append(text[end:])
    return parts


def compile_rules(folder: Path, user_folders: Iterable[Path] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile the built-in rules and user rule folders, which have the same powers.

    Returns the hot table (rules, fields, derived fields, dialects, steps) and the cold one (by rule name). Raises
    RuleError for the first file that does not hold.
    """
    library = Library(folder)
    hot: list[dict[str, Any]] = []
    cold: dict[str, Any] = {}
    codes: dict[str, str] = {}
    for root in [folder, *user_folders]:
        files = rule_files(root) if root == folder else sorted(root.rglob("*.yaml"))
        for path in files:
            rule = read_rule(path)
            where = str(path.relative_to(root))
            if path.stem != rule.name:
                raise RuleError(
                    f"{where}: the file is named {path.stem!r}, the rule {rule.name!r}; they must agree"
                )
            if rule.name in cold:
                raise RuleError(f"{where}: a rule named {rule.name!r} exists already")
            if rule.code in codes:
                raise RuleError(
                    f"{where}: code {rule.code} belongs to {codes[rule.code]!r}; codes are never reused"
                )
            codes[rule.code] = rule.name
            part, rest = compile_rule(rule, library, where)
            rest["area"] = str(path.relative_to(root).parent)
            if rule.status != "removed" and not rule.withdrawn:
                hot.append(part)
            cold[rule.name] = {
                **rest,
                "code": rule.code,
                "status": rule.status,
                "severity": rule.severity,
                "confidence": rule.confidence,
                "symptom": rule.symptom,
            }
    table = {
        "fields": library.types,
        "native": [name for name, spec in library.namespaces.items() if spec.get("native")],
        "derived": library.derived,
        "dialects": library.dialects,
        "steps": library.steps,
        "packages": sorted({package for rule in cold.values() for package in rule["packages"]}),
        "rules": hot,
    }
    return table, cold
