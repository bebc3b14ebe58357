"""Small charts as inline SVG: one panel an arm, all panels of a row on one scale. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 300, 150
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 12, 22
# From this ratio of largest to smallest on, a logarithmic axis shows more than a linear one.
LOGARITHMIC_FROM = 100.0
FEWEST_TICKS, MOST_TICKS = 3, 5


class Line(NamedTuple):
    """One run's values, step by step; `rank` 0 is drawn broad and pale, so that a later one shows on top of it."""

    values: Sequence[float]
    rank: int = 0


class Scale(NamedTuple):
    """The vertical axis that the panels of a row share."""

    low: float
    high: float
    logarithmic: bool

    def y(self, value: float) -> float:
        """Where a finite value stands, in the picture's units from the top."""
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    def ticks(self) -> list[float]:
        """Round values between the ends: at least three on a linear axis, at most five powers of ten on another."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            stride = 1 + (last - first) // MOST_TICKS
            return [10.0**power for power in range(first, last + 1, stride)]
        power = 10.0 ** math.ceil(math.log10(self.high - self.low))
        found: list[float] = []
        for step in (power / part for part in (1, 2, 5, 10, 20)):
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            found = [step * n for n in range(first, last + 1)]
            if len(found) >= FEWEST_TICKS:
                break
        return found


def scale_of(values: Iterable[float]) -> Scale:
    """An axis that holds all finite values; from 0 to 1 where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Scale(0.0, 1.0, False)
    low, high = min(finite), max(finite)
    if low > 0 and high / low >= LOGARITHMIC_FROM:
        return Scale(low / 1.3, high * 1.3, True)
    spread = high - low
    if spread <= 1e-9 * max(abs(low), abs(high)):
        spread = abs(high) or 1.0
    bottom = low - 0.08 * spread
    return Scale(0.0 if low >= 0 > bottom else bottom, high + 0.08 * spread, False)


def panel(lines: Sequence[Line], scale: Scale, name: str, dots: bool = False) -> str:
    """One chart: a line for each run over its steps, or a dot for each run. Values that are not finite are crosses."""
    longest = max((len(line.values) for line in lines), default=0)
    count = len(lines) if dots else longest
    drawn = [_axes(scale, count, "run" if dots else "step")]
    if dots:
        for place, line in enumerate(lines):
            drawn += [_mark(_x(place, count), value, scale, line.rank) for value in line.values]
    else:
        drawn += [_line(line, count, scale) for line in lines]
    values = [value for line in lines for value in line.values]
    if values and not any(math.isfinite(value) for value in values):
        drawn.append(
            f'<text class="lost" x="{_middle()}" y="{HEIGHT / 2:g}">not finite in any {"run" if dots else "step"}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">'
        + "".join(drawn)
        + "</svg>"
    )


def number(value: float) -> str:
    """A value for people: three digits."""
    return f"{value:.3g}"


def _middle() -> str:
    return f"{(LEFT + WIDTH - RIGHT) / 2:g}"


def _x(place: int, count: int) -> float:
    wide = WIDTH - LEFT - RIGHT
    return LEFT + wide / 2 if count < 2 else LEFT + 8 + (wide - 16) * place / (count - 1)


def _axes(scale: Scale, count: int, what: str) -> str:
    parts = []
    for tick in scale.ticks():
        y = scale.y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 5}" y="{y + 3:.1f}">{number(tick)}</text>')
    for place in sorted({0, count - 1}) if count else ():
        parts.append(
            f'<text class="step" x="{_x(place, count):.1f}" y="{HEIGHT - 7}">{what + " " if not place else ""}{place + 1}</text>'
        )
    return "".join(parts)


def _line(line: Line, count: int, scale: Scale) -> str:
    marks, pieces, open_piece = [], [], False
    for place, value in enumerate(line.values):
        x = _x(place, count)
        if math.isfinite(value):
            pieces.append(f"{'L' if open_piece else 'M'}{x:.1f} {scale.y(value):.1f}")
        if not math.isfinite(value) or count == 1:
            marks.append(_mark(x, value, scale, line.rank))
        open_piece = math.isfinite(value)
    path = f'<path class="run rank{min(line.rank, 2)}" d="{" ".join(pieces)}"/>' if pieces else ""
    return path + "".join(marks)


def _mark(x: float, value: float, scale: Scale, rank: int = 0) -> str:
    if math.isfinite(value):
        kind = "dot ring" if rank else "dot"
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{scale.y(value):.1f}" r="3.5"/>'
    return f'<path class="cross" d="M{x - 3:.1f} {TOP - 3}l6 6m0 -6l-6 6"/>'
