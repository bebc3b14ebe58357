"""``python -m cfglint.authoring.oracle``: ask the real constructors, or compare the linter with what they said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click

from cfglint.authoring.oracle import golden as recorded
from cfglint.authoring.oracle.compare import Disagreement, disagreements, explanation
from cfglint.authoring.oracle.generate import configurations
from cfglint.authoring.oracle.subjects import ANCHORS, SUBJECTS, Subject

WORKER = Path(__file__).with_name("worker.py")
ANCHOR = click.option(
    "--anchor", type=click.Choice(list(ANCHORS)), required=True, help="Which set of releases."
)
SUBJECT = click.argument("name", metavar="SUBJECT", type=click.Choice(list(SUBJECTS)))


@click.group()
def main() -> None:
    """Compare rules marked `raised: construction` with the real constructors."""


@main.command()
@SUBJECT
@ANCHOR
@click.option("--python", required=True, help="The interpreter of an environment with the anchor's releases.")
def live(name: str, anchor: str, python: str) -> None:
    """Ask the constructor and write the golden outcomes."""
    subject = SUBJECTS[name]
    wanted = {
        library: version for library, version in ANCHORS[anchor].items() if library in _libraries(subject)
    }
    installed = _installed(python, wanted)
    if installed != wanted:
        raise click.ClickException(f"{python} has {installed}, and the anchor is {wanted}")
    asked = list(configurations(subject, ANCHORS[anchor]))
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
    subject = SUBJECTS[name]
    total = min(first or subject.count, subject.count)
    found = differing(subject, anchor, total, jobs)
    kinds: dict[tuple[str, ...], list[Disagreement]] = {}
    for item in found:
        kinds.setdefault((item.outcome or "taken", ", ".join(item.said.rules) or "nothing"), []).append(item)
    unexplained = 0
    for (outcome, rules), items in sorted(kinds.items(), key=lambda entry: -len(entry[1])):
        why = explanation(subject, items[0])
        unexplained += 0 if why else len(items)
        click.echo(f"{len(items)} x constructor: {outcome}; linter: {rules}; {why or 'NOT EXPLAINED'}")
        for item in items[:show]:
            click.echo(f"    {item.number}: {json.dumps(item.settings)}")
            if item.said.undecided:
                click.echo(f"        undecided: {', '.join(item.said.undecided)}")
    agreed = total - len(found)
    click.echo(
        f"{name} {anchor}: {agreed} of {total} agree ({100 * agreed / total:.3f} %), {unexplained} not explained"
    )
    if unexplained or agreed < 0.999 * total:
        sys.exit(1)


def differing(subject: Subject, anchor: str, total: int, jobs: int = 1) -> list[Disagreement]:
    """The disagreements among the first `total` configurations. Raises ValueError if others than these were asked."""
    golden = recorded.read(subject, anchor)
    asked = list(configurations(subject, ANCHORS[anchor]))
    if recorded.digest_of(asked) != golden.digest:
        raise ValueError(
            f"{subject.name} {anchor}: the configurations have changed since they were asked; ask again"
        )
    if jobs == 1:
        return list(disagreements(subject, ANCHORS[anchor], asked[:total], golden.outcomes))
    step = -(-total // (jobs * 4))
    parts = [
        (subject, anchor, asked[at : min(at + step, total)], golden.outcomes[at : at + step], at)
        for at in range(0, total, step)
    ]
    with ProcessPoolExecutor(jobs) as pool:
        return [item for part in pool.map(_part, parts) for item in part]


def _part(given: tuple[Subject, str, list[dict[str, Any]], Sequence[str], int]) -> list[Disagreement]:
    subject, anchor, asked, outcomes, start = given
    found = disagreements(subject, ANCHORS[anchor], asked, outcomes)
    return [item._replace(number=item.number + start) for item in found]


def ask(subject: Subject, asked: Iterable[Mapping[str, Any]], python: str) -> list[list[str] | None]:
    """What the constructor says to each configuration: None, or the exception's type and message.

    Raises CalledProcessError if the worker could not run.
    """
    head = {"form": subject.form, "module": subject.module, "cls": subject.cls}
    lines = "".join(json.dumps(line) + "\n" for line in (head, *asked))
    done = subprocess.run([python, str(WORKER)], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _libraries(subject: Subject) -> set[str]:
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
