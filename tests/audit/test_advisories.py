"""Every bound of every advisory is a release; the last affected and first unaffected are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from packaging.version import Version

from cfglint.audit.constraints import conflicts
from cfglint.authoring.compile import read_examples
from cfglint.authoring.examples import lint_example
from cfglint.engine.ruleset import RulesError, load_rules
from cfglint.fix import apply
from cfglint.packages.requirement import canonical_name
from cfglint.packages.version_match import bounds, clauses, in_range, version_of
from cfglint.packages.versions import VersionSet, releases
from cfglint.rules_dir import rules_dir


def ranges(ir: Any) -> Iterator[tuple[str, str]]:
    """The packages and ranges that a lowered condition asks about."""
    if isinstance(ir, list) and ir:
        if ir[0] == "package" and ir[2][0] == "k":
            yield ir[1], ir[2][1]
        for part in ir:
            yield from ranges(part)


def asked() -> list[tuple[str, str, str]]:
    try:
        rules = load_rules()
    except RulesError:
        return []  # other tests say what is wrong with the rules
    return sorted(
        {
            (rule["name"], package, specifier)
            for rule in rules.rules
            if rules.cold[rule["name"]]["area"].startswith("advisories")
            for package, specifier in ranges(rule["when"])
        }
    )


ASKED = asked()


def test_there_are_advisories_to_test() -> None:
    assert len({name for name, _, _ in ASKED}) > 50


@pytest.mark.parametrize(("name", "package", "specifier"), ASKED, ids=lambda value: str(value))
def test_each_bound_is_a_release_that_is_told_apart_from_its_neighbour(
    name: str, package: str, specifier: str
) -> None:
    tabled = [version_of(text) for text in releases(package)]
    assert tabled, f"{package} has no table of releases"
    for clause in clauses(specifier):
        if clause.prefix:
            assert any(in_range(version, f"=={clause.version}.*") for version in tabled)
        else:
            bases = {version.base_version for version in tabled}  # of some, only post-releases are left
            known = Version(clause.version.public) in tabled or clause.version.public in bases
            assert known, f"{package} {clause.version} is no release"
    if any(clause.version.local for clause in clauses(specifier)):
        return  # one build of a release, and tables hold no builds
    inside = [version for version in tabled if in_range(version, specifier)]
    assert inside, f"no release of {package} lies in {specifier}"
    for at, version in enumerate(tabled):
        for neighbour in tabled[at + 1 : at + 2]:
            if (version in inside) != (neighbour in inside):
                told = [
                    VersionSet(package, (), "pin", (str(each),)).satisfies(specifier)
                    for each in (version, neighbour)
                ]
                assert told == [version in inside, neighbour in inside]
    limits = bounds(specifier)
    assert limits.low is None or inside[0] > tabled[0] or limits.low == tabled[0], (
        "the lower bound tells nothing apart"
    )
    assert limits.high is None or inside[-1] < tabled[-1] or limits.high_included, (
        "the upper bound tells nothing apart"
    )


def fixes() -> list[tuple[str, int]]:
    """The bad examples of every rule that changes pins."""
    try:
        cold = load_rules().cold
    except RulesError:
        return []
    from pathlib import Path

    examples = read_examples([Path(rules_dir())])
    return [
        (name, number)
        for name, rule in sorted(cold.items())
        if rule["fix"]["pin"] and not any(rule["fix"][key] for key in ("set", "unset", "rename"))
        for number, example in enumerate(examples.get(name, ()))
        if example.get("bad")
    ]


@pytest.fixture(scope="module")
def examples() -> dict[str, list[dict[str, Any]]]:
    from pathlib import Path

    return read_examples([Path(rules_dir())])


@pytest.mark.parametrize(("name", "number"), fixes(), ids=lambda value: str(value))
def test_a_changed_pin_is_clean_for_its_rule_and_breaks_no_demand(
    name: str, number: int, examples: dict[str, list[dict[str, Any]]]
) -> None:
    example = examples[name][number]
    files, target = dict(example["bad"]), example.get("target", {})
    before = lint_example(files, target)
    findings = [finding for finding in before.report.findings if finding.rule == name]
    assert findings
    edits = [edit for finding in findings if finding.fix for edit in finding.fix.edits]
    said = {package for run in before.runs for package in run.packages}
    if not edits and not said & {
        canonical_name(package) for package in load_rules().cold[name]["fix"]["pin"]
    }:
        return  # the files name none of the packages to change
    if not edits:
        assert all("here: " in finding.help or "but " in finding.help for finding in findings), findings[
            0
        ].help
        return
    for path in {edit.source.path for edit in edits}:
        unique = {(edit.span, edit.text): edit for edit in edits if edit.source.path == path}
        source = next(edit.source for edit in edits if edit.source.path == path)
        files[path] = apply(source, unique.values(), escape_json=path.endswith(".ipynb"))
    after = lint_example(files, target)
    assert name not in {finding.rule for finding in after.report.findings}, files
    old = {(each.package, each.requirer) for run in before.runs for each in conflicts(run.packages)}  # type: ignore[arg-type]
    new = {(each.package, each.requirer) for run in after.runs for each in conflicts(run.packages)}  # type: ignore[arg-type]
    assert new <= old
