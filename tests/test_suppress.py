"""Comments silence what they name, where they stand; a comment that silences nothing is reported."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pytest

from cfglint.model.finding import Finding, Location
from cfglint.source import Cell, Source, Span
from cfglint.suppress import Suppression, suppress

RULES = {"fp16-on-bf16": "PRE002", "lr-too-high": "LRN001", "unused-ignore": "CFG003"}


def finding(rule: str, *locations: Location) -> Finding:
    return Finding(
        rule,
        RULES[rule],
        "warning",
        "high",
        locations[0],
        locations[1:],
        "off",
        "",
        "",
        (),
        (),
        {},
        (),
        None,
        "",
        "",
    )


def at(source: Source, text: str) -> Location:
    start = source.text.index(text)
    return Location(source, Span(start, start + len(text)))


def on_lines(source: Source, rule: str, *texts: str) -> list[Finding]:
    return [finding(rule, at(source, text)) for text in texts]


def kept(result: Suppression) -> list[str]:
    return [found.location.source.slice(found.location.span) for found in result.kept]


def unused(result: Suppression) -> list[str]:
    shown = []
    for found in result.unused:
        place = found.location.source.position(found.location.span.start)
        shown.append(f"{found.location.source.path}:{place.line}:{place.column}: {found.message}")
    return shown


def test_a_comment_counts_for_its_line_or_for_the_next_one() -> None:
    source = Source(
        "a.yaml",
        "fp16: true  # cfglint: ignore[fp16-on-bf16] our GPUs are old\n"
        "# cfglint: ignore[LRN001]\n"
        "# the learning rate of the paper\n"
        "lr: 0.1\n"
        "lr2: 0.1\n",
    )
    found = [
        *on_lines(source, "fp16-on-bf16", "fp16: true"),
        *on_lines(source, "lr-too-high", "lr: 0.1", "lr2: 0.1"),
    ]
    result = suppress(found, [source], RULES)
    assert kept(result) == ["lr2: 0.1"]
    assert result.silenced == 2
    assert result.unused == ()


def test_comments_above_each_other_all_count() -> None:
    source = Source(
        "a.py", "# cfglint: ignore[fp16-on-bf16]\r\n#cfglint:ignore[lr-too-high]\r\ntrain(fp16=1, lr=2)\r\n"
    )
    found = [finding("fp16-on-bf16", at(source, "fp16=1")), finding("lr-too-high", at(source, "lr=2"))]
    assert suppress(found, [source], RULES) == Suppression((), 2, ())


def test_a_comment_on_any_line_of_the_span_or_at_a_related_place_counts() -> None:
    source = Source("a.yaml", "lora:\n  r: 8  # cfglint: ignore[lr-too-high]\n  a: 16\n")
    config = Source("ds.json", '{"fp16": 1}')
    found = [
        finding("lr-too-high", at(source, "lora:\n  r: 8")),
        finding("lr-too-high", at(config, '"fp16": 1'), at(source, "r: 8")),
        finding("lr-too-high", at(source, "a: 16")),
    ]
    assert kept(suppress(found, [source, config], RULES)) == ["a: 16"]


def test_a_file_ignore_counts_for_the_whole_file_from_its_head_only() -> None:
    head = Source(
        "a.yaml", "x: 1\n# cfglint: file-ignore[fp16-on-bf16, lr-too-high] generated\nfp16: true\nlr: 0.1\n"
    )
    found = [*on_lines(head, "fp16-on-bf16", "fp16: true"), *on_lines(head, "lr-too-high", "lr: 0.1")]
    assert suppress(found, [head], RULES) == Suppression((), 2, ())
    late = Source("a.yaml", "\n" * 20 + "# cfglint: file-ignore[fp16-on-bf16]\nfp16: true\n")
    result = suppress(on_lines(late, "fp16-on-bf16", "fp16: true"), [late], RULES)
    assert kept(result) == ["fp16: true"]
    assert unused(result) == [
        "a.yaml:21:1: this comment has no effect: a `file-ignore` counts only in the first 20 lines"
    ]


@pytest.mark.parametrize("path", ["requirements.txt", "run.sh", "pyproject.toml", "a.yml", "Dockerfile"])
def test_every_format_with_such_comments(path: str) -> None:
    source = Source(path, "# cfglint: ignore[lr-too-high]\nlr=1\n")
    assert suppress(on_lines(source, "lr-too-high", "lr=1"), [source], RULES).silenced == 1


def test_only_real_comments_count() -> None:
    yaml = Source(
        "a.yaml", 'a: "x # cfglint: ignore[lr-too-high]"\nb: x#cfglint: ignore[lr-too-high]\nc: 1\n'
    )
    scalars = [Span(3, yaml.text.index("\n"))]
    found = on_lines(yaml, "lr-too-high", "a:", "b:", "c:")
    result = suppress(found, [yaml], RULES, exclude=lambda source: scalars)
    assert (kept(result), result.unused) == (["a:", "b:", "c:"], ())
    assert kept(suppress(found, [yaml], RULES)) == ["b:", "c:"]

    script = Source(
        "a.py",
        's = """\n# cfglint: ignore[lr-too-high]\nlr\n"""\nt = "é"; lr2 = 1 # cfglint: ignore[LRN001]\n',
    )
    result = suppress(on_lines(script, "lr-too-high", "lr\n", "lr2 = 1"), [script], RULES)
    assert (kept(result), result.unused) == (["lr\n"], ())

    parsed = Source("a.json", '{"a": "# cfglint: ignore[lr-too-high]"}')
    assert suppress(on_lines(parsed, "lr-too-high", '"a"'), [parsed], RULES).silenced == 0


