"""Advisories as OSV records, validated against the format's own schema (tests/data/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from cfglint.audit.osv import affected_releases, alternatives, events, export, record
from cfglint.engine.ruleset import load_rules

SCHEMA = Path(__file__).parent.parent / "data" / "osv-schema.json"
NOW = "2026-01-02T03:04:05Z"


def affected_by_events(version: str, ranges: list[dict[str, Any]]) -> bool:
    """The evaluation algorithm of the format: whether a version lies in a range's events."""
    for each in ranges:
        affected = False
        for event in each["events"]:
            ((kind, at),) = event.items()
            reached = at == "0" or Version(version) >= Version(at)
            if kind == "introduced" and reached:
                affected = True
            elif (kind == "fixed" and reached) or (
                kind == "last_affected" and Version(version) > Version(at)
            ):
                affected = False
        if affected:
            return True
    return False


@pytest.fixture(scope="module")
def advisories() -> dict[str, Any]:
    cold = load_rules().cold
    return {name: rule for name, rule in cold.items() if rule["area"].startswith("advisories")}


def test_every_record_is_valid_and_its_events_say_what_its_versions_say(advisories: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from cfglint.packages.versions import releases

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    records = [built for name, rule in advisories.items() if (built := record(name, rule, NOW)) is not None]
    assert records
    for built in records:
        assert not [error.message for error in validator.iter_errors(built)], built["id"]
        assert built["affected"], built["id"]
        for entry in built["affected"]:
            name = entry["package"]["name"]
            by_events = [each for each in releases(name) if affected_by_events(each, entry["ranges"])]
            assert by_events == entry["versions"], built["id"]
            assert entry["versions"], built["id"]


def test_the_schema_refuses_what_is_wrong(advisories: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    built = next(built for name, rule in advisories.items() if (built := record(name, rule, NOW)) is not None)
    assert validator.is_valid(built)
    assert not validator.is_valid({**built, "id": "CFGLINT-1"})
    assert not validator.is_valid({**built, "references": [{"type": "SOURCE", "url": "https://example.org"}]})


@pytest.mark.parametrize(
    ("specifier", "pairs"),
    [
        ("<0.12.0", [[{"introduced": "0"}, {"fixed": "0.12.0"}]]),
        (">=0.16.0,<=0.17.1", [[{"introduced": "0.16.0"}, {"last_affected": "0.17.1"}]]),
        ("==0.17.0", [[{"introduced": "0.17.0"}, {"last_affected": "0.17.0"}]]),
        (">=0.16.0", [[{"introduced": "0.16.0"}]]),
        (">0.16.0,<0.18.0", [[{"introduced": "0.17.0"}, {"fixed": "0.18.0"}]]),
        (
            ">=0.15.1,!=0.15.2,<0.17.0",
            [
                [{"introduced": "0.15.1"}, {"fixed": "0.15.2"}],
                [{"introduced": "0.16.0"}, {"fixed": "0.17.0"}],
            ],
        ),
    ],
)
def test_ranges_as_events(specifier: str, pairs: list[list[dict[str, str]]]) -> None:
    assert list(events("peft", specifier)) == pairs


def test_exact_versions_are_enumerated() -> None:
    assert affected_releases("peft", ">=0.16.0,<=0.17.1") == ["0.16.0", "0.17.0", "0.17.1"]


@pytest.mark.parametrize(
    ("affects", "found"),
    [
        ({"peft": "<1"}, [("peft", "<1")]),
        ({"any": [{"unsloth": "<2"}, {"unsloth_zoo": "<3"}]}, [("unsloth", "<2"), ("unsloth-zoo", "<3")]),
        ({"peft": "<1", "transformers": "<5"}, None),
        ({"all": [{"peft": "<1"}, {"transformers": "<5"}]}, None),
        ({"any": [{"peft": "<1", "transformers": "<5"}, {"trl": "<1"}]}, None),
        (None, None),
    ],
)
def test_what_the_format_can_say(affects: Any, found: Any) -> None:
    assert alternatives(affects) == found


def test_an_unchanged_record_keeps_its_time(
    tmp_path: Path, advisories: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    count, left_out = export(advisories, str(tmp_path))
    assert count == len(list(tmp_path.iterdir())) and count + len(left_out) == len(advisories)
    before = {path: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    changed = sorted(before)[0]
    changed.write_text(before[changed].replace('"summary": "', '"summary": "Old: '), encoding="utf-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1100000000")
    export(advisories, str(tmp_path))
    for path, text in before.items():
        now = path.read_text(encoding="utf-8")
        assert (now == text) == (path != changed)
    assert '"modified": "2004-' in changed.read_text(encoding="utf-8")
