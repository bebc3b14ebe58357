"""``python -m cfglint.authoring.oracle``: ask the real constructors, or compare the linter with what they said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from cfglint.authoring.oracle import golden as recorded
from cfglint.authoring.oracle.compare import (
    ASKED,
    Disagreement,
    asked_of,
    differing,
    explanation,
    stages_agree,
)
from cfglint.authoring.oracle.subjects import ANCHORS, Subject
from cfglint.authoring.oracle.training import trainer_of

WORKER = Path(__file__).with_name("worker.py")
TRAIN_WORKER = Path(__file__).with_name("train_worker.py")
ANCHOR = click.option(
    "--anchor", type=click.Choice(list(ANCHORS)), required=True, help="Which set of releases."
)
SUBJECT = click.argument("name", metavar="SUBJECT", type=click.Choice(list(ASKED)))


@click.group()
def main() -> None:
    """Compare rules that say when they are `raised:` with the real constructors and trainers."""


@main.command()
@SUBJECT
@ANCHOR
@click.option("--python", required=True, help="The interpreter of an environment with the anchor's releases.")
def live(name: str, anchor: str, python: str) -> None:
    """Ask the constructor and write the golden outcomes."""
    subject = ASKED[name]
    wanted = {
        library: version for library, version in ANCHORS[anchor].items() if library in _libraries(subject)
    }
    installed = _installed(python, wanted)
    if installed != wanted:
        raise click.ClickException(f"{python} has {installed}, and the anchor is {wanted}")
    asked = asked_of(subject, anchor)
    answers = ask(subject, asked, python)
    outcomes = [recorded.kind_of(answer) for answer in answers]
    recorded.write(subject, anchor, recorded.Golden(wanted, recorded.digest_of(asked), outcomes))
    click.echo(
        f"{name} {anchor}: {len(asked)} asked, {sum(map(bool, outcomes))} raised, {len(set(outcomes))} kinds"
    )


@main.command()
@SUBJECT
@ANCHOR
@click.option("--first", type=int, help="Compare the first so many only.")
@click.option("--show", type=int, default=3, show_default=True, help="Examples of each kind of disagreement.")
@click.option("--jobs", type=int, default=2, show_default=True)
def check(name: str, anchor: str, first: int | None, show: int, jobs: int) -> None:
    """Compare the linter with the golden outcomes; fails below 99.9 % or on a disagreement that nobody explained."""
    subject = ASKED[name]
    total = min(first or subject.configurations, subject.configurations)
    found = differing(subject, anchor, total, jobs)
    kinds: dict[tuple[str, ...], list[Disagreement]] = {}
    for item in found:
        kinds.setdefault((item.outcome or "taken", ", ".join(item.said.rules) or "nothing"), []).append(item)
    unexplained = 0
    for (outcome, rules), items in sorted(kinds.items(), key=lambda entry: -len(entry[1])):
        why = explanation(subject, items[0])
        unexplained += 0 if why else len(items)
        click.echo(f"{len(items)} x real: {outcome}; linter: {rules}; {why or 'NOT EXPLAINED'}")
        for item in items[:show]:
            click.echo(f"    {item.number}: {json.dumps(item.settings)}")
            if item.said.undecided:
                click.echo(f"        undecided: {', '.join(item.said.undecided)}")
    if subject.form == "training":
        foretold, staged = stages_agree(subject, anchor)
        click.echo(f"{name} {anchor}: the stage agrees in {staged} of {foretold} that are foretold and raise")
    agreed = total - len(found)
    click.echo(
        f"{name} {anchor}: {agreed} of {total} agree ({100 * agreed / total:.3f} %), {unexplained} not explained"
    )
    if unexplained or agreed < 0.999 * total:
        sys.exit(1)


def ask(subject: Subject, asked: Iterable[Mapping[str, Any]], python: str) -> list[list[str] | None]:
    """What the constructor says to each configuration: None, or the exception's type and message.

    Raises CalledProcessError if the worker could not run.
    """
    worker, head = WORKER, {"form": subject.form, "module": subject.module, "cls": subject.cls}
    if subject.form == "training":
        worker, head = TRAIN_WORKER, {"arguments": subject.cls, "trainer": trainer_of(subject)}
    lines = "".join(json.dumps(line) + "\n" for line in (head, *asked))
    done = subprocess.run([python, str(worker)], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _libraries(subject: Subject) -> set[str]:
    if subject.form == "training":
        return {"accelerate", "bitsandbytes", "peft", "transformers", "trl"}
    return {subject.library, "transformers"} | ({"peft", "trl"} & {subject.library})


def _installed(python: str, wanted: Mapping[str, str]) -> dict[str, str]:
    code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, *wanted], text=True, capture_output=True, check=False)
    found: dict[str, str] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def counted(outcomes: Iterable[str]) -> Counter[str]:
    """How often each outcome came."""
    return Counter(outcomes)


if __name__ == "__main__":
    main()
