"""The report on AFLW: from predicted points to means, JSON form and page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from monoface.data.sources import Aflw
from monoface.evaluation.landmarks.point_checks import check_missing
from monoface.evaluation.reports.definition import (
    WORST,
    Definition,
    Finding,
    Galleries,
    closing_sections,
    warnings_of,
)
from monoface.evaluation.reports.page import (
    Curve,
    Gallery,
    Page,
    Section,
    Stat,
    Table,
    curve_chart,
    landmarks_picture,
)
from monoface.evaluation.reports.page.model import figure, interval_text
from monoface.evaluation.reports.report import installed_versions
from monoface.metrics import (
    AFLW_NORMALISER_PX,
    Interval,
    bootstrap_mean,
    box_normaliser,
    cumulative_curve,
    nme,
)
from monoface.pipeline import MadeWith

LANDMARK_SET: Final = "aflw21"
"""Points of the face model that are compared."""

_CURVE_LIMIT_PERCENT = 10.0
_WORST = 10

POINT_NAMES: Final = (
    "left brow, outer", "left brow, centre", "left brow, inner",
    "right brow, inner", "right brow, centre", "right brow, outer",
    "left eye, outer", "left eye, centre", "left eye, inner",
    "right eye, inner", "right eye, centre", "right eye, outer",
    "left ear", "nose, left", "nose tip", "nose, right", "right ear",
    "mouth, left", "mouth, centre", "mouth, right", "chin",
)  # fmt: skip
"""AFLW's 21 points in their order; left and right are those of the image."""

_CONSTANT_NORMALISER: Final = (
    "constant 120 / sqrt(2) px; the published protocol divides by the box of 68 fitted points, which the "
    "data set does not come with"
)
_FITTED_NORMALISER: Final = (
    "sqrt(width x height) of the box of 68 fitted points, as the published protocol has it"
)


@dataclass(frozen=True)
class CropError:
    """NME of the visible points of one crop."""

    key: str
    nme_percent: float


@dataclass(frozen=True)
class AflwReport:
    """What is reported on AFLW.

    Attributes:
        benchmark: Which landmarks of which photos.
        definition: What the figures mean.
        findings: What the pre-flight checks found.
        split: Part of the source.
        nme_percent: Mean over the photos.
        nme_percent_interval_95: Bootstrap interval of it.
        nme_percent_by_point: Mean over the photos in which each point is visible.
        visible_by_point: In how many photos it is.
        failures: Keys of photos without a prediction. The means are over the other photos.
        skipped: Keys of photos without a visible point.
        landmark_set: Points of the face model compared.
        normaliser: What distances are divided by.
        made_with: Weights and hashes; None for a predictor that is none of ours.
        versions: Of Python and what computed.
        photos: All measured photos, for paired comparisons.
    """

    benchmark: str
    definition: Definition
    findings: Sequence[Finding]
    split: str
    nme_percent: float
    nme_percent_interval_95: Interval
    nme_percent_by_point: Mapping[str, float]
    visible_by_point: Mapping[str, int]
    failures: Sequence[str]
    skipped: Sequence[str]
    landmark_set: str
    normaliser: str
    made_with: MadeWith | None
    versions: Mapping[str, str]
    photos: Sequence[CropError]

    def page(self, galleries: Galleries | None = None) -> Page:
        """The report as a page; see `BenchmarkReport`."""
        note = f"95 %: {interval_text(self.nme_percent_interval_95)}"
        errors = np.array([photo.nme_percent for photo in self.photos])
        curve = cumulative_curve(errors, _CURVE_LIMIT_PERCENT, failures=len(self.failures))
        rows = [
            [name, figure(value), str(self.visible_by_point[name])]
            for name, value in self.nme_percent_by_point.items()
        ]
        chart = curve_chart(
            [Curve("21 points", curve.thresholds, curve.percent)],
            x_label="NME in %",
            y_label="photos with at most this error, %",
            caption="Cumulative error; photos without a prediction count as failures.",
            y_max=100,
        )
        scored = f"weights {self.made_with.weights}" if self.made_with else "a predictor"
        count = len(self.photos) + len(self.failures)
        return Page(
            title=self.benchmark,
            subtitle=f"{scored}, {self.split}, {count:,} photos, {len(self.failures)} without a prediction",
            stats=[Stat("NME", figure(self.nme_percent, unit=" %"), note)],
            sections=[
                Section("Errors", [Table(("NME in %", "mean", "95 % interval"), [_row(self)])]),
                Section("Charts", [chart]),
                Section("By point", [Table(("point", "NME in %", "visible in"), rows)]),
                *closing_sections(self.definition, self.made_with, self.versions, galleries),
            ],
            warnings=warnings_of(self.findings),
        )


