"""What is reported on AFLW2000-3D: from errors of single photos to means, intervals and the worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64

from monoface.data.sources import Aflw2000
from monoface.evaluation.landmarks.point_checks import check_claim, check_missing
from monoface.evaluation.landmarks.predictors import looks_text
from monoface.evaluation.reports.definition import WORST, Definition, Finding, Galleries
from monoface.evaluation.reports.page import Gallery, Page, landmarks_picture
from monoface.evaluation.reports.report import installed_versions
from monoface.metrics import (
    YAW_BINS,
    Interval,
    binned_mean,
    binned_std,
    bootstrap_intervals,
    cumulative_curve,
    in_yaw_bins,
)
from monoface.pipeline import MadeWith

_BENCHMARK: Final = "AFLW2000-3D, 68 points, x and y"
_YAW_SPLIT: Final = "|yaw| of the fitted pose (Pose_Para): <= 30, (30, 60], > 60 degrees"
_NORMALISER: Final = "sqrt(width x height) of the box of the same annotation's 68 true points"
CURVE_LIMIT_PERCENT: Final = 10.0
_WORST = 10
# Fits turned farther than this are wrong; benchmarks of head pose leave them out.
_MAX_TRUE_YAW_DEG = 99.0


@dataclass(frozen=True)
class Aflw2000Errors:
    """Error of each photo, as fractions of the normaliser; NaN where no landmarks were found.

    Attributes:
        keys: Names of the photos.
        true_yaw_deg: Annotated turn of the head.
        original: NME against the original annotation.
        reannotated: NME against the re-annotated points; None where the source has none.
        yaw_deg: Predicted turn of the head; NaN where it is not predicted.
        original_3d: NME in space against the original annotation; None where depth is not predicted.
        second_yaw_deg: Turn by which a second split is made; None where there is none.
        points_px: The points compared with the original annotation.
    """

    keys: tuple[str, ...]
    true_yaw_deg: Float[np.ndarray, " photos"]
    original: Float64[np.ndarray, " photos"]
    reannotated: Float64[np.ndarray, " photos"] | None
    yaw_deg: Float64[np.ndarray, " photos"]
    original_3d: Float64[np.ndarray, " photos"] | None
    second_yaw_deg: Float[np.ndarray, " photos"] | None
    points_px: Float[np.ndarray, "photos 68 2"]

    @property
    def predicted(self) -> Bool[np.ndarray, " photos"]:
        """Which photos have a prediction."""
        return np.isfinite(self.original)


@dataclass(frozen=True)
class PredictionSetup:
    """How the predictions came about.

    Attributes:
        box: Which square of the photo the predictor saw.
        passes: How often it looked.
        mirror: Whether it looked at the mirror image too in the last pass.
        landmark_set: Points of the face model compared with the original annotation.
        landmark_set_reannotated: Those compared with the re-annotated points.
        made_with: Weights and hashes; None for a predictor that is none of ours.
        predictions: Hash of a file of predictions, by its name; empty for weights.
        landmark_map: What a network's landmark map showed; `none` for one without.
        looks: How it looked, in words, where passes and mirror do not say all.
        versions: Of Python and what computed.
    """

    box: str
    passes: int
    landmark_set: str
    landmark_set_reannotated: str
    made_with: MadeWith | None = None
    mirror: bool = False
    landmark_map: str = "none"
    predictions: Mapping[str, str] = field(default_factory=dict)
    looks: str = ""
    versions: Mapping[str, str] = field(default_factory=installed_versions)


@dataclass(frozen=True)
class PhotoError:
    """NME of one photo; NaN where no landmarks were found, None where the annotation is missing."""

    key: str
    yaw_deg: float
    nme_percent: float
    nme_percent_reannotated: float | None
    nme_percent_3d: float | None = None


@dataclass(frozen=True)
class CumulativeFigures:
    """Figures in which photos without a prediction count as failures.

    Attributes:
        within_percent: Part of all photos whose NME is at most that many percent.
        area_to_10_percent: Area under the cumulative curve up to an NME of 10 %, of 100.
        failure_rate_percent: Part of all photos without a prediction, or with an NME above 10 %.
    """

    within_percent: Mapping[str, float]
    area_to_10_percent: float
    failure_rate_percent: float

    @classmethod
    def of(cls, percent: Float64[np.ndarray, " photos"]) -> "CumulativeFigures":
        """Figures of NMEs in percent; NaN is a failure."""
        curve = cumulative_curve(percent, CURVE_LIMIT_PERCENT)
        at_end = float(curve.percent[-1])
        return cls({f"{limit}": curve.at(limit) for limit in (3, 5, 10)}, curve.area_percent, 100 - at_end)


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
        # The page knows the report, so it is imported here.
        from monoface.evaluation.aflw2000_page import aflw2000_page

        return aflw2000_page(self, galleries)


def summarise(
    errors: Aflw2000Errors,
    setup: PredictionSetup,
    *,
    findings: Sequence[Finding] = (),
    published: float | None = None,
) -> Aflw2000Report:
    """Report on the errors of single photos.

    Args:
        errors: One row for each photo that counts.
        setup: How the predictions came about.
        findings: What was found before anything was scored.
        published: A published mean, to be told which one it is.
    """
    yaw_deg, second_deg = errors.true_yaw_deg, errors.second_yaw_deg
    photos = _photo_errors(errors)
    found = [photo for photo in photos if np.isfinite(photo.nme_percent)]
    failures = [photo.key for photo in photos if not np.isfinite(photo.nme_percent)]
    yaw_error_deg, yaw_excess_deg = _yaw_figures(errors)
    original = 100 * errors.original
    reannotated = None if errors.reannotated is None else 100 * errors.reannotated
    original_3d = None if errors.original_3d is None else 100 * errors.original_3d
    predicted = errors.predicted
    nme_percent = binned_mean(original[predicted], yaw_deg[predicted]).as_dict()
    return Aflw2000Report(
        benchmark=_BENCHMARK,
        definition=_definition(setup),
        findings=[*findings, *check_missing(failures, len(photos)), *check_claim(nme_percent, published)],
        photos_per_bin=_count_by_bin(yaw_deg),
        failures=failures,
        nme_percent=nme_percent,
        nme_percent_interval_95=bootstrap_intervals(original[predicted], yaw_deg[predicted]),
        nme_percent_std=binned_std(original[predicted], yaw_deg[predicted]),
        nme_percent_reannotated=_figures(reannotated, yaw_deg, predicted),
        nme_percent_reannotated_interval_95=None
        if reannotated is None
        else bootstrap_intervals(reannotated[predicted], yaw_deg[predicted]),
        nme_percent_3d=_figures(original_3d, yaw_deg, predicted),
        nme_percent_second_split=_figures(original, second_deg, predicted),
        nme_percent_reannotated_second_split=_figures(reannotated, second_deg, predicted),
        photos_per_bin_second_split=None if second_deg is None else _count_by_bin(second_deg),
        cumulative=CumulativeFigures.of(original),
        cumulative_reannotated=None if reannotated is None else CumulativeFigures.of(reannotated),
        yaw_error_deg=yaw_error_deg,
        yaw_excess_deg=yaw_excess_deg,
        setup=setup,
        yaw_split=_YAW_SPLIT,
        normaliser=_NORMALISER,
        worst=sorted(found, key=lambda photo: -photo.nme_percent)[:_WORST],
        photos=photos,
    )


def worst_pictures(report: Aflw2000Report, errors: Aflw2000Errors, source: Aflw2000) -> Galleries:
    """The worst photos with their true and predicted points."""
    row_of = {key: row for row, key in enumerate(errors.keys)}
    place_of = {key: place for place, key in enumerate(source.keys)}
    pictures = [
        landmarks_picture(
            source.image(place_of[photo.key]),
            source.points68_px[place_of[photo.key], :, :2],
            errors.points_px[row_of[photo.key]],
            f"{photo.key}: NME {photo.nme_percent:.1f} %, yaw {photo.yaw_deg:.0f}°",
        )
        for photo in report.worst
    ]
    return {WORST: Gallery(pictures, "Original annotation in green, prediction in red.")}


def _definition(setup: PredictionSetup) -> Definition:
    return Definition(
        data=f"AFLW2000-3D; box: {setup.box}; "
        + (setup.looks or looks_text(setup.passes, mirror=setup.mirror))
        + ("" if setup.landmark_map == "none" else f"; landmark map: {setup.landmark_map}"),
        measure="normalised mean error (NME): mean distance of the 68 points in x and y, in percent; in "
        "3D with depth counted from each shape's smallest, over the same normaliser",
        alignment="none",
        normaliser=_NORMALISER,
        means=f"mean of each bin of {_YAW_SPLIT}; bin_mean is the mean of the three bins, image_mean that "
        "of all photos",
        failures="photos without a prediction are listed and left out of the means; in the failure rate "
        "and the area under the cumulative curve they count as failures",
        source="Zhu et al., CVPR 2016; binning and means as in the published evaluation code of 3DDFA. "
        "The original annotation is fitted; the re-annotated points are Bulat and Tzimiropoulos's, ICCV "
        "2017. Figures on the two must not be compared.",
    )


def _figures(
    errors: Float64[np.ndarray, " photos"] | None,
    yaw_deg: Float[np.ndarray, " photos"] | None,
    predicted: Bool[np.ndarray, " photos"],
) -> dict[str, float] | None:
    if errors is None or yaw_deg is None:
        return None
    return binned_mean(errors[predicted], yaw_deg[predicted]).as_dict()


def _count_by_bin(yaw_deg: Float[np.ndarray, " photos"]) -> dict[str, int]:
    return dict(zip(YAW_BINS, in_yaw_bins(yaw_deg).sum(axis=1).tolist(), strict=True))


def _yaw_figures(errors: Aflw2000Errors) -> tuple[dict[str, float], dict[str, float]]:
    """Mean absolute error of the yaw, and by how much heads are turned too far, in degrees."""
    usable = np.isfinite(errors.yaw_deg) & (abs(errors.true_yaw_deg) <= _MAX_TRUE_YAW_DEG)
    predicted, true = errors.yaw_deg[usable], errors.true_yaw_deg[usable]
    absolute = binned_mean(abs(predicted - true), true).as_dict()
    return absolute, binned_mean(abs(predicted) - abs(true), true).as_dict()


def _photo_errors(errors: Aflw2000Errors) -> list[PhotoError]:
    reannotated, in_space = errors.reannotated, errors.original_3d
    return [
        PhotoError(
            key=key,
            yaw_deg=float(errors.true_yaw_deg[row]),
            nme_percent=100 * float(errors.original[row]),
            nme_percent_reannotated=None if reannotated is None else 100 * float(reannotated[row]),
            nme_percent_3d=None if in_space is None else 100 * float(in_space[row]),
        )
        for row, key in enumerate(errors.keys)
    ]
