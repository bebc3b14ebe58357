"""Pin fixes: the edited file is clean for the rule, exact where it was, and breaks no demand."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfglint.audit.constraints import conflicts
from cfglint.engine.evaluate import truth
from cfglint.engine.facts import Facts
from cfglint.engine.pins import PinFix, bounded, pin_fix
from cfglint.fix import apply
from cfglint.model.run import Run
from cfglint.packages.requirement import Requirement
from cfglint.packages.sources import read_dependency_file
from cfglint.packages.version_match import version_of
from cfglint.packages.versions import releases, version_sets
from cfglint.source import Source


def condition(affects: dict[str, str], joined: str = "and") -> Any:
    """The lowered condition that every (or any) package lies in its range."""
    parts = [["package", name, ["k", spec], None] for name, spec in affects.items()]
    return parts[0] if len(parts) == 1 else [joined, *parts]


def run_of(text: str, name: str = "requirements.txt") -> tuple[Run, Source]:
    source = Source(name, text)
    run = Run()
    entries = [entry for entry in read_dependency_file(source) if isinstance(entry, Requirement)]
    run.packages = dict(version_sets(entries))
    return run, source


def fixed(
    text: str,
    pins: dict[str, str],
    affects: dict[str, str],
    name: str = "requirements.txt",
    joined: str = "and",
) -> tuple[str, PinFix]:
    run, source = run_of(text, name)
    result = pin_fix(pins, condition(affects, joined), Facts(run, {}, lambda table: {}))
    return apply(source, result.edits), result


def test_an_exact_pin_moves_to_the_nearest_release_that_repairs_it() -> None:
    text, _ = fixed(
        "transformers==4.46.1  # old\ntrl\n", {"transformers": ">=4.46.3"}, {"transformers": "<4.46.3"}
    )
    assert text == "transformers==4.46.3  # old\ntrl\n"


def test_a_yanked_release_is_never_chosen() -> None:
    text, _ = fixed("transformers==4.56.2\n", {"transformers": ">=4.57.0"}, {"transformers": "<4.57.0"})
    assert text == "transformers==4.57.1\n"


def test_any_release_outside_the_affected_range_will_do() -> None:
    text, _ = fixed("peft==0.17.0\n", {"peft": "*"}, {"peft": ">=0.16.0,<=0.17.1"})
    assert text == "peft==0.18.0\n"


def test_a_cap_of_another_library_bounds_the_choice() -> None:
    before = "llamafactory==0.9.2\ntransformers==4.48.0\n"
    text, _ = fixed(before, {"transformers": "*"}, {"transformers": ">=4.47,<=4.48.3"})
    assert text == "llamafactory==0.9.2\ntransformers==4.49.0\n"
    text, result = fixed(before, {"transformers": ">=4.50"}, {"transformers": "<4.50"})
    assert text == before
    assert (
        result.note.startswith("but llamafactory 0.9.2 requires transformers") and "<=4.49.0" in result.note
    )


def test_what_the_new_release_itself_demands_stands_in_the_way() -> None:
    before = "transformers==4.46.1\ntokenizers==0.20.3\n"
    text, result = fixed(before, {"transformers": ">=4.57.1"}, {"transformers": "<4.57.1"})
    assert text == before
    assert result.note.startswith("but transformers 4.57.1 requires tokenizers")


def test_a_range_keeps_what_it_says_and_gets_a_bound() -> None:
    newest = releases("transformers")[-1]
    text, _ = fixed("transformers>=4.40,<6\n", {"transformers": "<5"}, {"transformers": f">=5,<={newest}"})
    assert text == "transformers>=4.40,<5\n"
    text, result = fixed(
        "transformers>=4.40,<4.50\n", {"transformers": ">=4.57.1"}, {"transformers": "<4.57.1"}
    )
    assert text == "transformers>=4.40,<4.50\n"
    assert result.note == "but transformers>=4.40,<4.50 admits no release that repairs it"


def test_a_range_whose_newest_release_is_affected_gets_an_upper_bound() -> None:
    stable = [each for each in releases("peft") if not version_of(each).is_prerelease]
    text, _ = fixed("peft>=0.11\n", {"peft": "*"}, {"peft": f">={stable[-1]}"})
    assert text == f"peft>=0.11,<={stable[-2]}\n"


@pytest.mark.parametrize(
    ("specifier", "bound", "result"),
    [
        (">=4.40", ">=4.57.1", ">=4.57.1"),
        (">=4.40,<5", ">=4.57.1", ">=4.57.1,<5"),
        (">=4.40,<5", "<4.50", ">=4.40,<4.50"),
        (">=4.40,!=4.50.0", ">=4.57.1", ">=4.57.1,!=4.50.0"),
        ("~=4.40", ">=4.57.1", ">=4.57.1,~=4.40"),
        (">=4.57.1", ">=4.57.1", ">=4.57.1"),
    ],
)
def test_bounded(specifier: str, bound: str, result: str) -> None:
    assert bounded(specifier, bound) == result


def test_two_pins_move_together() -> None:
    text, _ = fixed(
        "unsloth==2025.3.17\nunsloth_zoo==2025.3.15\n",
        {"unsloth": ">=2025.3.18", "unsloth_zoo": ">=2025.3.16"},
        {"unsloth": "<2025.3.18", "unsloth-zoo": "<2025.3.16"},
        joined="or",
    )
    assert text == "unsloth==2025.3.18\nunsloth_zoo==2025.3.16\n"


def test_of_two_pins_the_right_one_stays() -> None:
    text, _ = fixed(
        "unsloth==2025.3.18\nunsloth_zoo==2025.3.15\n",
        {"unsloth": ">=2025.3.18", "unsloth_zoo": ">=2025.3.16"},
        {"unsloth": "<2025.3.18", "unsloth-zoo": "<2025.3.16"},
        joined="or",
    )
    assert text == "unsloth==2025.3.18\nunsloth_zoo==2025.3.16\n"


def test_hashes_are_not_edited() -> None:
    before = "transformers==4.46.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\ntrl==0.12.0\n"
    text, result = fixed(before, {"transformers": ">=4.46.3"}, {"transformers": "<4.46.3"})
    assert (text, result.note) == (
        before,
        "here: transformers==4.46.3; requirements.txt carries hashes, which the new release needs too",
    )
    hashed_later = "transformers==4.46.1\ntrl==0.12.0 --hash=sha256:00\n"
    assert fixed(hashed_later, {"transformers": ">=4.46.3"}, {"transformers": "<4.46.3"})[1].edits


def test_generated_files_and_locks_are_not_edited() -> None:
    before = "# This file is autogenerated by a tool\ntransformers==4.46.1\n"
    text, result = fixed(before, {"transformers": ">=4.46.3"}, {"transformers": "<4.46.3"})
    assert text == before and "is generated" in result.note
    before = '[[package]]\nname = "transformers"\nversion = "4.46.1"\n'
    text, result = fixed(before, {"transformers": ">=4.46.3"}, {"transformers": "<4.46.3"}, "uv.lock")
    assert text == before and "lock file" in result.note


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("environment.yml", "dependencies:\n  - peft=0.17.0\n", "dependencies:\n  - peft=0.18.0\n"),
        (
            "environment.yml",
            "dependencies:\n  - pip:\n    - peft==0.17.0\n",
            "dependencies:\n  - pip:\n    - peft==0.18.0\n",
        ),
        (
            "pyproject.toml",
            '[project]\nname = "a"\ndependencies = ["peft==0.17.0"]\n',
            '[project]\nname = "a"\ndependencies = ["peft==0.18.0"]\n',
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npeft = "0.17.0"\n',
            '[tool.poetry.dependencies]\npeft = "0.18.0"\n',
        ),
        ("Dockerfile", "FROM a\nRUN pip install peft==0.17.0\n", "FROM a\nRUN pip install peft==0.18.0\n"),
    ],
)
def test_every_notation_of_an_exact_pin(name: str, before: str, after: str) -> None:
    assert fixed(before, {"peft": "*"}, {"peft": ">=0.16.0,<=0.17.1"}, name)[0] == after


def test_a_bound_never_becomes_a_redirection() -> None:
    before = "FROM a\nRUN pip install peft~=0.17\n"
    newest = releases("peft")[-1]
    text, result = fixed(before, {"peft": "*"}, {"peft": f">={newest}"}, "Dockerfile")
    assert text == before and result.note.startswith("here: peft~=0.17,<=")


_POOL = ("transformers", "peft", "trl", "accelerate", "llamafactory", "tokenizers", "huggingface-hub")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_result_is_clean_and_breaks_no_demand(seed: int) -> None:
    """Random pins and a random affected range: what is written lies outside, and nobody objects anew."""
    chance = random.Random(seed)
    names = chance.sample(_POOL, chance.randint(1, 4))
    versions = {name: chance.choice(releases(name)) for name in names}
    name = names[0]
    ends = sorted((chance.choice(releases(name)), versions[name]), key=version_of)
    affects = {name: f">={ends[0]},<={ends[1]}"}
    text = "".join(f"{each}=={version}\n" for each, version in versions.items())
    before, _ = run_of(text)
    after_text, result = fixed(text, {name: "*"}, affects)
    after, _ = run_of(after_text)
    assert result.note and bool(result.edits) == result.note.startswith("here:")
    if not result.edits:
        assert after_text == text
        return
    assert after_text.count("\n") == text.count("\n") and after_text.startswith(f"{name}==")
    assert truth(condition(affects), Facts(after, {}, lambda table: {})) is False
    old = {(each.package, each.requirer) for each in conflicts(before.packages)}
    assert {(each.package, each.requirer) for each in conflicts(after.packages)} <= old
    changed = {each for each in names if after.packages[each].versions != before.packages[each].versions}
    assert changed == {name}
