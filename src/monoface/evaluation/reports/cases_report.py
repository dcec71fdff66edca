"""The report of a benchmark whose cases have one or several errors each: JSON form and page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from monoface.evaluation.reports.cases import (
    ALL,
    Case,
    CurvePoints,
    Measure,
    figures_of,
    is_in,
    mean_interval,
)
from monoface.evaluation.reports.definition import (
    Definition,
    Finding,
    Galleries,
    closing_sections,
    warnings_of,
)
from monoface.evaluation.reports.page import (
    Bar,
    Curve,
    Facts,
    Page,
    Section,
    Stat,
    Table,
    bar_chart,
    curve_chart,
    scatter_chart,
)
from monoface.evaluation.reports.page.model import Block, figure, interval_text
from monoface.evaluation.reports.report import installed_versions
from monoface.metrics import Interval
from monoface.pipeline import MadeWith


@dataclass(frozen=True)
class CasesReport:
    """What benchmarks of cases write.

    Attributes:
        benchmark: What is compared.
        definition: What the figures mean.
        findings: What the pre-flight checks found.
        measures: The errors, the most important first.
        figures: By group and measure; the group `all` first.
        intervals_95: Bootstrap intervals of the figures of `all` that are means over cases.
        count: Cases by group, failures included.
        failures: Why cases have no error, by key. Figures are over the others.
        curves: Cumulative curves by name.
        cases: All cases, for paired comparisons.
        settings: What the user chose.
        made_with: Weights and hashes; None for predictions of other programs.
        predictions: What the predictions are, such as their folder's name and a hash over the files.
        versions: Of Python and what computed.
        scatters: What is drawn against what, both errors of the cases: by a title, the name for the
            horizontal axis, then that for the vertical one.
    """

    benchmark: str
    definition: Definition
    findings: Sequence[Finding]
    measures: Sequence[Measure]
    figures: Mapping[str, Mapping[str, float]]
    intervals_95: Mapping[str, Interval]
    count: Mapping[str, int]
    failures: Mapping[str, str]
    curves: Mapping[str, CurvePoints]
    cases: Sequence[Case]
    settings: Mapping[str, str] = field(default_factory=dict)
    made_with: MadeWith | None = None
    predictions: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    scatters: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def page(self, galleries: Galleries | None = None) -> Page:
        """The report as a page; see `BenchmarkReport`."""
        scored = f"weights {self.made_with.weights}" if self.made_with else ", ".join(self.predictions)
        sections = [
            Section("Errors", [self._table()]),
            *([Section("Charts", charts)] if (charts := self._charts()) else []),
            *([Section("Settings", [Facts(self.settings)])] if self.settings else []),
            *([Section("Failures", [Facts(self.failures)])] if self.failures else []),
            *closing_sections(
                self.definition, self.made_with, {**self.versions, **self.predictions}, galleries
            ),
        ]
        return Page(
            title=self.benchmark,
            subtitle=f"{scored or 'a predictor'}, {self.count[ALL]:,} cases, {len(self.failures)} failed",
            stats=self._stats(),
            sections=sections,
            warnings=warnings_of(self.findings),
        )

    def _stats(self) -> list[Stat]:
        stats = []
        for measure in self.measures[:4]:
            interval = self.intervals_95.get(measure.name)
            value = figure(self.figures[ALL].get(measure.name), measure.digits, f" {measure.unit}")
            note = "" if interval is None else f"95 %: {interval_text(interval, measure.digits)}"
            stats.append(Stat(measure.label, value, note))
        return stats

    def _table(self) -> Table:
        columns = ("", *(f"{measure.label}, {measure.unit}" for measure in self.measures), "cases")
        rows = [
            [
                group,
                *(figure(figures.get(measure.name), measure.digits) for measure in self.measures),
                str(self.count[group]),
            ]
            for group, figures in self.figures.items()
        ]
        if self.intervals_95:
            rows.insert(1, ["95 %", *map(self._interval, self.measures), ""])
        return Table(columns, rows)

    def _interval(self, measure: Measure) -> str:
        interval = self.intervals_95.get(measure.name)
        if interval is None or not np.isfinite(interval.low):
            return ""
        return interval_text(interval, measure.digits)

    def _charts(self) -> list[Block]:
        charts: list[Block] = []
        for unit in dict.fromkeys(points.unit for points in self.curves.values()):
            curves = [
                Curve(name, np.array(points.thresholds), np.array(points.percent))
                for name, points in self.curves.items()
                if points.unit == unit
            ]
            charts.append(
                curve_chart(
                    curves,
                    x_label=f"error in {unit}",
                    y_label="with at most this error, %",
                    caption="Cumulative error; failed cases count as errors beyond the end.",
                    y_max=100,
                )
            )
        first = self.measures[0]
        groups = [group for group in self.figures if group != ALL]
        if groups:
            charts.append(
                bar_chart(
                    [Bar(group, self.figures[group].get(first.name, np.nan)) for group in [ALL, *groups]],
                    y_label=f"{first.label}, {first.unit}",
                    caption=f"{first.label} by group.",
                )
            )
        charts += [self._against(title, *names) for title, names in self.scatters.items()]
        turned = [case for case in self.cases if case.yaw_deg is not None and first.name in case.errors]
        if turned:
            charts.append(self._by_yaw(first, turned))
        return charts

    def _against(self, title: str, x_name: str, y_name: str) -> Block:
        pairs = np.array(
            [(case.errors.get(x_name, np.nan), case.errors.get(y_name, np.nan)) for case in self.cases]
        ).reshape(-1, 2)
        return scatter_chart(
            *pairs.T, x_label=_axis_label(x_name), y_label=_axis_label(y_name), caption=f"{title}: each case."
        )

    def _by_yaw(self, measure: Measure, cases: Sequence[Case]) -> Block:
        yaw_deg = np.array([abs(case.yaw_deg or 0.0) for case in cases])
        errors = np.array([case.errors.get(measure.name, np.nan) for case in cases])
        return scatter_chart(
            yaw_deg,
            errors,
            x_label="|yaw|, degrees",
            y_label=f"{measure.label}, {measure.unit}",
            caption=f"{measure.label} of each case by the turn of the head, and the running mean.",
            trend=running_mean(yaw_deg, errors),
            x_range=(0.0, max(90.0, float(yaw_deg.max()))),
        )


def make_report(
    benchmark: str,
    definition: Definition,
    measures: Sequence[Measure],
    cases: Sequence[Case],
    *,
    figures: Mapping[str, Mapping[str, float]] | None = None,
    intervals: Mapping[str, Interval] | None = None,
    groups: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    curves: Mapping[str, CurvePoints] | None = None,
    settings: Mapping[str, str] | None = None,
    made_with: MadeWith | None = None,
    predictions: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
    scatters: Mapping[str, tuple[str, str]] | None = None,
) -> CasesReport:
    """Report on cases.

    Args:
        figures: By group and measure, where they are no means over cases; then there are no intervals, but
            those that are given.
        intervals: Bootstrap intervals of the figures of `all`, where they are not those of means over cases.
        groups: Order of the groups.
    """
    means = figures_of(cases, measures, groups)
    if intervals is None:
        intervals = {} if figures else {measure.name: mean_interval(cases, measure) for measure in measures}
    return CasesReport(
        benchmark=benchmark,
        definition=definition,
        findings=findings,
        measures=measures,
        figures=figures or means,
        intervals_95=intervals,
        count={group: sum(is_in(case, group) for case in cases) for group in figures or means},
        failures={case.key: case.failure for case in cases if case.failure},
        curves=curves or {},
        cases=cases,
        settings=settings or {},
        made_with=made_with,
        predictions=predictions or {},
        versions=versions or installed_versions(),
        scatters=scatters or {},
    )


def running_mean(
    x: Float64[np.ndarray, " cases"], y: Float64[np.ndarray, " cases"], width: float = 10.0
) -> Curve:
    """Mean of y in windows along x, where a window holds at least five cases."""
    known = np.isfinite(x) & np.isfinite(y)
    places = np.arange(0, 100, 2.5)
    members = [known & (np.abs(x - place) <= width / 2) for place in places]
    means = [float(y[rows].mean()) if rows.sum() >= 5 else np.nan for rows in members]
    return Curve(f"mean within {width:g}°", places, np.array(means))


def _axis_label(name: str) -> str:
    """Name of an error as an axis has it: `mouth_found_percent` is "mouth found, %"."""
    for suffix, unit in (("_percent", ", %"), ("_mm", ", mm"), ("_deg", ", degrees")):
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", " ") + unit
    return name.replace("_", " ")
