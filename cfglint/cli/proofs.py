"""What experiments found, as the reports take it: plain data for the page, lines of curves for the text."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cfglint.verify.detectors import DETECTORS
from cfglint.verify.spec import ArmResult, Experiment, Verdict, experiment_to_json, verdict_to_json


class Outcome(NamedTuple):
    """One finding (as in the JSON report) with its experiment, where there was one, and what came of it."""

    finding: Mapping[str, Any]
    experiment: Experiment | None
    verdict: Verdict
    results: Sequence[ArmResult]


def page_of(outcomes: Sequence[Outcome]) -> str:
    """The page with the arms' curves."""
    from cfglint.report.verify_html import Proof, page

    return page(
        [
            Proof(
                {**outcome.finding, "verdict": verdict_to_json(outcome.verdict)},
                None if outcome.experiment is None else experiment_to_json(outcome.experiment),
                [result._asdict() for result in outcome.results],
                "" if outcome.experiment is None else DETECTORS[outcome.experiment.detector].statistic,
            )
            for outcome in outcomes
        ]
    )


def plot_of(outcome: Outcome) -> list[str]:
    """The curves as lines that fit the terminal, in characters that its encoding has."""
    from cfglint.report.verify_plot import LEVELS, plot

    if outcome.experiment is None or not outcome.results:
        return []
    try:
        LEVELS.encode(sys.stdout.encoding or "ascii")
        unicode = True
    except UnicodeEncodeError:
        unicode = False
    width = shutil.get_terminal_size().columns if "COLUMNS" in os.environ or sys.stdout.isatty() else 100
    return plot(
        experiment_to_json(outcome.experiment),
        [result._asdict() for result in outcome.results],
        DETECTORS[outcome.experiment.detector].curve,
        min(width, 120),
        unicode,
    )
