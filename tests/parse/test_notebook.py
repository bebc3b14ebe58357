"""Notebooks: their code as one script, every span in the JSON text, every cell findable."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.parse.notebook import CellMap, parse_notebook
from cfglint.parse.script import Script
from cfglint.parse.tree import ParseError, Scalar, plain
from cfglint.source import Cell, Source, Span


def code(source: str | list[str], **more: object) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source, **more}


def notebook(
    *cells: dict[str, object], ensure_ascii: bool = True, indent: int | None = 1, **more: object
) -> Source:
    data = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return Source("train.ipynb", json.dumps(data, ensure_ascii=ensure_ascii, indent=indent))


def read(*cells: dict[str, object]) -> tuple[Source, Script, CellMap]:
    source = notebook(*cells)
    return (source, *parse_notebook(source))


def decoded(source: Source, span: Span) -> str:
    """What a span inside one JSON string says."""
    return str(json.loads(f'"{source.slice(span)}"'))


MARKDOWN: dict[str, object] = {"cell_type": "markdown", "metadata": {}, "source": ["# f(x=1)\n", "text"]}


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
def test_spans_stand_in_the_file(ensure_ascii: bool, indent: int | None) -> None:
    source = notebook(
        MARKDOWN,
        code(["bs = 4\n", 'n = "é😀"\n']),
        code('Config(\n\tname="a\\"é😀",\n\tbs=bs, n=n, lr=1e-4)'),
        ensure_ascii=ensure_ascii,
        indent=indent,
    )
    script, cells = parse_notebook(source)
    (call,) = script.calls
    written = {argument.name: decoded(source, argument.value.span) for argument in call.arguments}
    assert written == {"name": '"a\\"é😀"', "bs": "bs", "n": "n", "lr": "1e-4"}
    assert [plain(argument.value) for argument in call.arguments] == ['a"é😀', 4, "é😀", 1e-4]
    assert decoded(source, call.span).startswith("Config(\n\tname=")
    assert cells.locate(call.span.start) == Cell(3, 1)
    assert cells.locate(call.arguments[3].span.start) == Cell(3, 3)
    assert cells.locate(0) is None
    assert cells.locate(source.text.index("text")) is None
    bs = call.arguments[1].value
    assert isinstance(bs, Scalar)
    assert bs.note == "bs = 4 in cell 2, line 1"


def test_every_place_of_a_cell_is_found() -> None:
    source, _, cells = read(code(["a = 1\n", "\n", "b = 2"]))
    lines = [cells.locate(source.text.index(text)) for text in ("a = 1", "b = 2")]
    assert lines == [Cell(1, 1), Cell(1, 3)]
    between = cells.locate(source.text.index("b = 2") - 1)
    assert between == Cell(1, 2)
    assert cells.locate(source.text.index("b = 2") + 5) == Cell(1, 3)
    assert cells.locate(source.text.index("b = 2") + 7) is None


@pytest.mark.parametrize(
    ("lines", "shell"),
    [
        (["!pip install trl==0.9\n", "f(x=1)"], ["pip install trl==0.9"]),
        (["! pip install trl\n", "f(x=1)"], ["pip install trl"]),
        (["%pip install trl\n", "f(x=1)"], ["pip install trl"]),
        (["pip install trl\n", "f(x=1)"], ["pip install trl"]),
        (["!uv pip install a \\\n", "   b\n", "f(x=1)"], ["uv pip install a b"]),
        (["if c:\n", "    !pip install a\n", "f(x=1)"], ["pip install a"]),
        (["out = !ls -l\n", "f(x=1)"], ["ls -l"]),
        (["%%capture\n", "!pip install a\n", "f(x=1)"], ["pip install a"]),
        (["%%time\n", "f(x=1)"], []),
        (["%matplotlib inline\n", "f(x=1)\n", "model?\n", "?model\n"], []),
        (["s = ('a'\n", "  % b)\n", "f(x=1)"], []),
    ],
)
def test_magics_are_taken_out(lines: list[str], shell: list[str]) -> None:
    source, script, cells = read(code(lines))
    assert cells.skipped == ()
    assert [line.text for line in script.shell_lines] == shell
    (call,) = [call for call in script.calls if call.callee == "f"]
    assert source.slice(call.span) == "f(x=1)"
    assert cells.locate(call.span.start) == Cell(
        1, 1 + lines.index(next(line for line in lines if "f(x" in line))
    )


def test_what_a_shell_magic_assigns_is_not_known() -> None:
    _, script, _ = read(code("n = !nproc\nf(x=n)"))
    (call,) = [call for call in script.calls if call.callee == "f"]
    assert not isinstance(call.arguments[0].value, Scalar)


def test_shell_lines_know_where_their_text_stands() -> None:
    source, script, _ = read(code(['!pip install "trl==0.9" \\\n', "   'é'\n"]))
    (line,) = script.shell_lines
    assert line.text == "pip install \"trl==0.9\" 'é'"
    assert len(line.offsets) == len(line.text) + 1
    start = line.text.index("trl")
    assert source.text[line.offsets[start] : line.offsets[start + 8]] == "trl==0.9"
    assert source.text[line.offsets[-2] : line.offsets[-1]] == "'"
    assert (line.offsets[0], line.offsets[-1]) == line.span


@pytest.mark.parametrize(
    "cell",
    [
        code(["%%bash\n", "# comment\n", "pip install a \\\n", "  b\n", "f(x=1)\n"]),
        code(["%%script bash\n", "pip install a b\n", "f(x=1)\n"]),
        code(["pip install a b\n", "f(x=1)\n"], metadata={"vscode": {"languageId": "shellscript"}}),
    ],
)
def test_shell_cells(cell: dict[str, object]) -> None:
    _, script, cells = read(cell)
    assert script.calls == ()
    assert [line.text for line in script.shell_lines] == ["pip install a b", "f(x=1)"]
    assert cells.skipped == ()


@pytest.mark.parametrize("magic", ["%%writefile a.py", "%%html", "%%javascript"])
def test_other_cell_magics_are_no_python(magic: str) -> None:
    _, script, cells = read(code(f"{magic}\nf(x=1)"))
    assert (script.calls, script.shell_lines, cells.skipped) == ((), (), ())


def test_a_failing_cell_does_not_lose_the_others() -> None:
    source, script, cells = read(
        code("f(x=1)"), MARKDOWN, code("ok = 1\nswift sft --x"), code("g(x=2)"), code("(1,"), code("2)")
    )
    assert [call.callee for call in script.calls] == ["f", "g"]
    assert [skipped.cell for skipped in cells.skipped] == [Cell(3, 2), Cell(5, 1), Cell(6, 1)]
    assert source.slice(script.calls[1].span) == "g(x=2)"


def test_cells_that_only_join_to_python_are_not_joined() -> None:
    _, script, cells = read(code("if x:"), code("    f(x=1)"), code("g(x=1)"))
    assert [call.callee for call in script.calls] == ["g"]
    assert [skipped.cell.index for skipped in cells.skipped] == [1, 2]


def test_another_language_has_no_python() -> None:
    source = notebook(code("f(x=1)"), metadata={"kernelspec": {"language": "R"}})
    script, _ = parse_notebook(source)
    assert script.calls == ()


def test_the_last_of_duplicate_keys_counts() -> None:
    source = Source("a.ipynb", '{"cells": [{"cell_type": "code", "source": "f()", "source": ["g()"]}]}')
    script, _ = parse_notebook(source)
    assert [source.slice(call.span) for call in script.calls] == ["g()"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"cells": 1}',
        '{"cells": [}',
        '{"cells": [{"source": "a}]}',
        '{"cells": [], "x": ' + "[" * 100_000,
        '{"cells": [{"metadata": ' + '{"a":' * 100_000,
        '{"cells" []}',
        '{"cells": [] 1}',
        '{"cells": [1 2]}',
    ],
)
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_notebook(Source("a.ipynb", text))
    assert 0 <= caught.value.offset <= len(text)


@pytest.mark.parametrize(
    "cell", [1, None, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": [1, "f()", {}]}]
)
def test_odd_cells(cell: object) -> None:
    source = Source("a.ipynb", json.dumps({"cells": [cell, code("g()")]}))
    script, _ = parse_notebook(source)
    assert source.slice(script.calls[-1].span) == "g()"


def test_deep_nesting_in_a_cell() -> None:
    _, script, cells = read(code("x = " + "[" * 10_000), code("f()"))
    assert [call.callee for call in script.calls] == ["f"]
    assert [skipped.cell.index for skipped in cells.skipped] == [1]


def test_carriage_returns_and_lone_surrogates() -> None:
    source = Source(
        "a.ipynb", '{"cells": [{"cell_type": "code", "source": ["# \\ud83d\\r\\n", "f(x=\'\\u00e9\')"]}]}'
    )
    script, cells = parse_notebook(source)
    (call,) = script.calls
    assert decoded(source, call.span) == "f(x='é')"
    assert cells.locate(call.span.start) == Cell(1, 2)


words = st.text(alphabet="ab é😀\"'\\\t\x7f", max_size=8)


@given(
    st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([None, 0, 1]),
    st.booleans(),
    st.lists(st.integers(0, 3), max_size=3),
)
def test_any_notebook_maps_back(
    cells: list[list[str]], ensure_ascii: bool, indent: int | None, as_lines: bool, markdown: list[int]
) -> None:
    made: list[dict[str, object]] = []
    for number, values in enumerate(cells):
        if number in markdown:
            made.append(MARKDOWN)
        text = "".join(f"# é{line}\nf(a={value!r}, x={value!r})\n" for line, value in enumerate(values))
        made.append(code(text.splitlines(keepends=True) if as_lines else text))
    source = notebook(*made, ensure_ascii=ensure_ascii, indent=indent)
    script, places = parse_notebook(source)
    expected = [(number, line, value) for number, cell in enumerate(cells) for line, value in enumerate(cell)]
    numbers = [number for number, cell in enumerate(made, 1) if cell is not MARKDOWN]
    assert len(script.calls) == len(expected)
    for call, (number, line, value) in zip(script.calls, expected, strict=True):
        found = call.arguments[1].value
        assert ast.literal_eval(decoded(source, found.span)) == plain(found) == value
        assert decoded(source, call.span) == f"f(a={value!r}, x={value!r})"
        assert places.locate(found.span.start) == Cell(numbers[number], 2 * line + 2)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_cells_are_read(first: str, second: str) -> None:
    source = notebook(code(first), code(second), code("f(x=1)"))
    script, _ = parse_notebook(source)
    assert source.slice(script.calls[-1].span) == "f(x=1)"
