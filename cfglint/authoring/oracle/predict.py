"""What the linter says about a generated configuration: the errors of rules that say at which stage they are raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from cfglint.authoring.oracle import training
from cfglint.authoring.oracle.literals import arguments
from cfglint.authoring.oracle.subjects import Subject
from cfglint.authoring.oracle.training import STAGES
from cfglint.engine.ruleset import load_rules
from cfglint.linting import Options, lint


class Said(NamedTuple):
    """The rules that foretell an exception, and those that could not decide."""

    rules: tuple[str, ...]
    undecided: tuple[str, ...]


@cache
def stages() -> Mapping[str, str]:
    """The rules that say when their exception comes, with the stage: ``construction``, ``build`` or ``first_step``."""
    rules = load_rules(())
    said = {rule["name"]: str(rules.details(rule["name"])["raised"]) for rule in rules.rules}
    return {name: stage for name, stage in said.items() if stage}


@cache
def raising(*when: str) -> tuple[str, ...]:
    """The rules whose exception comes at one of these stages."""
    return tuple(name for name, stage in stages().items() if stage in when)


def foretold(subject: Subject, settings: Mapping[str, Any], anchor: Mapping[str, str]) -> Said:
    """Lints one configuration, written as its users write it, against an anchor's releases."""
    options = Options(
        stdin=written(subject, settings),
        environment="none",
        target={"packages": dict(anchor), "processes": 1, **subject.target},
        select=raising(*(STAGES if subject.form == "training" else STAGES[:1])),
    )
    linted = lint(options)
    found = [finding.rule for finding in linted.report.findings if finding.severity == "error"]
    return Said(tuple(sorted(set(found))), tuple(sorted({item.rule for item in linted.undecided})))


def written(subject: Subject, settings: Mapping[str, Any]) -> tuple[str, bytes]:
    """The name and the text of a file with these settings."""
    if subject.form == "training":
        return training.written(subject, settings)
    if subject.form == "call":
        text = f"import torch\nimport {subject.module}\nfrom {subject.module} import {subject.cls}\n\n"
        text += f"args = {subject.cls}(\n{arguments(settings)})\n"
        return "train.py", text.encode()
    if subject.form == "deepspeed":
        return "ds_config.json", json.dumps(settings, indent=2).encode()
    return "train.yaml", yaml.safe_dump(dict(settings), sort_keys=False).encode()
