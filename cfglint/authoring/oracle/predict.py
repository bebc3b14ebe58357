"""What the linter says about a generated configuration: the errors of rules marked ``raised: construction``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from cfglint.authoring.oracle.subjects import Subject
from cfglint.engine.ruleset import load_rules
from cfglint.linting import Options, lint


class Said(NamedTuple):
    """The rules that foretell an exception, and those that could not decide."""

    rules: tuple[str, ...]
    undecided: tuple[str, ...]


@cache
def raising(when: str = "construction") -> tuple[str, ...]:
    """The rules that say that their exception comes then: at ``construction``, ``build`` or ``first_step``."""
    rules = load_rules(())
    return tuple(rule["name"] for rule in rules.rules if rules.details(rule["name"])["raised"] == when)


def foretold(subject: Subject, settings: Mapping[str, Any], anchor: Mapping[str, str]) -> Said:
    """Lints one configuration, written as its users write it, against an anchor's releases."""
    options = Options(
        stdin=written(subject, settings),
        environment="none",
        target={"packages": dict(anchor)},
        select=raising(),
    )
    linted = lint(options)
    found = [finding.rule for finding in linted.report.findings if finding.severity == "error"]
    return Said(tuple(sorted(set(found))), tuple(sorted({item.rule for item in linted.undecided})))


def written(subject: Subject, settings: Mapping[str, Any]) -> tuple[str, bytes]:
    """The name and the text of a file with these settings."""
    if subject.form == "call":
        arguments = "".join(f"    {name}={_python(value)},\n" for name, value in settings.items())
        text = f"import torch\nfrom {subject.module} import {subject.cls}\n\nargs = {subject.cls}(\n{arguments})\n"
        return "train.py", text.encode()
    if subject.form == "deepspeed":
        return "ds_config.json", json.dumps(settings, indent=2).encode()
    return "train.yaml", yaml.safe_dump(dict(settings), sort_keys=False).encode()


def _python(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) == {"__name__"}:
            return str(value["__name__"])
        return "{" + ", ".join(f"{key!r}: {_python(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return repr(value)
