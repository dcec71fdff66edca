"""The page of a report on AFLW2000-3D."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from monoface.evaluation.reports.cases_report import running_mean
from monoface.evaluation.reports.definition import Galleries, closing_sections, warnings_of
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
from monoface.evaluation.reports.page.model import Block, figure
from monoface.metrics import BIN_MEAN, IMAGE_MEAN, YAW_BINS, Interval, cumulative_curve

if TYPE_CHECKING:
    from monoface.evaluation.landmarks.aflw2000_report import Aflw2000Report

_COLUMNS = (*(f"{name}°" for name in YAW_BINS), "mean of bins", "mean of photos")
_KEYS = (*YAW_BINS, BIN_MEAN, IMAGE_MEAN)
_CURVE_LIMIT = 10.0


def aflw2000_page(report: "Aflw2000Report", galleries: Galleries | None) -> Page:
    """Figures first, then charts, the worst photos, the definition, versions and hashes."""
    made_with = report.setup.made_with
    scored = f"weights {made_with.weights}" if made_with else ", ".join(report.setup.predictions)
    count = sum(report.photos_per_bin.values())
    sections = [
        Section("Errors by yaw", _tables(report)),
        Section("Charts", _charts(report)),
        *closing_sections(report.definition, made_with, report.setup.versions, galleries),
    ]
    if report.setup.predictions:
        hashes = {f"SHA-256 of {name}": digest for name, digest in report.setup.predictions.items()}
        sections.append(Section("Predictions", [Facts(hashes)]))
    return Page(
        title=report.benchmark,
        subtitle=f"{scored or 'a predictor'}, {count:,} photos, {len(report.failures)} without a prediction",
        stats=_stats(report),
        sections=sections,
        warnings=warnings_of(report.findings),
    )


def _stats(report: "Aflw2000Report") -> list[Stat]:
    def stat(label: str, figures: Mapping[str, float], intervals: Mapping[str, Interval], key: str) -> Stat:
        interval = intervals[key]
        note = f"95 %: {figure(interval.low)} to {figure(interval.high)}"
        return Stat(label, figure(figures[key], unit=" %"), note)

    stats = [
        stat("original, mean of bins", report.nme_percent, report.nme_percent_interval_95, BIN_MEAN),
        stat("original, mean of photos", report.nme_percent, report.nme_percent_interval_95, IMAGE_MEAN),
    ]
    reannotated, intervals = report.nme_percent_reannotated, report.nme_percent_reannotated_interval_95
    if reannotated and intervals:
        stats.append(stat("re-annotated, mean of bins", reannotated, intervals, BIN_MEAN))
    failures = figure(report.cumulative.failure_rate_percent, 1, " %")
    return [*stats, Stat("failure rate", failures, "no prediction, or NME above 10 %")]


def _tables(report: "Aflw2000Report") -> list[Block]:
    def row(name: str, figures: Mapping[str, float], digits: int = 2) -> list[str]:
        return [name, *(figure(figures.get(key), digits) for key in _KEYS)]

    def spread(name: str, intervals: Mapping[str, Interval]) -> list[str]:
        return [name, *(f"{figure(intervals[key].low)} to {figure(intervals[key].high)}" for key in _KEYS)]

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


def _charts(report: "Aflw2000Report") -> list[Block]:
    percent = {"original annotation": np.array([photo.nme_percent for photo in report.photos])}
    if report.nme_percent_reannotated:
        percent["re-annotated points"] = np.array(
            [np.nan if (e := photo.nme_percent_reannotated) is None else e for photo in report.photos]
        )
    curves = {name: cumulative_curve(errors, _CURVE_LIMIT) for name, errors in percent.items()}
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
