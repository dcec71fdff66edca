"""Curves of a training: losses and validation over its steps, as lines of text and as a page."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.evaluation.reports.page import Curve, Page, Section, curve_chart, page_html

_BLOCKS = "▁▂▃▄▅▆▇█"
_SHOWN = 32
# Recorded at each step, but nothing that one wants to see fall.
_NO_CURVES = frozenset(("rate", "samples_per_second"))


@dataclass(frozen=True)
class TrainingCurve:
    """A measure over the steps of a training.

    Attributes:
        name: Of the measure.
        kind: `train` or `validation`.
        steps: When it was taken.
        values: What it was.
    """

    name: str
    kind: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    def as_line(self) -> str:
        """Name, first and last value, and the curve between them."""
        return f"{self.name:<32} {self.values[0]:>9.4g} → {self.values[-1]:<9.4g} {sparkline(self.values)}"


def curves_of(folder: Path) -> list[TrainingCurve]:
    """The total loss and what validation measured, from every `log.jsonl` of a run."""
    curves: list[TrainingCurve] = []
    for path in sorted(folder.glob("log.jsonl")) + sorted(folder.glob("*/log.jsonl")):
        part = "" if path.parent == folder else f"{path.parent.name}: "
        points: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines():
            record = parse_json(line)
            for name, value in record.items():
                if name not in ("step", "kind") and name not in _NO_CURVES:
                    points[record["kind"], name].append((record["step"], value))
        for (kind, name), taken in points.items():
            if kind == "validation" or name == "total":
                called = "loss" if name == "total" else name
                curves.append(TrainingCurve(part + called, kind, *zip(*taken, strict=True)))
    return curves


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of blocks, at most 32: the mean of each part."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    parts = [float(np.mean(part)) for part in np.array_split(finite, min(len(finite), _SHOWN))]
    low, high = min(parts), max(parts)
    span = high - low or 1.0
    return "".join(_BLOCKS[min(len(_BLOCKS) - 1, int(len(_BLOCKS) * (part - low) / span))] for part in parts)


def write_curves(curves: Sequence[TrainingCurve], method: str, path: Path) -> Path:
    """Write a page with a chart for each curve; returns its path."""
    charts = [
        curve_chart(
            [Curve(curve.name, np.array(curve.steps, float), np.array(curve.values, float))],
            x_label="step",
            y_label=curve.name,
            caption=f"{curve.name}, {curve.kind}",
        )
        for curve in curves
    ]
    page = Page(f"Training of {method}", "Loss and validation", (), (Section("Curves", charts),))
    write_atomically(path, page_html(page), overwrite=True)
    return path
