"""Cases of a benchmark, such as photos, scans or people: their errors, and figures over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monoface.metrics import CumulativeCurve, Interval, bootstrap_mean, cumulative_curve

ALL = "all"
"""Group of all cases."""

_WORST = 10


@dataclass(frozen=True)
class Measure:
    """An error that cases have.

    Attributes:
        name: Key in JSON.
        label: As tables head it.
        unit: Of the figures.
        digits: Decimals shown.
    """

    name: str
    label: str
    unit: str
    digits: int = 2


@dataclass(frozen=True)
class Case:
    """One photo, scan or person.

    Attributes:
        key: Its name.
        groups: Groups it belongs to, besides `all`.
        errors: By the name of the measure; NaN where it does not apply.
        failure: Why it has no error; empty if it has.
        yaw_deg: Turn of the head; None where it is not known.
    """

    key: str
    groups: Sequence[str] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    yaw_deg: float | None = None


@dataclass(frozen=True)
class CurvePoints:
    """A cumulative curve in a report, thinned to whole steps.

    Attributes:
        unit: Of the thresholds.
        thresholds: From 0 on.
        percent: Part with at most that error, failures counted.
    """

    unit: str
    thresholds: Sequence[float]
    percent: Sequence[float]

    @classmethod
    def of(cls, curve: CumulativeCurve, unit: str) -> "CurvePoints":
        """Points of a curve."""
        return cls(unit, curve.thresholds.round(6).tolist(), curve.percent.round(4).tolist())


def figures_of(
    cases: Sequence[Case], measures: Sequence[Measure], order: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Mean of each measure over the cases of each group that have it; the group `all` first.

    Args:
        order: Groups in the order wanted; others follow by name.
    """
    present = {group for case in cases for group in case.groups}
    groups = [ALL, *(group for group in order if group in present), *sorted(present - set(order))]
    return {
        group: {
            measure.name: _mean(
                [case.errors.get(measure.name, np.nan) for case in cases if is_in(case, group)]
            )
            for measure in measures
        }
        for group in groups
    }


def curves_of(cases: Sequence[Case], measures: Sequence[Measure], limit: float) -> dict[str, CurvePoints]:
    """Cumulative curve of each measure up to a limit, by its label; cases without an error are failures."""
    return {
        measure.label: CurvePoints.of(
            cumulative_curve(np.array([case.errors.get(measure.name, np.nan) for case in cases]), limit),
            measure.unit,
        )
        for measure in measures
    }


def worst_cases(cases: Sequence[Case], measure: Measure, count: int = _WORST) -> list[Case]:
    """The cases with the largest error."""
    known = [case for case in cases if np.isfinite(case.errors.get(measure.name, np.nan))]
    return sorted(known, key=lambda case: -case.errors[measure.name])[:count]


def is_in(case: Case, group: str) -> bool:
    """Whether a case belongs to a group."""
    return group == ALL or group in case.groups


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def mean_interval(cases: Sequence[Case], measure: Measure) -> Interval:
    """Bootstrap interval of the mean over the cases that have a measure."""
    values = np.array([case.errors.get(measure.name, np.nan) for case in cases], dtype=np.float64)
    return bootstrap_mean(values[np.isfinite(values)])