def summarise(
    source: Aflw,
    predicted_px: Float[np.ndarray, "photos 21 2"],
    split: str,
    made_with: MadeWith | None = None,
    fitted_px: Float[np.ndarray, "photos 68 axes"] | None = None,
    *,
    looks: str = "",
) -> AflwReport:
    """Report on predicted points; a photo with one that is not finite is a failure.

    Args:
        source: The photos and their points.
        predicted_px: A row for each photo.
        split: Part of the source.
        made_with: Weights and hashes; None for a predictor that is none of ours.
        fitted_px: 68 fitted points of each photo, whose box distances are divided by.
        looks: How the predictor looked, for the definition.

    Raises:
        DataError: If a photo has no fitted points.
    """
    size_px = np.full(len(source), AFLW_NORMALISER_PX) if fitted_px is None else box_normaliser(fitted_px)
    normaliser = _CONSTANT_NORMALISER if fitted_px is None else _FITTED_NORMALISER
    percent = 100 * nme(predicted_px, source.points21_px, size_px)
    found: list[bool] = np.all(np.isfinite(predicted_px), axis=(1, 2)).tolist()
    annotated: list[bool] = np.any(source.visible, axis=1).tolist()
    measured = [row for row in range(len(source)) if found[row] and annotated[row]]
    by_point = {
        name: _mean_percent(
            predicted_px[measured, point], source.points21_px[measured, point], size_px[measured]
        )
        for point, name in enumerate(POINT_NAMES)
    }
    failures = [key for key, is_found in zip(source.keys, found, strict=True) if not is_found]
    visible = source.visible[measured].sum(axis=0).tolist()
    return AflwReport(
        benchmark="AFLW, visible ones of 21 points, x and y",
        definition=definition(normaliser, looks),
        findings=check_missing(failures, len(source)),
        split=split,
        nme_percent=float(percent[measured].mean()) if len(measured) else float("nan"),
        nme_percent_interval_95=bootstrap_mean(percent[measured]),
        nme_percent_by_point=by_point,
        visible_by_point=dict(zip(POINT_NAMES, visible, strict=True)),
        failures=failures,
        skipped=[key for key, is_annotated in zip(source.keys, annotated, strict=True) if not is_annotated],
        landmark_set=LANDMARK_SET,
        normaliser=normaliser,
        made_with=made_with,
        versions=installed_versions(),
        photos=[CropError(source.keys[row], float(percent[row])) for row in measured],
    )


def definition(normaliser: str, looks: str = "") -> Definition:
    """What the figures mean."""
    return Definition(
        data="crops of AFLW as 3DDFA and 2DASL use them; none of the photos of AFLW2000-3D"
        + (f"; {looks}" if looks else ""),
        measure="normalised mean error (NME): mean distance of the visible ones of 21 points, in percent",
        alignment="none",
        normaliser=normaliser,
        means="mean over the photos",
        failures="photos without a prediction are listed and left out of the mean; in the cumulative "
        "curve they count as failures. Photos without a visible point are skipped",
        source="Koestinger et al., 2011; protocol of 3DDFA (Zhu et al., CVPR 2016). Our points are the "
        "face model's own 21, not means of the 68.",
    )


def worst_pictures(
    report: AflwReport, source: Aflw, predicted_px: Float[np.ndarray, "photos 21 2"]
) -> Galleries:
    """The worst crops with their true and predicted points."""
    row_of = {key: row for row, key in enumerate(source.keys)}
    worst = sorted(report.photos, key=lambda photo: -photo.nme_percent)[:_WORST]
    pictures = [
        landmarks_picture(
            source.image(row_of[photo.key]),
            source.points21_px[row_of[photo.key]],
            predicted_px[row_of[photo.key]],
            f"{photo.key}: NME {photo.nme_percent:.1f} %",
        )
        for photo in worst
    ]
    return {WORST: Gallery(pictures, "Annotated points in green, predicted ones in red.")}


def _mean_percent(
    predicted_px: Float[np.ndarray, "photos 2"],
    true_px: Float[np.ndarray, "photos 2"],
    size_px: Float[np.ndarray, " photos"],
) -> float:
    """Mean distance of one point where it is visible, in percent of the normaliser; NaN if it nowhere is."""
    share = np.linalg.norm(predicted_px - true_px, axis=-1) / size_px
    visible = np.isfinite(share)
    return 100 * float(share[visible].mean()) if visible.any() else float("nan")


def _row(report: AflwReport) -> list[str]:
    return ["visible points", figure(report.nme_percent), interval_text(report.nme_percent_interval_95)]
