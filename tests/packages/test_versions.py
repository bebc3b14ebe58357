from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from cfglint.model.value import Place
from cfglint.packages import versions
from cfglint.packages.requirement import Requirement, specifier_kind
from cfglint.packages.version_match import bounds, disjoint, in_range, inside
from cfglint.packages.versions import VersionSet, releases, version_sets
from cfglint.source import Source, Span


@pytest.fixture(autouse=True)
def tables(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """A small release table in place of the shipped one."""
    facts = tmp_path / "facts"
    facts.mkdir()
    table = {
        "trl": ["0.8.0", "0.9.0", "0.9.2", "0.9.4", "0.10.0", "1.0.0rc1", "1.0.0", "1.1.0"],
        "peft": ["0.9.0", "0.10.0"],
    }
    (facts / "releases.json").write_text(json.dumps(table))
    (facts / "yanked.json").write_text(json.dumps({"trl": ["0.9.2", "1.1.0"]}))
    monkeypatch.setattr(versions, "rules_dir", lambda: str(tmp_path))
    for cached in (versions._table, versions.releases, versions.admitted):
        cached.cache_clear()
    yield
    for cached in (versions._table, versions.releases, versions.admitted):
        cached.cache_clear()


def said(
    specifier: str, kind: str = "", file: str = "requirements.txt", marker: str = "", name: str = "trl"
) -> Requirement:
    place = (
        None if kind == "installed" else Place(Source(file, name + specifier), Span(0, len(name + specifier)))
    )
    return Requirement(name, specifier, kind or specifier_kind(specifier), place, None, marker, file)


def only(*requirements: Requirement) -> VersionSet:
    return version_sets(requirements)["trl"]


def test_precedence_from_the_loudest_down() -> None:
    everything = [
        said("==1.0.0", "target"),
        said("==0.9.4", "lock", "uv.lock"),
        said("==0.9.0"),
        said("==0.8.0", "installed"),
        said("", "url"),
        said(">=0.9"),
        said(""),
    ]
    kinds = []
    while everything:
        kinds.append(only(*reversed(everything)).kind)
        everything.pop(0)
    assert kinds == ["target", "lock", "pin", "installed", "url", "range", "any"]


def test_a_pin_in_a_nearer_folder_outranks_a_lock_further_up() -> None:
    found = only(said("==0.9.4", "lock", "uv.lock"), said("==0.8.0", file="examples/chat/requirements.txt"))
    assert (found.kind, found.text()) == ("pin", "0.8.0")


def test_a_notebooks_own_install_line_is_nearer_than_the_files_beside_it() -> None:
    found = only(said("==0.9.4", file="nb/requirements.txt"), said("==0.8.0", file="nb/train.ipynb"))
    assert found.text() == "0.8.0"


def test_ranges_intersect() -> None:
    found = only(said(">=0.9"), said("<1", file="pyproject.toml"))
    assert found.text() == ">=0.9,<1"
    assert found.satisfies(">=0.9,<1") is True
    assert found.satisfies("<0.9") is False
    assert found.satisfies("<0.10") is None


def test_two_locked_versions_are_judged_each() -> None:
    found = only(said("==0.9.4", "lock", "uv.lock"), said("==0.10.0", "lock", "uv.lock"))
    assert found.text() == "0.9.4 or 0.10.0"
    assert found.satisfies("<0.10") is None
    assert found.satisfies("<1") is True


@pytest.mark.parametrize(
    ("pin", "spec", "expected"),
    [
        ("==0.9.3.dev0", "<0.9.3", True),
        ("==0.9.3rc1", "<0.9.3", True),
        ("==0.9.3.dev0", ">=0.9.2", True),
        ("==0.9.3.dev0", "==0.9.3", False),
        ("==0.9.3.post1", ">0.9.3", True),
        ("==2.6.0+cu124", "==2.6.0", True),
        ("==2.6.0+cu124", "<=2.6.0", True),
        ("==2.6.0+cu124", ">2.6.0", False),
        ("==2.6.0+cu124", "==2.6.0+cu118", False),
        ("==4.46.1", "==4.46.*", True),
        ("==4.46.0.dev0", "==4.46.*", True),
        ("==4.47.0", "!=4.46.*", True),
        ("==4.46.1", "~=4.46.0", True),
        ("==4.47.0", "~=4.46.0", False),
        ("==1.0", ">=1.0.0,<1.0.1", True),
        ("==2025.3.14", "<2025.3.18", True),
    ],
)
def test_a_pin_is_compared_in_version_order(pin: str, spec: str, expected: bool) -> None:
    assert only(said(pin)).satisfies(spec) is expected


def test_the_last_affected_and_the_first_fixed_release_differ() -> None:
    assert only(said("==0.9.2")).satisfies("<0.9.4") is True
    assert only(said("==0.9.4")).satisfies("<0.9.4") is False


def test_a_range_passes_over_yanked_and_pre_releases() -> None:
    assert only(said(">=0.9.1,<0.9.4")).satisfies("==0.9.2") is None
    newest = only(said(">=0.9")).newest()
    assert newest is not None
    assert (newest.kind, newest.text()) == ("pin", "1.0.0")
    assert only(said("==0.9.2")).satisfies("==0.9.2") is True


def test_only_a_range_has_a_newest_release() -> None:
    assert only(said("==0.9.4")).newest() is None
    assert only(said("")).newest() is None
    assert only(said(">=7")).newest() is None


def test_a_range_beyond_the_table_is_decided_by_its_bounds_or_not_at_all() -> None:
    beyond = only(said(">=7,<8"))
    assert beyond.satisfies("<1") is False
    assert beyond.satisfies(">=0.9") is True
    assert beyond.satisfies(">=7.5") is None
    assert version_sets([said("<2", name="untabled")])["untabled"].satisfies(">=2") is False


def test_ranges_that_exclude_each_other_decide_nothing() -> None:
    assert only(said("<0.9"), said(">=1.0", file="dev/requirements.txt")).satisfies("<5") is None


def test_nothing_said_sees_every_tabled_release() -> None:
    for unsaid in (VersionSet("trl"), only(said(""))):
        assert unsaid.satisfies("<2") is True
        assert unsaid.satisfies(">=2") is False
        assert unsaid.satisfies("<1") is None
        assert unsaid.text() == "not pinned"
    assert VersionSet("untabled").satisfies("<2") is None


def test_a_url_decides_nothing() -> None:
    assert only(said("", "url")).satisfies("<99") is None


def test_a_pin_that_is_no_version_decides_nothing() -> None:
    assert only(said("==nightly")).satisfies("<2") is None


@pytest.mark.parametrize("spec", ["0.9", "=>0.9", ">=x", ">=0.*", "~=1"])
def test_a_malformed_range_of_a_rule_is_an_error(spec: str) -> None:
    with pytest.raises(ValueError):
        VersionSet("trl").satisfies(spec)


def test_markers_are_evaluated_for_the_target() -> None:
    split = [said("<0.9", marker="python_version < '3.10'"), said(">=1.0", marker="python_version >= '3.10'")]
    assert version_sets(split)["trl"].text() == ">=1.0"
    assert version_sets(split, {"python_version": "3.9"})["trl"].text() == "<0.9"
    assert version_sets([said("<0.9", marker="sys_platform == 'win32'")]) == {}


def test_a_marker_that_cannot_be_evaluated_is_taken_to_hold() -> None:
    assert only(said("==0.9.4", marker="who_knows == 'x'")).text() == "0.9.4"


def test_a_locked_entry_for_another_platform_is_left_out() -> None:
    entries = [
        said("==0.9.4", "lock", "uv.lock", "sys_platform == 'linux'"),
        said("==0.8.0", "lock", "uv.lock", "sys_platform != 'linux'"),
    ]
    assert only(*entries).text() == "0.9.4"


def test_lock_entries_told_apart_by_extras_are_judged_each() -> None:
    entries = [
        said("==0.9.4", "lock", "uv.lock", "extra == 'extra-3-app-cpu'"),
        said("==0.8.0", "lock", "uv.lock", "extra != 'extra-3-app-cpu'"),
    ]
    assert set(only(*entries).versions) == {"0.9.4", "0.8.0"}
    elsewhere = said("==0.9.0", "lock", "uv.lock", "sys_platform == 'darwin' and extra == 'extra-3-app-cpu'")
    assert set(only(*entries, elsewhere).versions) == {"0.9.4", "0.8.0"}
    in_group = said("==0.9.0", "lock", "pylock.toml", "'dev' in dependency_groups")
    assert set(only(*entries, in_group).versions) == {"0.9.4", "0.8.0", "0.9.0"}


def test_a_missing_table_is_an_empty_one(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(versions, "rules_dir", lambda: str(tmp_path / "nowhere"))
    versions._table.cache_clear()
    assert releases("transformers") == ()


PARTS = st.lists(st.integers(0, 3).map(str), min_size=1, max_size=3).map(".".join)
RANGES = st.lists(
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "=="]), PARTS).map("".join), min_size=1, max_size=3
).map(",".join)


@given(PARTS, RANGES)
def test_final_releases_are_in_a_range_as_pep_440_says(version: str, spec: str) -> None:
    assert in_range(Version(version), spec) == (version in SpecifierSet(spec))


@given(PARTS, RANGES, RANGES)
def test_bounds_never_contradict_a_version(version: str, one: str, other: str) -> None:
    number = Version(version)
    if in_range(number, one):
        if inside(bounds(one), bounds(other)):
            assert in_range(number, other)
        if disjoint(bounds(one), bounds(other)):
            assert not in_range(number, other)
