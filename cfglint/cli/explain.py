"""``cfglint explain RULE [PATH]``: a rule's page in the terminal, or its condition clause by clause on a file."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from cfglint.engine.ruleset import RulesError, load_rules


@click.command("explain")
@click.argument("rule")
@click.argument("path", required=False, type=click.Path(exists=True))
@click.option("--target", multiple=True, metavar="KEY=VALUE", help="As for cfglint check.")
@click.option("--environment", envvar="CFGLINT_ENVIRONMENT", help="As for cfglint check.")
@click.option(
    "--rules",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder with rules of your own.",
)
def command(
    rule: str, path: str | None, target: tuple[str, ...], environment: str | None, folders: tuple[str, ...]
) -> None:
    """Explain a rule by name or code; with PATH, say clause by clause why it did or did not fire there."""
    try:
        rules = load_rules(folders)
    except RulesError as error:
        click.echo(f"cfglint: {error}", err=True)
        sys.exit(2)
    name = find_rule(rule, rules.cold)
    if name is None:
        from difflib import get_close_matches

        close = get_close_matches(rule, rules.cold, 1)
        click.echo(
            f"cfglint: no rule is named {rule!r}"
            + (f"; did you mean {close[0]!r}?" if close else "; cfglint rules list shows all"),
            err=True,
        )
        sys.exit(2)
    if path is None:
        click.echo(page(name, rules.cold[name]))
        return
    from cfglint.cli.clauses import explain_on

    click.echo(explain_on(name, rules, path, target, environment or "auto", folders))


def find_rule(wanted: str, cold: Mapping[str, Any]) -> str | None:
    """A rule's name by its name, code or former name."""
    if wanted in cold:
        return wanted
    return next(
        (name for name, rule in cold.items() if wanted.upper() == rule["code"] or wanted in rule["aliases"]),
        None,
    )


def page(name: str, rule: Mapping[str, Any]) -> str:
    """A rule as text: what, when, why, fix, the ladder of evidence."""
    lines = [
        f"{name} ({rule['code']}) · {rule['severity']} · {rule['confidence']} confidence · {rule['status']} since {rule['since']}",
        "",
    ]
    lines += _wrapped(rule["summary"][0].upper() + rule["summary"][1:] + ".")
    lines += ["", "You will see: " + ", ".join(rule["symptom"]), "", "Why"]
    lines += _wrapped(rule["why"], "  ")
    lines += ["", "When"]
    for condition in [case["condition"] for case in rule["cases"]] or [rule["condition"]]:
        lines += _wrapped(condition, "  ")
    lines += ["", "Fix"]
    lines += _wrapped("".join(part if isinstance(part, str) else "…" for part in rule["fix"]["title"]), "  ")
    for field, value in rule["fix"]["set"].items():
        shown = (
            "".join(part if isinstance(part, str) else "…" for part in value)
            if isinstance(value, list)
            else value
        )
        lines.append(
            f"    set {field} to {str(shown).lower() if isinstance(shown, bool) else shown} ({rule['fix']['safety']})"
        )
    for field in rule["fix"]["unset"]:
        lines.append(f"    remove {field} ({rule['fix']['safety']})")
    for package, specifier in rule["fix"]["pin"].items():
        lines.append(
            f"    pin {package}{specifier}"
            if specifier != "*"
            else f"    pin {package} to the nearest release that is not affected"
        )
    if rule["false_positives"]:
        lines += ["", "When it may be wrong"]
        lines += _wrapped(rule["false_positives"], "  ")
    lines += ["", f"Evidence ({ladder(rule)})"]
    for item in rule["evidence"]:
        lines.append(f"  {item['type']}: {item.get('url') or item.get('command', '')}")
        extra = (
            item.get("says", "")
            + (f" [{item['versions']}]" if item.get("versions") else "")
            + (f" ({item['date']})" if item.get("date") else "")
        )
        lines += _wrapped(extra, "    ")
    return "\n".join(lines)


def ladder(rule: Mapping[str, Any]) -> str:
    """How far a rule was taken: reported, source or measured."""
    types = {item["type"] for item in rule["evidence"]}
    return (
        "measured"
        if "measured" in types
        else "read in the source"
        if types & {"source", "fix"}
        else "reported"
    )


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent)
