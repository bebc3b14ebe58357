"""The condition language: what it accepts, what it says about mistakes, and its three-valued logic."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.authoring.expression import ExpressionError, Registry, compile_expression
from cfglint.engine.evaluate import truth
from cfglint.engine.facts import Facts
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, Value, unknown

Judge = Callable[..., "bool | None"]

TYPES = {
    "training.fp16": "bool",
    "training.bf16": "bool",
    "training.learning_rate": "float",
    "training.max_steps": "int",
    "training.optim": "str",
    "lora.target_modules": "any",
    "model.family": "str",
}
MISSING = object()


class FakeVersions:
    """A version set that answers every range alike."""

    package = "transformers"
    kind = "pin"

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer

    def satisfies(self, spec: str) -> bool | None:
        return self.answer

    def newest(self) -> None:
        return None

    def text(self) -> str:
        return "4.50.0"


def field_type(name: str) -> str | None:
    return TYPES.get(name)


REGISTRY = Registry(
    field_type,
    frozenset(("merge", "save_model")),
    lambda package, spec: None,
    {"half": "training.fp16 or training.bf16"},
    {"eights": ["adamw_8bit", "paged_adamw_8bit"]},
)


@pytest.fixture
def judge() -> Callable[..., bool | None]:
    """Evaluate a condition on a run with the given fields; a value of None stands for Unknown."""

    def run_judge(text: str, **fields: Any) -> bool | None:
        run = Run()
        run.provided = {"training", "lora", "model"}
        for name, value in fields.items():
            name = name.replace("__", ".")
            if name == "transformers":
                run.packages["transformers"] = FakeVersions(value)  # type: ignore[assignment]
            else:
                run.fields[name] = unknown("an expression") if value is None else Value(KNOWN, value)
        compiled = compile_expression(text, REGISTRY)
        return truth(compiled.ir, Facts(run, {}, lambda table: {"gemma3": {"affected": ">=4.50"}}))

    return run_judge


@pytest.mark.parametrize(
    ("text", "fields", "verdict"),
    [
        ("training.fp16", {"training__fp16": True}, True),
        ("training.fp16", {}, False),
        ("training.fp16", {"training__fp16": None}, None),
        ("training.fp16", {"training__fp16": "auto"}, None),
        ("not training.fp16", {}, True),
        ("half", {"training__bf16": True}, True),
        ("training.learning_rate > 1e-3", {"training__learning_rate": "1e-2"}, None),
        ("training.learning_rate > 1e-3", {"training__learning_rate": 0.01}, True),
        ("1e-5 < training.learning_rate <= 1e-3", {"training__learning_rate": 1e-3}, True),
        ("training.learning_rate != 1", {}, False),
        ("not (training.learning_rate == 1)", {}, True),
        (
            "training.learning_rate / training.max_steps > 1",
            {"training__learning_rate": 1.0, "training__max_steps": 0},
            None,
        ),
        ("unset(training.optim)", {}, True),
        ("unset(training.optim)", {"training__optim": "sgd"}, False),
        ("is_string(training.learning_rate)", {"training__learning_rate": "1e-5"}, True),
        ("training.optim in eights", {"training__optim": "adamw_8bit"}, True),
        ("training.optim not in eights", {}, False),
        ("training.optim not in ['sgd']", {"training__optim": "adamw_8bit"}, True),
        ("'lm_head' in lora.target_modules", {"lora__target_modules": ["q_proj", "lm_head"]}, True),
        ("'lm_head' in lora.target_modules", {"lora__target_modules": ["q_proj", None]}, None),
        ("any(x == 'lm_head' for x in lora.target_modules)", {"lora__target_modules": ["lm_head"]}, True),
        (
            "all(endswith(x, '_proj') for x in lora.target_modules)",
            {"lora__target_modules": ["q_proj", "fc"]},
            False,
        ),
        ("matches(training.optim, '8bit$')", {"training__optim": "lion_8bit"}, True),
        ("package('transformers', '>=4.50')", {"transformers": True}, True),
        ("package('transformers', '>=4.50')", {"transformers": None}, None),
        ("package('transformers', '>=4.50')", {}, None),
        (
            "package('transformers', lookup('t', model.family, 'affected'))",
            {"model__family": "gemma3", "transformers": True},
            True,
        ),
        (
            "package('transformers', lookup('t', model.family, 'affected'))",
            {"model__family": "llama", "transformers": True},
            False,
        ),
        ("has(merge)", {}, None),
        ("(1 if training.fp16 else 2) == 1", {"training__fp16": True}, True),
    ],
)
def test_verdicts(judge: Judge, text: str, fields: dict[str, object], verdict: bool | None) -> None:
    assert judge(text, **fields) is verdict


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("training.learning_rte > 1", "unknown field"),
        ("training.learning_rate", "compare it"),
        ("training.fp16 > 1", "expected a number"),
        ("training.optim == 3", "compares a str with a number"),
        ("__import__('os').system('x')", "call one of"),
        ("open('x')", "is no function"),
        ("training.fp16 is True", "use == and !="),
        ("lambda: 1", "not supported"),
        ("training.fp16 and", "cannot be parsed"),
        ("has(mergee)", "unknown step"),
        ("training.optim == None", "unset(field)"),
    ],
)
def test_mistakes_are_explained(text: str, says: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_expression(text, REGISTRY)
    assert says in str(error.value)


ATOMS = ("training.fp16", "training.bf16", "training.max_steps > 3", "training.optim == 'sgd'")
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
    ),
    max_leaves=8,
)
VALUES = {
    "training.fp16": st.sampled_from([True, False]),
    "training.bf16": st.sampled_from([True, False]),
    "training.max_steps": st.integers(0, 9),
    "training.optim": st.sampled_from(["sgd", "adamw"]),
}


@given(CONDITIONS, st.fixed_dictionaries(VALUES), st.sets(st.sampled_from(sorted(VALUES))))
def test_a_decided_verdict_holds_whatever_the_unknown_values_are(
    text: str, values: dict[str, object], hidden: set[str]
) -> None:
    """Three-valued logic is sound: hiding values may make a verdict undecided, never another one."""

    def verdict(names: set[str]) -> bool | None:
        run = Run()
        run.provided = {"training"}
        run.fields = {
            name: unknown("hidden") if name in names else Value(KNOWN, value)
            for name, value in values.items()
        }
        return truth(compile_expression(text, REGISTRY).ir, Facts(run, {}, lambda table: {}))

    full = verdict(set())
    assert full is not None
    assert verdict(hidden) in (full, None)


@given(CONDITIONS)
def test_a_lowered_condition_survives_json(text: str) -> None:
    ir = compile_expression(text, REGISTRY).ir
    assert json.loads(json.dumps(ir)) == ir


@given(st.text(alphabet="training.fp16 andornot()<>=12+-*/'[],_", max_size=40))
def test_any_text_compiles_or_is_explained(text: str) -> None:
    try:
        compile_expression(text, REGISTRY)
    except ExpressionError as error:
        assert str(error)
