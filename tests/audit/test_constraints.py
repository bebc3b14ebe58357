from __future__ import annotations

import json

import pytest

from cfglint.audit import constraints
from cfglint.audit.constraints import conflicts, demands, nearest, repaired
from cfglint.packages import versions
from cfglint.packages.requirement import Requirement
from cfglint.packages.requirements_txt import read_requirements
from cfglint.packages.versions import VersionSet, version_sets
from cfglint.source import Source

RELEASES = {
    "transformers": [
        "4.44.0",
        "4.45.0",
        "4.46.0",
        "4.46.1",
        "4.46.2",
        "4.49.0",
        "4.50.0",
        "5.0.0rc1",
        "5.0.0",
    ],
    "peft": ["0.11.0", "0.12.0", "0.13.0"],
    "tuner": ["0.9.1", "0.9.2", "0.9.3"],
    "yearly": ["2024.12", "2025.1", "2025.3"],
}
TUNER = {
    "library": "tuner",
    "releases": ["0.9.1", "0.9.2", "0.9.3"],
    "python": {">=3.8": [0, 1], ">=3.12": [2, 2]},
    "requires": {
        "transformers>=4.40": [0, 0, 2, 2],
        "transformers!=4.46.*,<=4.49.0,>=4.41.2; python_version >= '3.10'": [1, 1],
        "transformers<4.42; python_version < '3.10'": [1, 1],
        "peft<=0.12.0,>=0.11.1": [0, 1],
        "peft<0.1; extra == 'old'": [0, 2],
        "numpy": [0, 2],
    },
}
TRANSFORMERS = {
    "library": "transformers",
    "releases": ["4.46.0", "4.46.1", "4.46.2", "4.49.0"],
    "python": {},
    "requires": {"peft>=0.12": [3, 3]},
}


@pytest.fixture(autouse=True)
def tables(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """Small tables in place of the shipped ones."""
    fields = tmp_path / "facts" / "fields"
    fields.mkdir(parents=True)
    (fields / "tuner.json").write_text(json.dumps(TUNER))
    (fields / "transformers.json").write_text(json.dumps(TRANSFORMERS))
    (tmp_path / "facts" / "releases.json").write_text(json.dumps(RELEASES))
    cached = (versions._table, versions.releases, versions.admitted)
    cached += (constraints._facts, constraints._rows, constraints.requirers, constraints.demands)
    for module in (versions, constraints):
        monkeypatch.setattr(module, "rules_dir", lambda: str(tmp_path))
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def sets(text: str) -> dict[str, VersionSet]:
    found = read_requirements(Source("requirements.txt", text))
    return version_sets(entry for entry in found if isinstance(entry, Requirement))


def test_a_demand_holds_for_the_releases_of_its_rows() -> None:
    assert [demand.specifier for demand in demands("tuner", "0.9.1") if demand.package == "transformers"] == [
        ">=4.40"
    ]
    assert {demand.package for demand in demands("tuner", "0.9.3")} == {"transformers"}
    assert demands("tuner", "0.9.0") == demands("unknown", "1.0") == ()


def test_a_pin_beyond_a_cap_is_a_conflict_at_the_pin() -> None:
    [conflict] = conflicts(sets("tuner==0.9.2\ntransformers==4.50.0\n"))
    assert conflict[:5] == ("transformers", "4.50.0", "tuner", "0.9.2", "!=4.46.*,<=4.49.0,>=4.41.2")
    assert conflict.place is not None
    assert conflict.place.source.slice(conflict.place.span) == "transformers==4.50.0"


@pytest.mark.parametrize(
    "text",
    [
        "tuner==0.9.2\ntransformers==4.49.0\npeft==0.12.0",
        "tuner==0.9.1\ntransformers==4.50.0",
        "tuner>=0.9\ntransformers==4.50.0",
        "tuner==0.9.2\ntransformers>=4.45",
        "tuner==0.9.2\ntransformers",
        "tuner==0.9.2\ntransformers==nightly",
        "tuner==0.9.2+local\ntransformers==4.49.0+local",
        "transformers==4.50.0",
    ],
)
def test_a_set_that_may_be_allowed_is_none(text: str) -> None:
    assert conflicts(sets(text)) == []


def test_a_range_that_holds_no_allowed_release_is_a_conflict() -> None:
    [conflict] = conflicts(sets("tuner==0.9.2\ntransformers>=4.50\n"))
    assert conflict.version == ">=4.50"


def test_markers_are_those_of_the_run() -> None:
    [conflict] = conflicts(sets("tuner==0.9.2\ntransformers==4.45.0\n"), {"python_version": "3.9"})
    assert conflict.specifier == "<4.42"


@pytest.mark.parametrize(
    ("text", "avoid", "expected"),
    [
        ("transformers==4.46.0", ">=4.46.0,<4.46.2", "4.46.2"),
        ("transformers==4.46.0", ">=4.46.0", "4.45.0"),
        ("transformers==4.46.0", ">=4.44,<5", "5.0.0"),
        ("transformers==4.46.0", (">=4.46.0,<4.46.2", "==4.46.2"), "4.49.0"),
        ("transformers==4.46.0", ">=0", None),
        ("transformers>=4.45,<4.47", "==4.46.2", "4.46.1"),
        ("transformers>=4.45,<4.47", ">=4.45", None),
        ("transformers", "==5.0.0", "4.50.0"),
        ("tuner==0.9.2\ntransformers==4.46.0", ">=4.46.0,<4.46.2", "4.49.0"),
        ("tuner==0.9.2\npeft==0.11.0\ntransformers==4.46.0", ">=4.46.0,<4.46.2", "4.45.0"),
        ("yearly==2024.12", "<2025", "2025.1"),
    ],
)
def test_the_nearest_release_outside_a_range(text: str, avoid: str, expected: str | None) -> None:
    package = "yearly" if "yearly" in text else "transformers"
    assert nearest(package, sets(text), avoid) == expected


def test_a_release_for_another_python_is_not_proposed() -> None:
    assert nearest("tuner", sets("tuner==0.9.2"), "==0.9.2") == "0.9.1"
    assert nearest("tuner", sets("tuner==0.9.2"), "==0.9.2", {"python_full_version": "3.12.1"}) == "0.9.3"


def test_the_capped_package_moves_first_and_the_capping_one_if_it_must() -> None:
    assert repaired(sets("tuner==0.9.2\ntransformers==4.50.0\npeft==0.13.0")) == {
        "transformers": "4.49.0",
        "peft": "0.12.0",
    }
    assert repaired(sets("tuner==0.9.2\ntransformers>=4.50")) == {"tuner": "0.9.1"}
    assert repaired(sets("tuner==0.9.2\ntransformers==4.49.0")) == {}
    assert repaired(sets("tuner==0.9.2\ntransformers==4.50.0\npeft>=0.13")) is None
