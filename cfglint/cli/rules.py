"""``cfglint rules``: list, test, check, create and document rules."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from cfglint.engine.ruleset import RulesError, RuleSet, load_rules


@click.group("rules")
def command() -> None:
    """List, test, check, create and document rules."""


def _loaded(folders: tuple[str, ...] = ()) -> RuleSet:
    try:
        return load_rules(folders)
    except RulesError as error:
        click.echo(f"cfglint: {error}", err=True)
        sys.exit(2)


_FOLDERS = click.option(
    "--rules",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder with rules of your own.",
)


@command.command("list")
@click.option("--symptom", help="Only rules with this symptom.")
@click.option("--package", help="Only rules that judge this package's versions.")
@click.option("--area", help="Only rules of this area.")
@click.option("--field", help="Only rules that read this field.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_FOLDERS
def list_rules(
    symptom: str, package: str, area: str, field: str, form: str, folders: tuple[str, ...]
) -> None:
    """List rules: code, name, severity, summary."""
    chosen = {
        name: cold
        for name, cold in sorted(
            _loaded(folders).cold.items(), key=lambda item: (item[1]["area"], item[1]["code"])
        )
        if (not symptom or symptom in cold["symptom"])
        and (not package or package.lower().replace("_", "-") in cold["packages"])
        and (not area or cold["area"].startswith(area))
        and (not field or field in cold["fields"])
    }
    if form == "json":
        rows = [
            {
                "name": name,
                **{
                    key: cold[key]
                    for key in (
                        "code",
                        "severity",
                        "confidence",
                        "status",
                        "area",
                        "symptom",
                        "summary",
                        "fields",
                        "packages",
                    )
                },
            }
            for name, cold in chosen.items()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for name, cold in chosen.items():
        click.echo(f"{cold['code']:8} {cold['severity']:8} {cold['area'] + '/' + name:62} {cold['summary']}")
    click.echo(f"{len(chosen)} rules")


@command.command("test")
@click.argument("names", nargs=-1)
@_FOLDERS
def test(names: tuple[str, ...], folders: tuple[str, ...]) -> None:
    """Run the examples of rules (all, or those named; AREA/NAME and a path work too)."""
    from cfglint.authoring.examples import check_examples, load_examples

    rules = _loaded(folders)
    examples = load_examples(folders)
    wanted = [Path(name).stem for name in names] or sorted(rules.cold)
    failed = 0
    for name in wanted:
        if name not in rules.cold:
            click.echo(f"cfglint: no rule is named {name!r}", err=True)
            sys.exit(2)
        for failure in check_examples(name, rules.cold[name], examples[name], folders):
            failed += 1
            click.echo(f"FAIL {name}, example {failure.example}: {failure.reason}")
    click.echo(f"{len(wanted)} rules tested, {failed} examples failed")
    sys.exit(1 if failed else 0)


@command.command("check")
@_FOLDERS
def check(folders: tuple[str, ...]) -> None:
    """Check the rules about rules: schema, conditions, evidence, examples present."""
    from cfglint.authoring.examples import load_examples
    from cfglint.authoring.lint import lint_rules
    from cfglint.authoring.reproducers import lint_reproducers

    rules = _loaded(folders)
    problems = [*lint_rules(rules.cold, load_examples(folders)), *lint_reproducers(rules)]
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(rules.cold)} rules checked, {len(problems)} problems")
    sys.exit(1 if problems else 0)


@command.command("new")
@click.argument("where", metavar="AREA/NAME")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False),
    help="The rules folder (default: the project's own, else ./rules).",
)
def new(where: str, folder: str | None) -> None:
    """Create a rule file from the template."""
    from cfglint.authoring.new import NewRuleError, create_rule

    try:
        path = create_rule(where, folder, _loaded())
    except NewRuleError as error:
        click.echo(f"cfglint: {error}", err=True)
        sys.exit(2)
    click.echo(f"created {path}; edit it, then: cfglint rules test {path.stem}")


@command.command("docs")
@click.option(
    "--out", type=click.Path(file_okay=False), required=True, help="Folder to write Markdown pages into."
)
@_FOLDERS
def docs(out: str, folders: tuple[str, ...]) -> None:
    """Write the rule documentation as Markdown: one page a rule, indexes by area, symptom, package and field."""
    from cfglint.authoring.docs import write_docs
    from cfglint.authoring.examples import load_examples

    count = write_docs(_loaded(folders).cold, load_examples(folders), Path(out))
    click.echo(f"wrote {count} pages to {out}")


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of a rule file, for editors."""
    from cfglint.authoring.schema import Rule

    described: dict[str, Any] = Rule.model_json_schema()
    click.echo(json.dumps(described, indent=2))
