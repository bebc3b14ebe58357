"""Run a rule's own examples: the bad ones must fire where they are marked, the good ones must stay silent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cfglint.authoring.compile import read_examples
from cfglint.linting import Linted, Options, lint
from cfglint.rules_dir import rules_dir
from cfglint.verify.examples import example_folder

#: The marker on the line where a rule must fire; JSON files, which hold no comments, use ``expect: ["path:line"]``.
MARKER = re.compile(r"cfglint-expect: ([a-z0-9-]+(?:, *[a-z0-9-]+)*)")


class Failure(NamedTuple):
    """An example that does not hold, and how."""

    rule: str
    example: str
    reason: str


def lint_example(files: Mapping[str, str], target: Mapping[str, Any], rules: tuple[str, ...] = ()) -> Linted:
    """Lint an example's files with every rule, preview ones too, and no installed environment."""
    with example_folder(files):
        return lint(_options(target, rules))


def _options(target: Mapping[str, Any], rules: tuple[str, ...]) -> Options:
    from cfglint.cli.checking import target_facts

    return Options(
        preview=True,
        environment="none",
        target=target_facts({}, tuple(f"{key}={value}" for key, value in target.items())),
        rules=rules,
    )


def load_examples(rules: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """The examples of the built-in rules and of user rule folders, by rule name."""
    return read_examples([Path(rules_dir()), *map(Path, rules)])


def check_examples(
    name: str, cold: Mapping[str, Any], examples: Iterable[Mapping[str, Any]], rules: tuple[str, ...] = ()
) -> list[Failure]:
    """Every example of one rule that does not hold."""
    failures = []
    for number, example in enumerate(examples, 1):
        title = f"{number} ({example.get('title', 'untitled')})"
        reason = _example_fails(
            name, example, bool(cold["fix"]["set"] or cold["fix"]["unset"] or cold["fix"]["rename"]), rules
        )
        if reason:
            failures.append(Failure(name, title, reason))
    return failures


def _example_fails(name: str, example: Mapping[str, Any], has_edits: bool, rules: tuple[str, ...]) -> str:
    target = example.get("target", {})
    if "bad" in example:
        return _bad_fails(name, example, target, rules)
    kind = "good" if "good" in example else "undecided"
    linted = lint_example(example[kind], target, rules)
    if not linted.report.checked:
        return "nothing in it was recognised"
    broken = _broken(linted)
    if broken:
        return broken
    fired = [finding for finding in linted.report.findings if finding.rule == name]
    if fired:
        return f"must stay silent, but fired at {_spot(fired[0])}: {fired[0].message}"
    if kind == "undecided" and not _is_undecided(name, example[kind], target, rules):
        return "must be undecided, but was decided (False)"
    return ""


def _broken(linted: Linted) -> str:
    bad = [finding for finding in linted.report.findings if finding.rule == "unreadable-file"]
    return f"{_spot(bad[0])}: {bad[0].message}" if bad else ""


def _is_undecided(
    name: str, files: Mapping[str, str], target: Mapping[str, Any], rules: tuple[str, ...]
) -> bool:
    with example_folder(files):
        options = _options(target, rules)._replace(select=(name,))
        return lint(options).report.undecided.checks > 0


def _bad_fails(
    name: str, example: Mapping[str, Any], target: Mapping[str, Any], rules: tuple[str, ...]
) -> str:
    files = example["bad"]
    expected = set(example.get("expect", []))
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            match = MARKER.search(line)
            if match and name in re.split(r", *", match.group(1)):
                expected.add(f"{path}:{number}")
    if not expected:
        return f"no line is marked with cfglint-expect: {name}, and expect names none"
    linted = lint_example(files, target, rules)
    broken = _broken(linted)
    if broken:
        return broken
    fired = {_spot(finding) for finding in linted.report.findings if finding.rule == name}
    if fired != expected:
        others = sorted({finding.rule for finding in linted.report.findings} - {name})
        undecided = linted.report.undecided.missing
        return f"must fire at {sorted(expected)}, fired at {sorted(fired)} (others: {others}; undecided for want of {list(undecided)[:6]})"
    if "fixed" in example:
        return _fix_fails(name, files, example["fixed"], target, rules)
    return ""


def _spot(finding: Any) -> str:
    location = finding.location
    return f"{location.source.path}:{location.source.position(location.span.start).line}"


def _fix_fails(
    name: str,
    files: Mapping[str, str],
    fixed: Mapping[str, str],
    target: Mapping[str, Any],
    rules: tuple[str, ...],
) -> str:
    from cfglint.fix import converge

    with example_folder(files) as folder:
        options = _options(target, rules)._replace(select=(name,))
        linted = lint(options)
        outcome = converge(
            linted.report.findings, lambda sources: lint(options, sources).report.findings, unsafe=True
        )
        after = dict(files)
        for change in outcome.changes:
            after[
                str(Path(change.after.file).relative_to(folder)) if change.after.file else change.after.path
            ] = change.after.text
        if any(finding.rule == name for finding in outcome.findings):
            return "fires again on what its own fix made"
    for path, text in fixed.items():
        if after.get(path) != text:
            return f"fix of {path} gave:\n{after.get(path)}\nexpected:\n{text}"
    return ""
