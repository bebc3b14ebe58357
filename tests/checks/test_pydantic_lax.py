"""What pydantic's lax mode takes, as measured with pydantic 2.14."""

from __future__ import annotations

from typing import Any

import pytest

from cfglint.checks.pydantic_lax import refusal
from cfglint.parse.tree import Entry, Mapping, Node, Scalar, Sequence
from cfglint.source import Span

HERE = Span(0, 0)


def node(value: Any) -> Node:
    if isinstance(value, list):
        return Sequence(tuple(map(node, value)), HERE)
    if isinstance(value, dict):
        entries = (Entry(Scalar(key, key, HERE), node(inner)) for key, inner in value.items())
        return Mapping(tuple(entries), HERE)
    return Scalar(value, repr(value), HERE)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("bool", "Yes", True),
        ("bool", 1, True),
        ("bool", 2, False),
        ("int", 5e8, True),
        ("int", "500000000", True),
        ("int", "5e8", False),
        ("int | None", 0.1, False),
        ("int", None, False),
        ("float", "1e-5", True),
        ("float", "a", False),
        ("str", 3, False),
        ("list[str] | None", ["a"], True),
        ("list[str] | None", {"a": "b"}, False),
        ("list[int] | None", [None], False),
        ("int | tuple[int, int] | None", [1, 2], True),
        ("int | tuple[int, int] | None", [1, 2, 3], False),
        ("dict[str, Any] | None", {"a": 1}, True),
        ("Something | None", "a", True),
    ],
)
def test_types(kind: str, value: Any, taken: bool) -> None:
    assert (refusal(node(value), {"type": kind}, "deepspeed") == "") is taken


def test_bounds_and_choices() -> None:
    assert "greater than 0" in refusal(node(0), {"type": "int", "gt": 0}, "deepspeed")
    stages = {"type": "ZeroStageEnum", "enum": "ZeroStageEnum", "choices": [0, 1, 2, 3]}
    assert refusal(node("3"), stages, "deepspeed") == ""
    assert refusal(node(4), stages, "deepspeed")


def test_an_optimizer_of_transformers_is_known_to_axolotl() -> None:
    row = {"type": "OptimizerNames | CustomSupportedOptimizers | None", "enum": "CustomSupportedOptimizers"}
    row = {**row, "choices": ["muon"]}
    assert [refusal(node(name), row, "axolotl") == "" for name in ("muon", "sgd", "bogus")] == [
        True,
        True,
        False,
    ]
