"""Is one set of weights better than another? Two reports of one benchmark, compared case by case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from monoface.core.errors import DataError
from monoface.core.json_text import parse_json
from monoface.core.names import said_of
from monoface.evaluation.reports.cases import ALL
from monoface.evaluation.reports.definition import Finding, warnings_of
from monoface.evaluation.reports.page import Page, Section, Table, Text
from monoface.evaluation.reports.page.model import Stat, figure
from monoface.metrics import (
    BIN_MEAN,
    IMAGE_MEAN,
    Interval,
    binned_mean,
    bootstrap_intervals,
    bootstrap_mean,
)

# What rows hold besides errors.
_NO_ERRORS = ("key", "yaw_deg", "groups", "failure", "errors")


@dataclass(frozen=True)
class Difference:
    """How much larger the error of the second report is than that of the first, over the cases of both.

    Attributes:
        first: Mean error of the first report.
        second: Mean error of the second report.
        mean: Mean of the difference; negative where the second is better.
        interval_95: Its paired bootstrap interval. If 0 is outside, the difference is no accident.
    """

    first: float
    second: float
    mean: float
    interval_95: Interval

    @property
    def verdict(self) -> str:
        """Which report has the smaller errors, if it is no accident."""
        if self.interval_95.high < 0:
            return "second"
        return "first" if self.interval_95.low > 0 else "neither"


@dataclass(frozen=True)
class Comparison:
    """Two reports, compared.

    Attributes:
        benchmark: The benchmark of both.
        names: Of the two reports.
        cases: How many cases both reports have an error for.
        findings: What makes the reports hard to compare, such as different boxes.
        differences: By error, then by group of cases; on AFLW2000-3D the groups are `0-30`, `30-60`, `60-90`,
            `bin_mean` and `image_mean`.
    """

    benchmark: str
    names: tuple[str, str]
    cases: int
    findings: Sequence[Finding]
    differences: Mapping[str, Mapping[str, Difference]]

    def page(self) -> Page:
        """The comparison as a page."""
        first, second = self.names
        columns = ("", first, second, "difference", "95 % interval", "smaller")
        sections = [
            Section(
                name,
                [
                    Table(
                        columns, [_row(group, difference, self.names) for group, difference in groups.items()]
                    )
                ],
            )
            for name, groups in self.differences.items()
        ]
        about = Text(
            f"{second} less {first}, over the {self.cases:,} cases that both measured; intervals are paired "
            "bootstrap intervals. Figures of single reports may differ from those here: they are over all "
            "their cases."
        )
        main = next(iter(self.differences.values()), {})
        shown = main.get(BIN_MEAN) or main.get(ALL) or next(iter(main.values()), None)
        stats = [] if shown is None else [Stat("difference", figure(shown.mean, 3), _interval_text(shown))]
        return Page(
            title=f"{self.benchmark}: {first} and {second}",
            subtitle=f"{self.cases:,} cases in common",
            stats=stats,
            sections=[*sections, Section("What is compared", [about])],
            warnings=warnings_of(self.findings),
        )


@dataclass(frozen=True)
class _Report:
    """The part of a written report that is compared."""

    benchmark: str
    definition: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, Any]]


def compare_reports(first: Path, second: Path) -> Comparison:
    """Compare two reports that `monoface evaluate` wrote, on the cases that both measured.

    Raises:
        DataError: If a file is no such report, the benchmarks differ, or the two have no case in common.
    """
    before, after = _read(first), _read(second)
    if before.benchmark != after.benchmark:
        raise DataError(
            f"{first} and {second}: expected reports of one benchmark, got {before.benchmark!r} and "
            f"{after.benchmark!r}."
        )
    keys = [key for key in before.rows if key in after.rows]
    measured = dict.fromkeys(name for key in keys for name in before.rows[key]["errors"])
    names = [name for name in measured if any(name in after.rows[key]["errors"] for key in keys)]
    differences = {
        name: _differences(name, [(before.rows[key], after.rows[key]) for key in keys]) for name in names
    }
    differences = {name: groups for name, groups in differences.items() if groups}
    if not differences:
        raise DataError(f"{first} and {second}: expected cases in common, found none.")
    stems = (first.stem, second.stem) if first.stem != second.stem else (str(first), str(second))
    return Comparison(before.benchmark, stems, len(keys), _definitions_differ(before, after), differences)


def _differences(
    name: str, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> dict[str, Difference]:
    both = [pair for pair in pairs if all(name in row["errors"] for row in pair)]
    if not both:
        return {}
    first, second = (
        np.array([row["errors"][name] for row in rows], float) for rows in zip(*both, strict=True)
    )
    rows = [pair[0] for pair in both]
    if all(row.get("yaw_deg") is not None and not row.get("groups") for row in rows):
        return _by_yaw(first, second, np.array([row["yaw_deg"] for row in rows], float))
    groups = {ALL: np.ones(len(rows), bool)}
    for group in sorted({group for row in rows for group in row.get("groups") or ()}):
        groups[group] = np.array([group in (row.get("groups") or ()) for row in rows])
    return {
        group: Difference(
            float(first[members].mean()),
            float(second[members].mean()),
            float((second - first)[members].mean()),
            bootstrap_mean((second - first)[members]),
        )
        for group, members in groups.items()
    }


def _by_yaw(
    first: Float64[np.ndarray, " cases"],
    second: Float64[np.ndarray, " cases"],
    yaw_deg: Float64[np.ndarray, " cases"],
) -> dict[str, Difference]:
    means = [binned_mean(errors, yaw_deg).as_dict() for errors in (first, second, second - first)]
    intervals = bootstrap_intervals(second - first, yaw_deg)
    return {
        name: Difference(means[0][name], means[1][name], means[2][name], intervals[name])
        for name in intervals
    }


def _definitions_differ(first: _Report, second: _Report) -> list[Finding]:
    names = [name for name in first.definition if first.definition[name] != second.definition.get(name)]
    return [
        Finding(
            "definitions differ",
            f"the reports differ in {name}: {first.definition[name]!r} and {second.definition.get(name)!r}.",
        )
        for name in names
    ]


def _read(path: Path) -> _Report:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        rows = [_row_of(row) for row in content["cases" if "cases" in content else "photos"]]
        return _Report(
            str(content["benchmark"]),
            dict(content.get("definition") or {}),
            {row["key"]: row for row in rows if row["errors"]},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected a report of monoface evaluate, got {said_of(error)}.") from error


def _row_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its errors in one place; what is null is left out."""
    errors = dict(row.get("errors") or {})
    errors |= {name: value for name, value in row.items() if name not in _NO_ERRORS}
    known = {name: value for name, value in errors.items() if isinstance(value, int | float)}
    return {**row, "errors": known}


def _row(group: str, difference: Difference, names: tuple[str, str]) -> list[str]:
    better = {"first": names[0], "second": names[1], "neither": "-"}[difference.verdict]
    digits = 3
    return [
        {IMAGE_MEAN: "mean of photos", BIN_MEAN: "mean of bins"}.get(group, group),
        figure(difference.first, digits),
        figure(difference.second, digits),
        f"{difference.mean:+.{digits}f}",
        f"{difference.interval_95.low:+.{digits}f} to {difference.interval_95.high:+.{digits}f}",
        better,
    ]


def _interval_text(difference: Difference) -> str:
    return f"95 %: {difference.interval_95.low:+.3f} to {difference.interval_95.high:+.3f}"
