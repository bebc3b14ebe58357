"""Findings and reports to render: one that touches two files, one in a notebook."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cfglint.model.finding import Edit, Finding, Fix, Location
from cfglint.model.report import CheckedFile, Report, RunSummary, SkippedFile, Undecided
from cfglint.source import Cell, Source, Span

TRAIN = """\
### model
model_name_or_path: Qwen/Qwen2.5-7B-Instruct

### method
stage: sft
finetuning_type: lora

### train
fp16: true
deepspeed: ds_z3.json
"""


def located(source: Source, text: str, label: str = "", cell: Cell | None = None) -> Location:
    start = source.text.index(text)
    return Location(source, Span(start, start + len(text)), label, cell)


@pytest.fixture
def locate() -> Callable[..., Location]:
    """``locate(source, text, label, cell)``: the first place where a text stands."""
    return located


@pytest.fixture
def make() -> Callable[..., Finding]:
    """``make(location, **fields)``: a finding with plain values for everything that is not given."""

    def finding(location: Location, **fields: object) -> Finding:
        plain = Finding(
            rule="some-rule",
            code="GEN001",
            severity="warning",
            confidence="high",
            location=location,
            related=(),
            message="something is off",
            why="",
            help="",
            symptom=("grad_nan",),
            fields=("training.fp16",),
            packages={},
            evidence=(),
            fix=None,
            fingerprint="0123456789abcdef",
            route="training.fp16",
        )
        return plain._replace(**fields)  # type: ignore[arg-type]

    return finding


@pytest.fixture
def wrap() -> Callable[..., Report]:
    """``wrap(*findings, **fields)``: a report around findings."""

    def report(*findings: Finding, **fields: object) -> Report:
        plain = Report(
            findings=findings,
            runs=(),
            undecided=Undecided(0, {}),
            checked=(CheckedFile("train.yaml", ("llamafactory",)),),
            skipped=(),
            named_only=False,
        )
        return plain._replace(**fields)  # type: ignore[arg-type]

    return report


@pytest.fixture
def half_precision(make: Callable[..., Finding]) -> Finding:
    """float16 on a bfloat16 model: related places in the same file and in another one, and an unsafe fix."""
    train = Source("train.yaml", TRAIN)
    deepspeed = Source("ds_z3.json", '{\n  "fp16": {"enabled": "auto"}\n}\n')
    fp16 = located(train, "fp16: true")
    return make(
        fp16,
        rule="fp16-on-bf16-native-model",
        code="PRE002",
        severity="error",
        related=(
            located(train, "Qwen/Qwen2.5-7B-Instruct", "a bfloat16-native family"),
            located(deepspeed, '"fp16": {"enabled": "auto"}', "follows it"),
        ),
        message="float16 overflows on qwen2.5: gradients become NaN",
        why="Activations of this family, e.g. Those of the MLP, exceed 65504.\n"
        "The loss is\nthen reported as 0. So.",
        help="train in bfloat16",
        symptom=("grad_nan", "loss_zero"),
        packages={"transformers": "4.49.0"},
        evidence=(
            {"type": "source", "url": "https://code.example/modeling.py"},
            {"type": "report", "url": "https://issues.example/7268"},
        ),
        fix=Fix("train in bfloat16", "unsafe", (Edit(train, fp16.span, "bf16: true"),)),
    )


@pytest.fixture
def full_report(half_precision: Finding, wrap: Callable[..., Report]) -> Report:
    """A report with something in every field."""
    return wrap(
        half_precision,
        runs=(
            RunSummary(
                ("train.yaml", "ds_z3.json"), ("llamafactory", "deepspeed"), "qwen2.5", {"trl": "0.9"}
            ),
        ),
        undecided=Undecided(3, {"packages.transformers": 2, "target.gpu": 1}),
        checked=(
            CheckedFile("train.yaml", ("llamafactory",)),
            CheckedFile("ds_z3.json", ("deepspeed",)),
            CheckedFile("requirements.txt", ("requirements",)),
        ),
        skipped=(SkippedFile("weights.json", "a binary file"),),
    )
