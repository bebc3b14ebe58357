"""What a reader of the terminal sees."""

from __future__ import annotations

import json
from collections.abc import Callable

from cfglint.model.finding import Finding, Fix, Location
from cfglint.model.report import Report, SkippedFile, Undecided
from cfglint.report import render
from cfglint.source import Cell, Source, Span

Make = Callable[..., Finding]
Wrap = Callable[..., Report]
Locate = Callable[..., Location]


def shown(report: Report) -> str:
    """The findings without the summary."""
    return render(report, "text").rpartition("\n\n")[0] + "\n"


def test_a_finding_with_related_places_in_two_files(full_report: Report) -> None:
    assert render(full_report, "text") == (
        """\
error[fp16-on-bf16-native-model]: float16 overflows on qwen2.5: gradients become NaN
 --> train.yaml:9:1
  |
2 | model_name_or_path: Qwen/Qwen2.5-7B-Instruct
  |                     ------------------------ a bfloat16-native family
...
9 | fp16: true
  | ^^^^^^^^^^
  |
 ::: ds_z3.json:2:3
  |
2 |   "fp16": {"enabled": "auto"}
  |   --------------------------- follows it
  |
  = why: Activations of this family, e.g. Those of the MLP, exceed 65504.
  = fix: train in bfloat16 (unsafe: it changes what the run does)
  = report: https://issues.example/7268

Found 1 error in 3 files (1 deepspeed, 1 llamafactory, 1 requirements).
3 checks undecided: 2 need the transformers version (pin it, or --target transformers=…), """
        """1 needs the gpu (--target gpu=…).
1 file skipped: weights.json (a binary file).
"""
    )


def test_one_line_between_two_marks_is_shown_and_marks_of_one_line_stand_below_each_other(
    make: Make, wrap: Wrap, locate: Locate
) -> None:
    source = Source("a.yaml", "".join(f"key{number}: {number}\n" for number in range(1, 13)))
    finding = make(
        locate(source, "key10: 10", "this"),
        related=(locate(source, "key8: 8", "that"), locate(source, "10", "its value")),
        fix=Fix("nothing to apply", "safe", ()),
        help="set it by hand",
        evidence=({"type": "source", "url": "https://code.example/x.py"},),
    )
    assert shown(wrap(finding)) == (
        """\
warning[some-rule]: something is off
  --> a.yaml:10:1
   |
 8 | key8: 8
   | ------- that
 9 | key9: 9
10 | key10: 10
   | ^^^^^^^^^ this
   |    -- its value
   |
   = advice: set it by hand
   = source: https://code.example/x.py
"""
    )


def test_carets_stand_under_tabs_wide_and_combining_characters(
    make: Make, wrap: Wrap, locate: Locate
) -> None:
    source = Source("a.py", "\tname = '模型🙂e\u0301'; fp16 = True  # 半\n")
    assert shown(wrap(make(locate(source, "fp16 = True")))) == (
        """\
warning[some-rule]: something is off
 --> a.py:1:18
  |
1 |     name = '模型🙂e\u0301'; fp16 = True  # 半
  |                       ^^^^^^^^^^^
  |
"""
    )
    assert "  |             ^^^^\n" in shown(wrap(make(locate(source, "模型"))))


