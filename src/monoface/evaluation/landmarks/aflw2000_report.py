"""The report on AFLW2000-3D: JSON form and page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monoface.evaluation.landmarks.aflw2000_errors import (
    CURVE_LIMIT_PERCENT,
    CumulativeFigures,
    PhotoError,
    PredictionSetup,
)
from monoface.evaluation.reports.cases_report import running_mean
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
from monoface.metrics import BIN_MEAN, IMAGE_MEAN, YAW_BINS, Interval, cumulative_curve

_COLUMNS = (*(f"{name}°" for name in YAW_BINS), "mean of bins", "mean of photos")
_KEYS = (*YAW_BINS, BIN_MEAN, IMAGE_MEAN)


@dataclass(frozen=True)
class Aflw2000Report:
    """What `monoface evaluate aflw2000` writes.

    Figures have the keys `0-30`, `30-60`, `60-90` (by yaw), `bin_mean` and `image_mean`.

    Attributes:
        benchmark: Which landmarks of which photos.
        definition: What the figures mean.
        findings: What the pre-flight checks found.
        photos_per_bin: Photos by yaw, failures included.
        failures: Keys of the photos without a prediction. Means are over the other photos.
        nme_percent: Against the original annotation.
        nme_percent_interval_95: Bootstrap intervals of these.
        nme_percent_std: Standard deviations: within the bins, of their means, of all photos.
        nme_percent_reannotated: Against the re-annotated points; None where there are none.
        nme_percent_reannotated_interval_95: Bootstrap intervals of these.
        nme_percent_3d: In space, against the original annotation; None where depth is not predicted.
        nme_percent_second_split: Against the original annotation, binned by the second yaw; None without one.
        nme_percent_reannotated_second_split: Against the re-annotated points, likewise.
        photos_per_bin_second_split: Photos by the second yaw; None without one.
        cumulative: Against the original annotation, failures counted.
        cumulative_reannotated: Against the re-annotated points; None where there are none.
        yaw_error_deg: Mean absolute error of the predicted yaw; null if it is not predicted.
        yaw_excess_deg: Mean of |predicted| - |true| yaw: negative where heads are turned too little.
        setup: How the predictions came about.
        yaw_split: What the bins are.
        normaliser: What distances are divided by.
        worst: The photos with the largest errors against the original annotation.
        photos: All photos, for paired comparisons.
    """

    benchmark: str
    definition: Definition
    findings: Sequence[Finding]
    photos_per_bin: Mapping[str, int]
    failures: Sequence[str]
    nme_percent: Mapping[str, float]
    nme_percent_interval_95: Mapping[str, Interval]
    nme_percent_std: Mapping[str, float]
    nme_percent_reannotated: Mapping[str, float] | None
    nme_percent_reannotated_interval_95: Mapping[str, Interval] | None
    nme_percent_3d: Mapping[str, float] | None
    nme_percent_second_split: Mapping[str, float] | None
    nme_percent_reannotated_second_split: Mapping[str, float] | None
    photos_per_bin_second_split: Mapping[str, int] | None
    cumulative: CumulativeFigures
    cumulative_reannotated: CumulativeFigures | None
    yaw_error_deg: Mapping[str, float]
    yaw_excess_deg: Mapping[str, float]
    setup: PredictionSetup
    yaw_split: str
    normaliser: str
    worst: Sequence[PhotoError]
    photos: Sequence[PhotoError]

    def page(self, galleries: Galleries | None = None) -> Page:
        """The report as a page; see `BenchmarkReport`."""
        made_with = self.setup.made_with
        scored = f"weights {made_with.weights}" if made_with else ", ".join(self.setup.predictions)
        count, missing = sum(self.photos_per_bin.values()), len(self.failures)
        sections = [
            Section("Errors by yaw", _tables(self)),
            Section("Charts", _charts(self)),
            *closing_sections(self.definition, made_with, self.setup.versions, galleries),
        ]
        if self.setup.predictions:
            hashes = {f"SHA-256 of {name}": digest for name, digest in self.setup.predictions.items()}
            sections.append(Section("Predictions", [Facts(hashes)]))
        return Page(
            title=self.benchmark,
            subtitle=f"{scored or 'a predictor'}, {count:,} photos, {missing} without a prediction",
            stats=_stats(self),
            sections=sections,
            warnings=warnings_of(self.findings),
        )


def _stats(report: Aflw2000Report) -> list[Stat]:
    def stat(label: str, figures: Mapping[str, float], intervals: Mapping[str, Interval], key: str) -> Stat:
        return Stat(label, figure(figures[key], unit=" %"), f"95 %: {interval_text(intervals[key])}")

    stats = [
        stat("original, mean of bins", report.nme_percent, report.nme_percent_interval_95, BIN_MEAN),
        stat("original, mean of photos", report.nme_percent, report.nme_percent_interval_95, IMAGE_MEAN),
    ]
    reannotated, intervals = report.nme_percent_reannotated, report.nme_percent_reannotated_interval_95
    if reannotated and intervals:
        stats.append(stat("re-annotated, mean of bins", reannotated, intervals, BIN_MEAN))
    failures = figure(report.cumulative.failure_rate_percent, 1, " %")
    return [*stats, Stat("failure rate", failures, "no prediction, or NME above 10 %")]


def _tables(report: Aflw2000Report) -> list[Block]:
    def row(name: str, figures: Mapping[str, float], digits: int = 2) -> list[str]:
        return [name, *(figure(figures.get(key), digits) for key in _KEYS)]

    def spread(name: str, intervals: Mapping[str, Interval]) -> list[str]:
        return [name, *(interval_text(intervals[key]) for key in _KEYS)]

    rows = [
        row("original annotation", report.nme_percent),
        spread("95 % interval", report.nme_percent_interval_95),
        row("standard deviation", report.nme_percent_std),
    ]
    if report.nme_percent_reannotated and report.nme_percent_reannotated_interval_95:
        rows.append(row("re-annotated points", report.nme_percent_reannotated))
        rows.append(spread("95 % interval", report.nme_percent_reannotated_interval_95))
    if report.nme_percent_3d:
        rows.append(row("original, in 3D", report.nme_percent_3d))
    rows.append(["photos", *(str(report.photos_per_bin[key]) for key in YAW_BINS), "", ""])
    blocks: list[Block] = [Table(("NME in %", *_COLUMNS), rows)]
    if report.nme_percent_second_split and report.photos_per_bin_second_split:
        second = [row("original annotation", report.nme_percent_second_split)]
        if report.nme_percent_reannotated_second_split:
            second.append(row("re-annotated points", report.nme_percent_reannotated_second_split))
        counts = report.photos_per_bin_second_split
        second.append(["photos", *(str(counts[key]) for key in YAW_BINS), "", ""])
        blocks.append(Table(("NME in %, second split", *_COLUMNS), second))
    if np.isfinite(report.yaw_error_deg[IMAGE_MEAN]):
        yaw = [
            row("mean absolute error", report.yaw_error_deg, 1),
            row("predicted less true turn", report.yaw_excess_deg, 1),
        ]
        blocks.append(Table(("yaw in degrees", *_COLUMNS), yaw))
    return blocks


def _charts(report: Aflw2000Report) -> list[Block]:
    percent = {"original annotation": np.array([photo.nme_percent for photo in report.photos])}
    if report.nme_percent_reannotated:
        percent["re-annotated points"] = np.array(
            [np.nan if (e := photo.nme_percent_reannotated) is None else e for photo in report.photos]
        )
    curves = {name: cumulative_curve(errors, CURVE_LIMIT_PERCENT) for name, errors in percent.items()}
    yaw_deg = np.clip(np.abs([photo.yaw_deg for photo in report.photos]), 0, 99)
    first = percent["original annotation"]
    intervals = report.nme_percent_interval_95
    return [
        curve_chart(
            [Curve(name, curve.thresholds, curve.percent) for name, curve in curves.items()],
            x_label="NME in %",
            y_label="photos with at most this error, %",
            caption="Cumulative error: part of all photos, those without a prediction counted as failures.",
            y_max=100,
        ),
        scatter_chart(
            yaw_deg,
            first,
            x_label="|yaw| of the annotation, degrees",
            y_label="NME in %",
            caption="Error of each photo against the original annotation by yaw, and the running mean.",
            trend=running_mean(yaw_deg, first),
            x_range=(0, 99),
        ),
        bar_chart(
            [
                Bar(name, report.nme_percent[key], intervals[key].low, intervals[key].high)
                for name, key in zip(_COLUMNS, _KEYS, strict=True)
            ],
            y_label="NME in %",
            caption="Original annotation, with 95 % bootstrap intervals.",
        ),
    ]
