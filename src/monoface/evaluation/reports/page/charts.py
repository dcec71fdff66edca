"""Charts as inline SVG. The page's style sheet colours them, so that they follow its light or dark scheme."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float

from monoface.evaluation.reports.page.model import Chart

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 18, 16, 46
_MAX_POINTS = 2500


@dataclass(frozen=True, eq=False)
class Curve:
    """A named line."""

    name: str
    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Bar:
    """A named value, with its interval where there is one."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class _Frame:
    """From data to the drawing's coordinates."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def curve_chart(
    curves: Sequence[Curve], *, x_label: str, y_label: str, caption: str, y_max: float | None = None
) -> Chart:
    """Lines over a common axis; both axes begin at 0."""
    x_max = max((float(curve.x.max()) for curve in curves if len(curve.x)), default=1.0) or 1.0
    top = y_max or max((float(np.nanmax(curve.y)) for curve in curves if len(curve.y)), default=1.0) or 1.0
    frame = _Frame((0.0, x_max), (0.0, top))
    parts = _axes(frame, x_label, y_label)
    for number, curve in enumerate(curves):
        shown = np.isfinite(curve.y)
        points = " ".join(
            f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(curve.x[shown], curve.y[shown], strict=True)
        )
        parts.append(f'<polyline class="line c{number % 5}" points="{points}"/>')
    return Chart(_svg(parts + _legend([curve.name for curve in curves]), caption), caption)


def scatter_chart(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    *,
    x_label: str,
    y_label: str,
    caption: str,
    trend: Curve | None = None,
    x_range: tuple[float, float] | None = None,
) -> Chart:
    """Points, thinned where there are thousands, and a line such as their mean. The y axis begins at 0.

    It ends at the 99.5th percentile; the few points above are drawn on its edge.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    top = float(np.quantile(y, 0.995)) * 1.08 if len(y) else 1.0
    low, high = x_range or ((float(x.min()), float(x.max())) if len(x) else (0.0, 1.0))
    frame = _Frame((low, high if high > low else low + 1), (0.0, top or 1.0))
    parts = _axes(frame, x_label, y_label)
    some = slice(None, None, max(1, math.ceil(len(x) / _MAX_POINTS)))
    dots = "".join(
        f'<circle cx="{frame.x(min(max(px, low), high)):.1f}" cy="{frame.y(min(py, top)):.1f}" r="2.2"/>'
        for px, py in zip(x[some], y[some], strict=True)
    )
    parts.append(f'<g class="dots">{dots}</g>')
    if trend is not None and len(trend.x):
        points = " ".join(
            f"{frame.x(px):.1f},{frame.y(min(py, top)):.1f}"
            for px, py in zip(trend.x, trend.y, strict=True)
            if math.isfinite(py) and frame.x_range[0] <= px <= frame.x_range[1]
        )
        parts.append(f'<polyline class="line c1" points="{points}"/>')
        parts += _legend([trend.name], first=1)
    return Chart(_svg(parts, caption), caption)


def bar_chart(bars: Sequence[Bar], *, y_label: str, caption: str) -> Chart:
    """Bars from 0, with whiskers where there is an interval."""
    tops = [bar.high if math.isfinite(bar.high) else bar.value for bar in bars if math.isfinite(bar.value)]
    frame = _Frame((0.0, max(len(bars), 1)), (0.0, 1.1 * max(tops, default=1.0) or 1.0))
    parts = _axes(frame, "", y_label, x_ticks=False)
    for number, bar in enumerate(bars):
        left, centre = frame.x(number + 0.2), frame.x(number + 0.5)
        width = frame.x(number + 0.8) - left
        parts.append(
            f'<text class="tick" x="{centre:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{escape(bar.name)}</text>"
        )
        if not math.isfinite(bar.value):
            continue
        top = frame.y(bar.value)
        parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{frame.y(0) - top:.1f}" rx="2"/>'
        )
        label = top
        if math.isfinite(bar.low) and math.isfinite(bar.high):
            low, label = frame.y(bar.low), frame.y(bar.high)
            parts.append(
                f'<path class="whisker" d="M{centre:.1f} {low:.1f}V{label:.1f}'
                f'M{centre - 7:.1f} {low:.1f}h14M{centre - 7:.1f} {label:.1f}h14"/>'
            )
        parts.append(
            f'<text class="value" x="{centre:.1f}" y="{label - 6:.1f}" text-anchor="middle">'
            f"{bar.value:.2f}</text>"
        )
    return Chart(_svg(parts, caption), caption)


def _axes(frame: _Frame, x_label: str, y_label: str, *, x_ticks: bool = True) -> list[str]:
    parts = []
    for value in _ticks(*frame.y_range):
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    bottom = _HEIGHT - _BOTTOM
    for value in _ticks(*frame.x_range) if x_ticks else ():
        x = frame.x(value)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:g}</text>'
        )
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="label" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
    )
    height = (_TOP + bottom) / 2
    parts.append(
        f'<text class="label" x="14" y="{height}" text-anchor="middle" '
        f'transform="rotate(-90 14 {height})">{escape(y_label)}</text>'
    )
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round values of a range."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    for factor in (1, 2, 5, 10):
        if (high - low) / (factor * step) <= 7:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    count = int((high - first * step) / step + 1e-9)
    return [round((first + index) * step, 10) for index in range(count + 1)]


def _legend(names: Sequence[str], first: int = 0) -> list[str]:
    parts = []
    for row, name in enumerate(names):
        y = _HEIGHT - _BOTTOM - 16 - 18 * (len(names) - 1 - row)
        x = _WIDTH - _RIGHT - 12
        parts.append(
            f'<text class="legend" x="{x - 24}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line class="line c{(row + first) % 5}" x1="{x - 18}" x2="{x}" y1="{y}" y2="{y}"/>'
        )
    return parts


def _svg(parts: Sequence[str], caption: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption, quote=True)}">'
        + "".join(parts)
        + "</svg>"
    )
