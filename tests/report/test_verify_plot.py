"""The curves of the arms as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from cfglint.report.verify_plot import plot

ARMS = ("as_configured", "as_fixed", "healthy")


def result(arm: str, seed: int, losses: Sequence[float], **more: Any) -> dict[str, Any]:
    plain = {"arm": arm, "variant": "only", "seed": seed, "exception": None, "reason": ""}
    return {**plain, "step_losses": losses, "grad_norms": losses, **more}


def experiment(
    steps: int = 4, seeds: Sequence[int] = (0, 1), variants: Sequence[str] = ("only",)
) -> dict[str, Any]:
    return {
        "arms": [{"name": name} for name in ARMS],
        "variants": [{"name": name} for name in variants],
        "steps": steps,
        "seeds": seeds,
    }


RESULTS = [
    result("as_configured", 0, [5.0, math.nan, math.inf, 5.4]),
    result("as_configured", 1, [math.nan] * 4),
    result("as_fixed", 0, [5.5, 5.2, 4.8, 4.0]),
    result("as_fixed", 1, [5.4, 5.3, 4.9, 4.1]),
    result("healthy", 0, [5.5, 5.0, 4.5, 4.0]),
    result("healthy", 1, [5.5, 5.1, 4.6, 4.2]),
]


def test_one_line_for_each_arm_with_all_seeds_on_one_scale() -> None:
    assert "\n".join(plot(experiment(), RESULTS, "", 80, unicode=True)) == (
        """\
loss, 4 steps, 2 seeds:
  as configured    ▆××▇ ××××  5 to 5.4
  as fixed         █▇▅▁ ▇▇▅▂  5.5 to 4
  healthy control  █▆▃▁ █▆▄▂  5.5 to 4"""
    )


def test_seeds_come_in_their_order_whichever_ended_first() -> None:
    assert plot(experiment(), RESULTS[::-1], "", 80, unicode=True) == plot(
        experiment(), RESULTS, "", 80, unicode=True
    )


def test_without_unicode() -> None:
    lines = plot(experiment(), RESULTS, "", 80, unicode=False)
    assert "\n".join(lines).isascii()
    assert lines[1] == "  as configured    +xx* xxxx  5 to 5.4"


def test_the_curve_in_which_the_symptom_is_seen_comes_second() -> None:
    lines = plot(experiment(), RESULTS, "grad_norms", 80, unicode=True)
    assert [line for line in lines if line.endswith(":")] == [
        "loss, 4 steps, 2 seeds:",
        "gradient norm, 4 steps, 2 seeds:",
    ]


def test_two_decades_are_logarithmic() -> None:
    exploding = [result("as_configured", 0, [1.0, 10.0, 100.0, 1e4])]
    assert plot(experiment(seeds=(0,)), exploding, "", 80, unicode=True)[:2] == [
        "loss (logarithmic), 4 steps, 1 seed:",
        "  as configured    ▁▃▅█  1 to 1e+04",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("steps", [1, 8, 200])
def test_it_fits_the_width(width: int, steps: int) -> None:
    values = [5.5 - place / steps for place in range(steps)]
    results = [result(arm, seed, values) for arm in ARMS for seed in range(3)]
    lines = plot(experiment(steps, range(3)), results, "", width, unicode=True)
    assert max(map(len, lines)) <= max(width, 45)
    assert len(lines) == 4


def test_more_steps_than_columns_lose_no_value_that_is_not_finite() -> None:
    values = [5.0] * 500
    values[333] = math.nan
    lines = plot(experiment(500, (0,)), [result("as_configured", 0, values)], "", 60, unicode=True)
    assert lines[1].count("×") == 1


def test_an_arm_that_made_no_step_says_why() -> None:
    error = {"type": "ValueError", "message": "no"}
    broken = [
        result("as_configured", 0, [], exception=error),
        result("as_fixed", 0, [], reason="no result within 5 s"),
        result("healthy", 0, [5.0, 4.0]),
    ]
    lines = plot(experiment(2, (0,)), broken, "", 80, unicode=True)
    assert lines[1].split(maxsplit=2)[2] == "raised ValueError"
    assert lines[2].endswith("no result within 5 s")


def test_variants_have_lines_of_their_own() -> None:
    pair = [result("as_configured", 0, [5.0, 4.0], variant=name) for name in ("as_is", "times_ten")]
    lines = plot(experiment(2, (0,), ("as_is", "times_ten")), pair, "", 80, unicode=True)
    assert [line.split("  ")[1] for line in lines[1:3]] == [
        "as configured, as is",
        "as configured, times ten",
    ]


def test_nothing_is_shown_of_what_was_not_trained() -> None:
    assert plot(experiment(0), RESULTS, "grad_norms", 80, unicode=True) == []
    assert plot(experiment(), [result(arm, 0, []) for arm in ARMS], "", 80, unicode=True) == []
