"""What is reported on AFLW2000-3D: from errors of single photos to means, intervals and the worst."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64

from monoface.data.sources import Aflw2000
from monoface.evaluation.landmarks.aflw2000_errors import (
    Aflw2000Errors,
    CumulativeFigures,
    PhotoError,
    PredictionSetup,
)
from monoface.evaluation.landmarks.aflw2000_report import Aflw2000Report
from monoface.evaluation.landmarks.point_checks import check_claim, check_missing
from monoface.evaluation.landmarks.predictors import looks_text
from monoface.evaluation.reports.definition import WORST, Definition, Finding, Galleries
from monoface.evaluation.reports.page import Gallery, landmarks_picture
from monoface.metrics import YAW_BINS, binned_mean, binned_std, bootstrap_intervals, in_yaw_bins

_BENCHMARK: Final = "AFLW2000-3D, 68 points, x and y"
_YAW_SPLIT: Final = "|yaw| of the fitted pose (Pose_Para): <= 30, (30, 60], > 60 degrees"
_NORMALISER: Final = "sqrt(width x height) of the box of the same annotation's 68 true points"
_WORST = 10
# Fits turned farther than this are wrong; benchmarks of head pose leave them out.
_MAX_TRUE_YAW_DEG = 99.0


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
