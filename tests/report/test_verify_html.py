"""The page of the experiments: a pure function of verdicts and arm results, so no torch is needed here."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cfglint.model.finding import Finding
from cfglint.report.curves import LEFT, TOP, WIDTH, Line, panel, scale_of
from cfglint.report.json import finding_json
from cfglint.report.verify_html import Proof, page
from cfglint.source import Source

SNAPSHOT = Path(__file__).parent / "verify_page.html"
CONFIGURED = {"training.fp16": True, "training.learning_rate": 1e-4}


def arm(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "settings": settings, "overrides": {}, "workload": {}}


def result(
    name: str, seed: int, losses: list[float], norms: list[float], moved: float, **more: Any
) -> dict[str, Any]:
    changes = {"all": {"elements": 64, "changed": 64 if moved else 0, "norm": moved, "nonfinite": 0}}
    plain = {"arm": name, "variant": "only", "seed": seed, "exception": None, "reason": "", "losses": losses}
    moves = [moved / max(1, len(losses))] * len(losses)
    return {
        **plain,
        "step_losses": losses,
        "grad_norms": norms,
        "step_changes": moves,
        "changes": changes,
        **more,
    }


EXPERIMENT = {
    "arms": [
        arm("as_configured", CONFIGURED),
        arm("as_fixed", {**CONFIGURED, "training.fp16": False, "training.bf16": True}),
        arm("healthy", CONFIGURED),
    ],
    "variants": [{"name": "only", "settings": {}}],
    "model": "qwen2",
    "trainer": "trainer",
    "device": "cpu",
    "steps": 3,
    "seeds": (0, 1),
}
RESULTS = [
    result("as_configured", 0, [math.nan] * 3, [math.nan] * 3, 0.0),
    result("as_configured", 1, [5.3, math.inf, 5.1], [0.1, math.nan, 0.2], 0.0),
    result("as_fixed", 0, [5.31, 5.2, 5.1], [0.1, 0.11, 0.12], 0.005),
    result("as_fixed", 1, [5.33, 5.3, 5.2], [0.1, 0.12, 0.11], 0.0051),
    result("healthy", 0, [5.32, 5.1, 5.0], [0.11, 0.11, 0.12], 0.0049),
    result("healthy", 1, [5.34, 5.2, 5.1], [0.12, 0.12, 0.11], 0.005),
]
VERDICT = {
    "outcome": "confirmed",
    "reason": "",
    "statistic": 1.0,
    "threshold": None,
    "margin": None,
    "readings": {"as_configured": [1.0, 0.5], "as_fixed": [0.0, 0.0], "healthy": [0.0, 0.0]},
    "seeds": (0, 1),
    "assumed": ["activations peak near 1.5e+05"],
    "dropped": [{"field": "training.report_to", "reason": "not carried into experiments"}],
    "environment": {"torch": "2.9.0+cpu", "transformers": "4.57.6"},
    "repeat": "cfglint verify --only some-rule --python python train.yaml",
    "seconds": 4.2,
}
REFUSED = {
    "outcome": "could_not_run",
    "reason": "needs CUDA",
    "repeat": "",
    "statistic": None,
    "threshold": None,
}


def proofs(make: Callable[..., Finding], locate: Callable[..., Any]) -> list[Proof]:
    source = Source("train.yaml", "learning_rate: 1.0e-4\nfp16: true\n")
    shown = make(locate(source, "fp16: true"), message="fp16 of <qwen> & co", verdict=VERDICT)
    refused = make(locate(source, "learning_rate"), rule="another-rule", verdict=REFUSED)
    return [
        Proof(finding_json(shown), EXPERIMENT, RESULTS, "share of raw losses that are not finite"),
        Proof(finding_json(refused), None, (), ""),
    ]


def test_the_page_is_as_it_was(make: Callable[..., Finding], locate: Callable[..., Any]) -> None:
    """CFGLINT_WRITE_SNAPSHOTS=1 writes it anew; look at it in a browser then."""
    found = page(proofs(make, locate))
    if os.environ.get("CFGLINT_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_the_order_in_which_runs_ended_changes_nothing(
    make: Callable[..., Finding], locate: Callable[..., Any]
) -> None:
    shown, _ = proofs(make, locate)
    assert page([shown]) == page([shown._replace(results=RESULTS[::-1])])


def test_nothing_is_loaded_or_run(make: Callable[..., Finding], locate: Callable[..., Any]) -> None:
    found = page(proofs(make, locate))
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?:|\son[a-z]+=", found)
    assert "fp16 of &lt;qwen&gt; &amp; co" in found


def test_each_arm_has_its_panels_on_one_scale(
    make: Callable[..., Finding], locate: Callable[..., Any]
) -> None:
    found = page(proofs(make, locate))
    assert found.count("<svg") == 9
    losses = re.findall(r'<svg[^>]*aria-label="loss, [^"]*">(.*?)</svg>', found)
    assert len({tuple(re.findall(r'class="tick"[^>]*>([^<]*)', chart)) for chart in losses}) == 1
    assert [chart.count("cross") for chart in losses] == [4, 0, 0]


def test_of_an_adapter_the_adapted_weights_count(
    make: Callable[..., Finding], locate: Callable[..., Any]
) -> None:
    shown, _ = proofs(make, locate)
    adapted = {"elements": 64, "changed": 64, "norm": 0.5, "nonfinite": 0}
    with_adapter = [{**each, "changes": {**each["changes"], "adapted": adapted}} for each in RESULTS]
    told = "that of the weights which the adapter adapts"
    assert told in page([shown._replace(results=with_adapter)])
    assert "weight change over all steps" in page([shown._replace(results=with_adapter)])
    assert told not in page([shown._replace(results=[*with_adapter[:-1], RESULTS[-1]])])


def test_without_each_steps_change_the_whole_change_is_shown(
    make: Callable[..., Finding], locate: Callable[..., Any]
) -> None:
    shown, _ = proofs(make, locate)
    found = page([shown._replace(results=[{**each, "step_changes": []} for each in RESULTS])])
    assert "weight change over all steps" in found
    assert "weight change in each step" not in found


def test_an_arm_that_raised_says_so(make: Callable[..., Finding], locate: Callable[..., Any]) -> None:
    raised = {"type": "ValueError", "message": "no <such> thing"}
    first = result("as_configured", 0, [], [], 0.0, exception=raised)
    shown, _ = proofs(make, locate)
    found = page([shown._replace(results=[first, *RESULTS[2:]])])
    assert "ValueError: no &lt;such&gt; thing" in found
    assert found.count("no step was made") == 3


def test_runs_of_one_step_stand_beside_each_other(
    make: Callable[..., Finding], locate: Callable[..., Any]
) -> None:
    single = [{**each, "step_losses": each["step_losses"][-1:]} for each in RESULTS]
    shown, _ = proofs(make, locate)
    found = page([shown._replace(experiment={**EXPERIMENT, "steps": 1}, results=single)])
    [healthy] = re.findall(r'<svg[^>]*aria-label="loss, Healthy control">(.*?)</svg>', found)
    assert len(set(re.findall(r'class="dot" cx="([^"]*)"', healthy))) == 2
    assert ">run 1<" in healthy
    assert "One dot for each run" in found


def test_a_line_breaks_where_a_value_is_not_finite() -> None:
    chart = panel([Line([1.0, math.nan, 3.0, 4.0])], scale_of([1.0, 3.0, 4.0]), "loss")
    path = re.search(r'class="run rank0" d="([^"]*)"', chart)
    assert path is not None
    assert re.sub(r"[\d. ]+", "", path.group(1)) == "MML"
    assert f"M{LEFT + 8 + (WIDTH - LEFT - 26) / 3 - 3:.1f} {TOP - 3}l" in chart


def test_axes_are_logarithmic_over_two_decades_and_never_of_no_height() -> None:
    assert scale_of([1e-3, 5.0]).logarithmic
    assert not scale_of([0.0, 5.0]).logarithmic
    for values in ([], [0.0], [2.5, 2.5], [math.nan], [-1.0, 1e6], [1e-12, 1e12], [5.30, 5.34]):
        scale = scale_of(values)
        assert scale.high > scale.low
        assert 2 <= len(scale.ticks()) <= 9
