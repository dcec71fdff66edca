"""What is reported on AFLW2000-3D: from errors of single photos to means, intervals and the worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64

from monoface.evaluation.report import installed_versions
from monoface.metrics import YAW_BINS, Interval, binned_mean, bootstrap_intervals, in_yaw_bins
from monoface.pipeline import MadeWith

_BENCHMARK: Final = "AFLW2000-3D, 68 points, x and y"
_YAW_SPLIT: Final = "|yaw| of the fitted pose (Pose_Para): <= 30, (30, 60], > 60 degrees"
_NORMALISER: Final = "sqrt(width x height) of the box of the same annotation's 68 true points"
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
    """

    keys: tuple[str, ...]
    true_yaw_deg: Float[np.ndarray, " photos"]
    original: Float64[np.ndarray, " photos"]
    reannotated: Float64[np.ndarray, " photos"] | None
    yaw_deg: Float64[np.ndarray, " photos"]

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
        landmark_set: Points of the face model compared with the original annotation.
        landmark_set_reannotated: Those compared with the re-annotated points.
        made_with: Weights and hashes; None for a predictor that is none of ours.
        landmark_map: What a network's landmark map showed; `none` for one without.
        versions: Of Python and what computed.
    """

    box: str
    passes: int
    landmark_set: str
    landmark_set_reannotated: str
    made_with: MadeWith | None = None
    landmark_map: str = "none"
    versions: Mapping[str, str] = field(default_factory=installed_versions)


@dataclass(frozen=True)
class PhotoError:
    """NME of one photo; NaN where no landmarks were found, None where the annotation is missing."""

    key: str
    yaw_deg: float
    nme_percent: float
    nme_percent_reannotated: float | None


@dataclass(frozen=True)
class Aflw2000Report:
    """What `monoface evaluate aflw2000` writes.

    Figures have the keys `0-30`, `30-60`, `60-90` (by yaw), `bin_mean` and `image_mean`.

    Attributes:
        benchmark: Which landmarks of which photos.
        photos_per_bin: Photos by yaw, failures included.
        failures: Keys of the photos without a prediction. All figures are over the other photos.
        nme_percent: Against the original annotation.
        nme_percent_interval_95: Bootstrap intervals of these.
        nme_percent_reannotated: Against the re-annotated points; None where there are none.
        nme_percent_reannotated_interval_95: Bootstrap intervals of these.
        yaw_error_deg: Mean absolute error of the predicted yaw; null if it is not predicted.
        yaw_excess_deg: Mean of |predicted| - |true| yaw: negative where heads are turned too little.
        setup: How the predictions came about.
        yaw_split: What the bins are.
        normaliser: What distances are divided by.
        worst: The photos with the largest errors against the original annotation.
        photos: All photos, for paired comparisons.
    """

    benchmark: str
    photos_per_bin: Mapping[str, int]
    failures: Sequence[str]
    nme_percent: Mapping[str, float]
    nme_percent_interval_95: Mapping[str, Interval]
    nme_percent_reannotated: Mapping[str, float] | None
    nme_percent_reannotated_interval_95: Mapping[str, Interval] | None
    yaw_error_deg: Mapping[str, float]
    yaw_excess_deg: Mapping[str, float]
    setup: PredictionSetup
    yaw_split: str
    normaliser: str
    worst: Sequence[PhotoError]
    photos: Sequence[PhotoError]


def summarise(errors: Aflw2000Errors, setup: PredictionSetup) -> Aflw2000Report:
    """Report on the errors of single photos."""
    predicted = errors.predicted
    true_yaw_deg = errors.true_yaw_deg[predicted]
    original = 100 * errors.original[predicted]
    reannotated = None if errors.reannotated is None else 100 * errors.reannotated[predicted]
    photos = _photo_errors(errors)
    found = [photo for photo in photos if np.isfinite(photo.nme_percent)]
    yaw_error_deg, yaw_excess_deg = _yaw_figures(errors)
    counts = in_yaw_bins(errors.true_yaw_deg).sum(axis=1).tolist()
    return Aflw2000Report(
        benchmark=_BENCHMARK,
        photos_per_bin=dict(zip(YAW_BINS, counts, strict=True)),
        failures=[photo.key for photo in photos if not np.isfinite(photo.nme_percent)],
        nme_percent=binned_mean(original, true_yaw_deg).as_dict(),
        nme_percent_interval_95=bootstrap_intervals(original, true_yaw_deg),
        nme_percent_reannotated=_figures(reannotated, true_yaw_deg),
        nme_percent_reannotated_interval_95=_intervals(reannotated, true_yaw_deg),
        yaw_error_deg=yaw_error_deg,
        yaw_excess_deg=yaw_excess_deg,
        setup=setup,
        yaw_split=_YAW_SPLIT,
        normaliser=_NORMALISER,
        worst=sorted(found, key=lambda photo: -photo.nme_percent)[:_WORST],
        photos=photos,
    )


def _figures(
    errors: Float64[np.ndarray, " photos"] | None, yaw_deg: Float[np.ndarray, " photos"]
) -> dict[str, float] | None:
    return None if errors is None else binned_mean(errors, yaw_deg).as_dict()


def _intervals(
    errors: Float64[np.ndarray, " photos"] | None, yaw_deg: Float[np.ndarray, " photos"]
) -> dict[str, Interval] | None:
    return None if errors is None else bootstrap_intervals(errors, yaw_deg)


def _yaw_figures(errors: Aflw2000Errors) -> tuple[dict[str, float], dict[str, float]]:
    """Mean absolute error of the yaw, and by how much heads are turned too far, in degrees."""
    usable = np.isfinite(errors.yaw_deg) & (abs(errors.true_yaw_deg) <= _MAX_TRUE_YAW_DEG)
    predicted, true = errors.yaw_deg[usable], errors.true_yaw_deg[usable]
    absolute = binned_mean(abs(predicted - true), true).as_dict()
    return absolute, binned_mean(abs(predicted) - abs(true), true).as_dict()


def _photo_errors(errors: Aflw2000Errors) -> list[PhotoError]:
    reannotated = errors.reannotated
    return [
        PhotoError(
            key=key,
            yaw_deg=float(errors.true_yaw_deg[row]),
            nme_percent=100 * float(errors.original[row]),
            nme_percent_reannotated=None if reannotated is None else 100 * float(reannotated[row]),
        )
        for row, key in enumerate(errors.keys)
    ]