def test_a_wide_line_is_cut_around_each_of_its_marks(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("a.json", '{"a": "' + "x" * 300 + '", "lr": 2e-5, "b": "' + "模" * 300 + '", "r": 126}')
    text = shown(wrap(make(locate(source, '"lr": 2e-5'), related=(locate(source, '"r": 126', "rank"),))))
    lines = text.splitlines()[3:7]
    assert lines[0] == "1 | …" + "x" * 33 + '", "lr": 2e-5, "b": "' + "模" * 28 + "…"
    assert lines[1] == "  | " + " " * 37 + "^" * 10
    assert lines[2] == "1 | …" + "模" * 17 + '", "r": 126}'
    assert lines[3] == "  | " + " " * (1 + 2 * 17 + 3) + "-" * 8 + " rank"


def test_a_mark_wider_than_the_window_is_cut_too(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("a.json", "[" + "1" * 500 + "]")
    lines = shown(wrap(make(locate(source, "1" * 500)))).splitlines()
    assert lines[3] == "1 | …" + "1" * 110 + "…"
    assert lines[4] == "  |  " + "^" * 110


def test_a_span_over_several_lines_marks_the_first(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("a.yaml", "lora:\r\n  r: 8\r\n  alpha: 16\r\n")
    assert shown(wrap(make(locate(source, "lora:\r\n  r: 8\r\n"), related=()))) == (
        """\
warning[some-rule]: something is off
 --> a.yaml:1:1
  |
1 | lora:
  | ^^^^^ (to line 2)
  |
"""
    )


def test_what_a_config_says_cannot_drive_the_terminal(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("a\x1b[2J.yaml", "name: \x1b]0;x\x07\u202emodel\x9b \ud800\n")
    finding = make(locate(source, "\u202emodel"), message="odd name \x1b[31mred\nsecond line", help="\x1b[0m")
    for form in ("text", "concise"):
        text = render(wrap(finding), form)
        assert not set("\x1b\x07\x9b\u202e\ud800") & set(text)
        text.encode("utf-8")
    assert shown(wrap(finding)) == (
        """\
warning[some-rule]: odd name ␛[31mred second line
 --> a␛[2J.yaml:1:13
  |
1 | name: ␛]0;x␇\ufffdmodel\ufffd \ufffd
  |             ^^^^^^
  |
  = advice: ␛[0m
"""
    )


def test_a_file_without_text_has_no_excerpt(make: Make, wrap: Wrap) -> None:
    finding = make(
        Location(Source("weights.yaml", ""), Span(0, 0)), rule="unreadable-file", message="a binary file"
    )
    assert shown(wrap(finding)) == "warning[unreadable-file]: a binary file\n --> weights.yaml:1:1\n"


def test_an_empty_span_at_the_end_of_a_file_gets_one_caret(make: Make, wrap: Wrap) -> None:
    source = Source("a.yaml", "a: [1")
    assert shown(wrap(make(Location(source, Span(5, 5))))).endswith("1 | a: [1\n  |      ^\n  |\n")


def notebook(*cells: list[str] | str) -> Source:
    data = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}
    return Source("tune.ipynb", json.dumps(data, indent=1, ensure_ascii=False))


def test_a_notebook_shows_the_decoded_line_of_the_cell(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = notebook(
        ["import torch\n"],
        ['name = "a\\tb"\n', "args = TrainingArguments(\n", '    "输出", fp16=True, note="\\"x\\"")\n'],
        ["!pip install peft==0.11\n"],
    )
    finding = make(
        locate(source, "fp16=True", "", Cell(2, 3)),
        related=(
            locate(source, "TrainingArguments", "made here", Cell(2, 2)),
            locate(source, "peft==0.11", "pinned here", Cell(3, 1)),
        ),
    )
    assert shown(wrap(finding)) == (
        """\
warning[some-rule]: something is off
 --> tune.ipynb:cell 2:3:11
  |
2 | args = TrainingArguments(
  |        ----------------- made here
3 |     "输出", fp16=True, note="\\"x\\"")
  |             ^^^^^^^^^
  |
 ::: tune.ipynb:cell 3:1:14
  |
1 | !pip install peft==0.11
  |              ---------- pinned here
  |
"""
    )
    assert render(wrap(finding), "concise").startswith("tune.ipynb:cell 2:3:11: warning[some-rule] ")


def test_a_notebook_cell_in_one_string(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = notebook("import torch\nuse = [\n  1,\n]\nfp16 = True\n")
    assert "5 | fp16 = True\n  | ^^^^\n" in shown(wrap(make(locate(source, "fp16", "", Cell(1, 5)))))
    several = locate(source, "[\\n  1,\\n]", "", Cell(1, 2))
    assert "2 | use = [\n  |       ^ (to line 4)\n" in shown(wrap(make(several)))


def test_colour_wraps_what_it_marks_and_nothing_else(full_report: Report) -> None:
    import re

    colored = render(full_report, "text", color=True)
    assert colored.startswith("\x1b[1;31merror[fp16-on-bf16-native-model]\x1b[0m\x1b[1m: float16")
    assert "\x1b[1;31m^^^^^^^^^^\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(full_report, "text")


def test_the_summary_tells_apart_clean_and_nothing_to_check(wrap: Wrap, make: Make, locate: Locate) -> None:
    source = Source("a.yaml", "a: 1\n")
    skipped = (SkippedFile("a.json", "not a training file"), SkippedFile("b.json", "not a training file"))
    levels = [
        make(locate(source, "a"), severity=name) for name in ("error", "error", "warning", "info", "info")
    ]
    assert render(wrap(), "text") == "No findings in 1 file (1 llamafactory).\n"
    assert (
        render(wrap(checked=(), skipped=skipped, named_only=True), "text") == "nothing to check in 2 files\n"
    )
    assert render(wrap(checked=(), skipped=skipped), "text") == (
        "nothing to check: no training or dependency file was found (2 files looked at)\n"
    )
    assert render(wrap(checked=()), "text") == "nothing to check: no training or dependency file was found\n"
    last = render(wrap(*levels, suppressed=2), "text").rpartition("\n\n")[2]
    assert last == (
        "Found 2 errors, 1 warning and 2 info in 1 file (1 llamafactory).\n2 findings ignored by comments.\n"
    )


def test_the_summary_names_the_facts_that_decide_most(wrap: Wrap) -> None:
    missing = {"model.family": 2, "packages.peft": 4, "training.bf16": 1, "target.gpu": 2}
    skipped = tuple(SkippedFile(f"{name}.json", "a binary file") for name in "abcde")
    assert render(wrap(undecided=Undecided(9, missing), skipped=skipped), "concise").splitlines()[1:] == [
        "9 checks undecided: 4 need the peft version (pin it, or --target peft=…), 2 need model.family, "
        "2 need the gpu (--target gpu=…), and 1 other fact.",
        "5 files skipped: a.json (a binary file), b.json (a binary file), c.json (a binary file) and 2 more.",
    ]


def test_concise_is_one_line_for_each_finding(full_report: Report) -> None:
    assert render(full_report, "concise").splitlines()[0] == (
        "train.yaml:9:1: error[fp16-on-bf16-native-model] float16 overflows on qwen2.5: gradients become NaN"
    )
