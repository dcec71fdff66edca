"""Errors of single photos of AFLW2000-3D, and figures of them in which failures count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64

from monoface.evaluation.reports.report import installed_versions
from monoface.metrics import cumulative_curve
from monoface.pipeline import MadeWith

CURVE_LIMIT_PERCENT: Final = 10.0
"""Where cumulative curves end."""


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
