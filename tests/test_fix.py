"""Fixes touch what they say and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.fix import FixError, apply, converge, diff, select, write
from cfglint.model.finding import Edit, Finding, Fix, Location
from cfglint.source import Source, Span, read_source


def edit(source: Source, old: str, new: str) -> Edit:
    start = source.text.index(old)
    return Edit(source, Span(start, start + len(old)), new)


def finding(*edits: Edit, rule: str = "some-rule", safety: str = "safe") -> Finding:
    fix = Fix("change it", safety, edits)
    place = Location(edits[0].source, edits[0].span)
    return Finding(
        rule,
        "GEN001",
        "warning",
        "high",
        place,
        (),
        "off",
        "",
        "",
        (),
        (),
        {},
        (),
        fix,
        f"{rule}-print",
        "route",
    )


def broken(source: Source) -> Finding:
    return finding(Edit(source, Span(0, 0), ""), rule="unreadable-file")._replace(fix=None)


# Selection


def test_where_fixes_overlap_the_first_finding_wins_and_a_fix_goes_whole_or_not_at_all() -> None:
    source = Source("a.yaml", "fp16: true\nlr: 1\nr: 2\n")
    first = finding(edit(source, "fp16: true", "bf16: true"))
    second = finding(edit(source, "16: true", "32: true"), edit(source, "lr: 1", "lr: 2"), rule="second")
    third = finding(edit(source, "r: 2", "r: 4"), rule="third")
    assert select([first, second, third]).findings == [first, third]
    assert select([second, first, third]).findings == [second, third]


def test_two_findings_that_want_the_same_edit_share_it() -> None:
    source = Source("a.yaml", "fp16: true\nlr: 1\n")
    both = [
        finding(edit(source, "fp16: true", "bf16: true")),
        finding(edit(source, "fp16: true", "bf16: true"), edit(source, "lr: 1", "lr: 2"), rule="second"),
    ]
    chosen = select(both)
    assert chosen.findings == both
    assert apply(source, chosen.edits["a.yaml"][1]) == "bf16: true\nlr: 2\n"


def test_two_insertions_at_one_place_wait_for_the_next_round_but_touching_edits_do_not() -> None:
    source = Source("a.yaml", "a: 1\nb: 2\n")
    insert, other = Edit(source, Span(5, 5), "x: 1\n"), Edit(source, Span(5, 5), "y: 1\n")
    before, after = Edit(source, Span(0, 5), ""), Edit(source, Span(5, 10), "b: 3\n")
    assert len(select([finding(insert), finding(other)]).findings) == 1
    chosen = select([finding(after), finding(insert), finding(before)])
    assert apply(source, chosen.edits["a.yaml"][1]) == "x: 1\nb: 3\n"
    assert apply(source, [other, insert]) == "a: 1\ny: 1\nx: 1\nb: 2\n"


def test_unsafe_fixes_are_asked_for() -> None:
    source = Source("a.yaml", "a: 1\n")
    unsafe = finding(edit(source, "1", "2"), safety="unsafe")
    assert select([unsafe]).findings == []
    assert select([unsafe], unsafe=True).findings == [unsafe]


# Application


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    alphabet = st.sampled_from('ab:1 \t"\\é模🙂\r\n\u2028')
    text = draw(st.text(alphabet, max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12, unique=True)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [(start, end, draw(st.text(st.sampled_from("xyz:模"), max_size=5))) for start, end in pairs]


@given(texts_and_edits(), st.randoms())
def test_every_other_character_is_untouched(
    case: tuple[str, list[tuple[int, int, str]]], random: Random
) -> None:
    text, wanted = case
    source = Source("a.yaml", text)
    edits = [Edit(source, Span(start, end), new) for start, end, new in wanted]
    random.shuffle(edits)
    fixed = apply(source, edits)
    at = done = 0
    for start, end, new in wanted:
        assert fixed[at : at + start - done] == text[done:start]
        at += start - done
        assert fixed[at : at + len(new)] == new
        at, done = at + len(new), end
    assert fixed[at:] == text[done:]


def test_overlapping_edits_are_refused() -> None:
    source = Source("a.yaml", "abcdef")
    for spans in ([(0, 3), (2, 4)], [(0, 7)], [(3, 2)]):
        with pytest.raises(FixError, match=r"a\.yaml: its edits overlap"):
            apply(source, [Edit(source, Span(*span), "x") for span in spans])


@pytest.mark.parametrize("new", ["b: 2\nc: 3\n", "b: 2\r\nc: 3\r\n"])
def test_new_lines_end_as_the_lines_of_the_file(new: str) -> None:
    for end in ("\n", "\r\n"):
        source = Source("a.yaml", f"a: 1{end}")
        last = Span(len(source.text), len(source.text))
        assert apply(source, [Edit(source, last, new)]) == f"a: 1{end}b: 2{end}c: 3{end}"


def test_text_for_a_notebook_is_escaped_and_the_notebook_still_parses() -> None:
    source = Source("a.ipynb", '{"cells": [{"source": ["dtype = torch.float16\\n"]}]}')
    change = edit(source, "torch.float16", 'pick("bf16", "模")\nprint()')
    fixed = apply(source, [change], escape_json=True)
    assert json.loads(fixed)["cells"][0]["source"] == ['dtype = pick("bf16", "模")\nprint()\n']
    assert fixed.startswith('{"cells": [{"source": ["dtype = pick(\\"bf16\\", \\"模\\")')
    with pytest.raises(FixError, match="notebook that cannot be parsed"):
        apply(source, [edit(source, '\\n"]', "")], escape_json=True)


# Linting again


def replace_rule(old: str, new: str, rule: str = "some-rule") -> Callable[[Source], list[Finding]]:
    """A rule that fires on a text and wants another one in its place."""
    return lambda source: [finding(edit(source, old, new), rule=rule)] if old in source.text else []


def linter(
    sources: Sequence[Source], *rules: Callable[[Source], list[Finding]]
) -> Callable[[Mapping[str, Source]], list[Finding]]:
    def relint(changed: Mapping[str, Source]) -> list[Finding]:
        now = [changed.get(source.file or source.path, source) for source in sources]
        return [found for source in now for rule in rules for found in rule(source)]

    return relint


def test_fixes_that_make_room_for_each_other_converge() -> None:
    source = Source("a.yaml", "fp16: true\nlr: 1\n", bom=True)
    relint = linter([source], replace_rule("fp16", "bf16"), replace_rule("16: true", "16: false", "overlaps"))
    outcome = converge(relint({}), relint)
    assert outcome.converged
    (change,) = outcome.changes
    assert change.before is source
    assert change.after.text == "bf16: false\nlr: 1\n"
    assert change.after.bom
    assert [found.rule for found in outcome.fixed] == ["some-rule", "overlaps"]
    assert outcome.findings == ()


def test_fixes_that_undo_each_other_end() -> None:
    source = Source("a.yaml", "fp16: true\n")
    lint = linter([source], replace_rule("fp16", "bf16"), replace_rule("bf16", "fp16"))
    rounds = []

    def relint(changed: Mapping[str, Source]) -> list[Finding]:
        rounds.append(changed)
        return lint(changed)

    assert not converge(lint({}), relint).converged
    assert len(rounds) == 2


def test_fixes_that_always_find_more_end_after_ten_rounds() -> None:
    source = Source("a.yaml", "a")
    lint = linter([source], lambda now: [finding(Edit(now, Span(0, 0), "a"))])
    outcome = converge(lint({}), lint)
    assert not outcome.converged
    assert outcome.changes[0].after.text == "a" * 11


def test_ten_rounds_that_finish_are_a_success() -> None:
    source = Source("a.yaml", "a" * 10)
    lint = linter([source], replace_rule("a", "b"))
    outcome = converge(lint({}), lint)
    assert outcome.converged
    assert outcome.changes[0].after.text == "b" * 10


def test_a_fix_that_changes_nothing_ends() -> None:
    source = Source("a.yaml", "a")
    lint = linter([source], replace_rule("a", "a"))
    outcome = converge(lint({}), lint)
    assert (outcome.changes, outcome.converged, len(outcome.findings)) == ((), False, 1)


def test_a_fix_that_breaks_a_file_is_taken_back_and_the_others_stay() -> None:
    good, bad = Source("a.yaml", "fp16: 1\n"), Source("b.yaml", "fp16: 1\n")
    rules = replace_rule("fp16", "bf16")

    def lint(changed: Mapping[str, Source]) -> list[Finding]:
        if "b.yaml" in changed:
            return [*linter([good], rules)(changed), broken(changed["b.yaml"])]
        return linter([good, bad], rules)(changed)

    outcome = converge(lint({}), lint)
    assert [change.after.path for change in outcome.changes] == ["a.yaml"]
    assert outcome.refused == {"b.yaml": "its fix would leave a file that cannot be parsed"}
    assert [found.location.source.path for found in outcome.findings] == ["b.yaml"]


def test_a_fix_over_two_files_is_not_applied_to_one_of_them() -> None:
    config, notebook = Source("a.yaml", "fp16: 1\n"), Source("b.ipynb", '{"source": ["x = 1"]}')
    found = [finding(edit(config, "fp16", "bf16"), edit(notebook, '1"', "2"))]
    outcome = converge(found, lambda changed: found)
    assert outcome.changes == ()
    assert outcome.fixed == ()
    assert list(outcome.refused) == ["b.ipynb"]


# Diffs


def test_a_diff_keeps_line_ends_and_a_missing_one() -> None:
    source = Source("conf/a.yaml", "a: 1\r\nb: 2\r\nc: 3")
    assert diff(source, "a: 1\r\nb: 4\r\nc: 3") == (
        "--- a/conf/a.yaml\n+++ b/conf/a.yaml\n@@ -1,3 +1,3 @@\n a: 1\r\n-b: 2\r\n+b: 4\r\n c: 3\n"
        "\\ No newline at end of file\n"
    )
    assert diff(source, source.text) == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: 1\nb: 2", "a: 1\nb: 3"),
        ("a: 1\r\nb: 2\r\n", "a: 2\r\nb: 2\r\nc: 3"),
        ("a: \u2028 1\x0c\nb: 2\n", "b: 2\n"),
        ("a", "a\n"),
    ],
)
def test_git_applies_the_diff(tmp_path: Path, old: str, new: str, bom: bool) -> None:
    mark = b"\xef\xbb\xbf" if bom else b""
    file = tmp_path / "a.yaml"
    file.write_bytes(mark + old.encode())
    patch = diff(read_source(str(file), "a.yaml"), new).encode()
    environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(
        ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"],
        input=patch, cwd=tmp_path, check=True, env=environ,
    )  # fmt: skip
    assert file.read_bytes() == mark + new.encode()


# Writing


def test_writing_keeps_mode_byte_order_mark_line_ends_and_links(tmp_path: Path) -> None:
    file, link = tmp_path / "a.yaml", tmp_path / "link.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    file.chmod(0o640)
    link.symlink_to("a.yaml")
    write(read_source(str(link), "link.yaml"), "a: 模\r\n")
    assert file.read_bytes() == b"\xef\xbb\xbfa: \xe6\xa8\xa1\r\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "link.yaml"]


def test_a_file_that_changed_since_it_was_read_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    source = read_source(str(file), "a.yaml")
    file.write_text("a: 2\n")
    with pytest.raises(FixError, match=r"a\.yaml: changed on disk"):
        write(source, "a: 3\n")
    assert file.read_text() == "a: 2\n"
    file.unlink()
    with pytest.raises(FixError, match="cannot be written: No such file"):
        write(source, "a: 3\n")


def test_a_failed_write_leaves_the_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    source = read_source(str(file), "a.yaml")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FixError, match="cannot be written: No space left"):
        write(source, "a: 2\n")
    with pytest.raises(FixError, match="not valid Unicode"):
        write(source, "a: \ud800\n")
    assert file.read_text() == "a: 1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_standard_input_is_not_written() -> None:
    with pytest.raises(FixError, match="is not a file"):
        write(Source("-", "a: 1\n"), "a: 2\n")


def test_a_read_only_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    source = read_source(str(file), "a.yaml")
    file.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # a superuser may write it all the same
    with pytest.raises(FixError, match="is read-only"):
        write(source, "a: 2\n")
