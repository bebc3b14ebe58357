from __future__ import annotations

from typing import Any

import pytest
import tomllib
from hypothesis import given
from hypothesis import strategies as st

from cfglint.packages.toml_spans import TomlError, read_toml, toml_spans

TEXT = '''\
title = "a # b"   # "not me"
"quoted key".'x.y' = 'lit # eral'
numbers = [1, 2.5, 1979-05-27T07:32:00Z, true]  # [
[project]   # header
dependencies = [
  # "transformers==4.0.0",
  "transformers==4.0.0", "trl",  # "peft"
  """peft
==1""",
]
tool = {a = {b = "c"}, d = ["e", {f = "g"}]}
[[package]]
name = "one"
[[package.wheels]]
url = "u1"
[[package.wheels]]
url = "u2"
[[package]]
name = "two \\"quoted\\""
[package.sub]
deep."k é".k2 = "v"
[[package.wheels]]
url = "u3"
'''


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    if isinstance(value, dict):
        return {
            key: leaf for name, inner in value.items() for key, leaf in leaves(inner, (*path, name)).items()
        }
    if isinstance(value, list):
        return {
            key: leaf
            for index, inner in enumerate(value)
            for key, leaf in leaves(inner, (*path, index)).items()
        }
    return {path: value}


def check(text: str) -> None:
    spans = toml_spans(text)
    values = leaves(tomllib.loads(text))
    assert spans.keys() == values.keys()
    for path, span in spans.items():
        written = text[span.start : span.end]
        if isinstance(values[path], str) and "\\" not in written and "\r" not in written:
            assert written.removeprefix("\n") == values[path]
        elif not isinstance(values[path], str):
            assert tomllib.loads(f"x = {written}")["x"] == values[path]


def test_every_value_has_the_span_of_its_text() -> None:
    check(TEXT)
    check(TEXT.replace("\n", "\r\n"))


def test_a_commented_copy_is_not_taken_for_the_value() -> None:
    span = toml_spans(TEXT)[("project", "dependencies", 0)]
    assert TEXT.count("\n", 0, span.start) == 6


KEYS = st.sampled_from(["a", "b-c", '"d e"', "'f.g'", "h.i", "1.5"])
STRINGS = st.sampled_from(
    ['"x"', "'y'", '"\\u00e9\\""', '""', '"""z"""', '"#"', "'[t]'", "'''m\nn'''", '"""q""""']
)
SCALARS = st.one_of(STRINGS, st.sampled_from(["1", "-2.5e3", "true", "1979-05-27 07:32:00", "inf"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(inner, max_size=3).map(
            lambda items: "[\n" + "".join(f" {item}, # ]\n" for item in items) + "]"
        ),
        st.lists(inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"k{at} = {item}" for at, item in enumerate(items)) + "}"
        ),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]} # c"),
    st.sampled_from(["[t]", "[[u]]", "[u.v]", "[[u.w]]", '["x y".z]', "# [no]", ""]),
)


@given(st.lists(LINES, max_size=10))
def test_spans_agree_with_the_standard_library(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    check(text)


@pytest.mark.parametrize("text", ["a = ", "[a", "a = 1\na = 2", "x = " + "[" * 100_000])
def test_what_is_no_toml_is_a_toml_error(text: str) -> None:
    with pytest.raises(TomlError):
        read_toml(text)