def test_a_script_that_cannot_be_tokenized_is_read_by_lines() -> None:
    script = Source("a.py", 'x = (\n"""\n# cfglint: ignore[lr-too-high]\nlr\n')
    assert suppress(on_lines(script, "lr-too-high", "lr\n"), [script], RULES).silenced == 1


def test_what_silences_nothing_is_reported() -> None:
    source = Source(
        "a.yaml",
        "fp16: true  # cfglint: ignore[fp16-on-bf16, lr-too-high]\n"
        "lr: 1  # cfglint: ignore[lr-to-high]\n"
        "a: 1  # cfglint: ignore\n"
        "b: 1  # cfglint: disable[PRE002]\n"
        "c: 1  # cfglint: see the README\n"
        "# cfglint: file-ignore[NOPE]\n"
        "# cfglint: file-ignore[PRE002]\n",
    )
    result = suppress(on_lines(source, "fp16-on-bf16", "fp16: true"), [source], RULES)
    assert unused(result) == [
        "a.yaml:1:45: `lr-too-high` reports nothing here",
        "a.yaml:2:26: no rule is named `lr-to-high`; did you mean `lr-too-high`?",
        "a.yaml:3:7: this comment has no effect: it names no rule: write `ignore[rule-name]`",
        "a.yaml:4:7: this comment has no effect: "
        "`disable` is not understood: write `ignore[…]` or `file-ignore[…]`",
        "a.yaml:6:24: no rule is named `NOPE`",
    ]
    first = result.unused[0]
    assert (first.rule, first.code, first.severity) == ("unused-ignore", "CFG003", "warning")
    assert source.slice(first.location.span) == "lr-too-high"


def test_rules_that_did_not_run_are_not_reported_and_the_report_can_be_silenced() -> None:
    source = Source(
        "a.yaml",
        "a: 1  # cfglint: ignore[lr-too-high]\nb: 1  # cfglint: ignore[PRE002]\n"
        "c: 1  # cfglint: ignore[PRE002, unused-ignore]\nd: 1  # cfglint: ignore[nope, CFG003]\n",
    )
    result = suppress([], [source], RULES, active=["fp16-on-bf16", "unused-ignore"])
    assert unused(result) == ["a.yaml:2:25: `PRE002` reports nothing here"]
    whole = Source("b.yaml", "# cfglint: file-ignore[unused-ignore]\n" + source.text)
    assert suppress([], [whole], RULES).unused == ()


def notebook(*cells: Iterable[str] | str) -> Source:
    data = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    return Source("a.ipynb", json.dumps(data, indent=1))


def test_a_notebook_with_a_string_for_each_line() -> None:
    source = notebook(
        [
            "# cfglint: ignore[lr-too-high] as in the paper\n",
            "\n",
            "lr = 1\n",
            "lr = 2 # cfglint: ignore[LRN001]\n",
        ],
        [
            "if x:\n",
            "\t# cfglint: ignore[fp16-on-bf16]\n",
            "\tfp16 = 1\n",
            "print('# cfglint: ignore[LRN001]')",
        ],
    )
    found = [
        *on_lines(source, "lr-too-high", "lr = 1", "lr = 2"),
        *on_lines(source, "fp16-on-bf16", "fp16 = 1"),
    ]
    assert suppress(found, [source], RULES) == Suppression((), 3, ())


def test_a_notebook_with_one_string_for_a_cell() -> None:
    source = notebook(
        "# cfglint: ignore[lr-too-high]\nlr = 1\nlr = 2\n", 'x = "\\n"\nlr = 3 # cfglint: ignore[LRN001]'
    )
    found = on_lines(source, "lr-too-high", "lr = 1", "lr = 2", "lr = 3")
    assert kept(suppress(found, [source], RULES)) == ["lr = 2"]


def test_in_a_notebook_only_code_cells_count_and_findings_name_the_cell() -> None:
    source = notebook(["# cfglint: ignore[lr-too-high]\n"], ["# cfglint: ignore[fp16-on-bf16]\n"])
    code = source.text.index("fp16-on-bf16") - 30

    def cell_of(source: Source, offset: int) -> Cell | None:
        return Cell(2, 1) if offset > code else None

    (found,) = suppress([], [source], RULES, cell_of=cell_of).unused
    assert found.location.cell == Cell(2, 1)
    assert found.message == "`fp16-on-bf16` reports nothing here"


def test_files_without_comments_are_not_looked_into() -> None:
    source = Source("a.yaml", "a: 1  # plain\n")

    def never(source: Source) -> Iterable[Span]:
        raise AssertionError(source)

    found = on_lines(source, "lr-too-high", "a: 1")
    assert suppress(found, [source], RULES, exclude=never) == Suppression(tuple(found), 0, ())


@pytest.mark.parametrize(
    "text",
    [
        "# cfglint: ignore[lr-too-high]\n" * 100_000,
        "# cfglint: ignore[lr-too-high] " * 100_000,
        " " * 5_000_000 + "# cfglint: ignore[x] " * 100_000,
        "# cfglint: ignore[" + "a," * 4_000_000 + "]",
        "#" * 5_000_000 + "cfglint:",
        "a: 1 # cfglint:" + " " * 5_000_000 + "\n",
    ],
    ids=["lines", "one line", "lead", "names", "marks", "blanks"],
)
@pytest.mark.parametrize("path", ["a.yaml", "a.ipynb"])
def test_no_file_can_make_it_hang(path: str, text: str) -> None:
    source = Source(path, text)
    start = time.process_time()
    result = suppress([finding("lr-too-high", Location(source, Span(0, 1)))], [source], RULES)
    assert time.process_time() - start < 10
    assert len(result.unused) <= 1_000
