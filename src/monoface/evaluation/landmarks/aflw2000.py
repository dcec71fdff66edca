"""68 landmarks on AFLW2000-3D: NME by yaw, against the original and the re-annotated points.

The original annotation are fits of a 3D model, with biases of their own: a perfect predictor of the
re-annotated points scores 3.28 % on it (mean of the bins, over the 200 photos of the dev set). So both
figures belong in a report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64

from monoface.core.array_files import read_npy
from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import Aflw2000
from monoface.data.sources.aflw2000 import compute_roi_box
from monoface.evaluation.config import WeightsConfig
from monoface.evaluation.landmarks.aflw2000_errors import PredictionSetup
from monoface.evaluation.landmarks.aflw2000_measuring import measure, predict_photos
from monoface.evaluation.landmarks.aflw2000_report import Aflw2000Report
from monoface.evaluation.landmarks.aflw2000_summary import summarise, worst_pictures
from monoface.evaluation.landmarks.boxes import DetectedBox, detect_with, given_box
from monoface.evaluation.landmarks.detected_landmarks import FaceMeshLandmarks
from monoface.evaluation.landmarks.point_checks import (
    check_annotation,
    check_box_stated,
    check_predicted_points,
)
from monoface.evaluation.landmarks.point_predictions import FirstPixel, PointPredictions
from monoface.evaluation.landmarks.predictors import (
    LANDMARK_SET,
    LANDMARK_SET_REANNOTATED,
    Landmarks68,
    RegressorPredictor,
    refuse_looks,
)
from monoface.evaluation.reconstructed import ReconstructedFaces, ReconstructedLandmarks
from monoface.evaluation.reports.definition import Finding, refuse_if_meaningless
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.pipeline import Reconstructor, ReconstructorConfig

BoxKind = Literal["roi_box", "detector"]
Subset = Literal["all", "published_1998"]

_BOX_TEXT: Mapping[BoxKind, str] = {
    "roi_box": "roi_box of the annotation: the square of sqrt(2) x the longer side of the 68 points' box, "
    "made whole where the photo's border clips it",
    "detector": "detector: the square of sqrt(2) x the longer side of the detection that covers the 68 "
    "points' box best (IoU >= 0.4)",
}

# Rows of the whole set, in the order of its names, without a result of the landmark detector that 2DASL used:
# its published figures are over the other 1,998 photos.
_WHOLE_SET = 2000
_NOT_PUBLISHED = (1081, 1798)


@dataclass(frozen=True)
class EvaluateAflw2000Config(WeightsConfig):
    """What to measure on AFLW2000-3D, and where the report goes.

    Attributes:
        data: Folder of the photos: images-*.tar and labels.npz, or imageNNNNN.jpg and imageNNNNN.mat.
        out: JSON file to write; the page goes beside it, as .html.
        as_reconstruct: Measure faces as `monoface reconstruct` makes them, with its own passes.
        box: Crop by the annotated box, or by the detector's; by default by the detector's if faces are those
            of `monoface reconstruct`, else by the annotated one.
        passes: 1 for the usual figures; networks with a landmark map see an empty one then. At 2, those look
            at the same crop again, with the landmarks that they found; others at a crop around them.
        mirror: Show networks the mirror image too in the last pass, and take the mean; `monoface reconstruct`
            does so.
        recrop: Let networks with a landmark map, too, see a crop around the landmarks found before, as they
            do in `monoface reconstruct`.
        detected_landmarks: Show networks with a landmark map, at first, what the face-mesh network sees.
        batch_size: Photos regressed together.
        points: Score these points instead of weights: an .npz file with key and points68_px, in pixels of
            the photos, two or three axes.
        points_first_pixel: Where the first pixel's centre is in that file.
        points_box: Which box their predictor saw, for the report.
        subset: All photos, or the 1,998 of 2,000 over which 2DASL's figures are published.
        yaw: An .npy file of one yaw in degrees for each photo, for a second split into bins.
        published: A published mean, to be told which mean it is.
    """

    data: Path
    out: Path
    as_reconstruct: bool = False
    box: BoxKind | None = None
    passes: int = 1
    mirror: bool = False
    recrop: bool = False
    detected_landmarks: bool = False
    batch_size: int = 64
    points: Path | None = None
    points_first_pixel: FirstPixel = "0"
    points_box: str = ""
    subset: Subset = "all"
    yaw: Path | None = None
    published: float | None = None

    def __post_init__(self) -> None:
        for name in ("passes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")
        refuse_looks(self.as_reconstruct, self.passes, mirror=self.mirror)
        if self.as_reconstruct and (self.recrop or self.detected_landmarks or self.points is not None):
            raise ConfigError("as_reconstruct: expected neither recrop, detected_landmarks nor points.")

    @property
    def box_used(self) -> BoxKind:
        """The box that faces are cropped by."""
        return self.box or ("detector" if self.as_reconstruct else "roi_box")


def run(config: EvaluateAflw2000Config) -> Aflw2000Report:
    """Measure weights, or points of a file, as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If photos, annotations or predicted points cannot be read, or a check refuses them.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    source = Aflw2000.open(config.data)
    counted = _counted(config.subset, len(source))
    second_yaw_deg = None if config.yaw is None else _read_yaw(config.yaw, len(source))
    if config.points is None:
        predicted, setup, findings = _predict_with_weights(config, source)
    else:
        predicted, setup, findings = _predict_from_file(config, source)
    findings += check_annotation(source.roi_box, _boxes_of_points(source))
    refuse_if_meaningless(findings)
    errors = measure(source, predicted, counted=counted, second_yaw_deg=second_yaw_deg)
    report = summarise(errors, setup, findings=findings, published=config.published)
    write_results(report, config.out, worst_pictures(report, errors, source), overwrite=config.overwrite)
    return report


def _predict_with_weights(
    config: EvaluateAflw2000Config, source: Aflw2000
) -> tuple[Landmarks68, PredictionSetup, list[Finding]]:
    if config.as_reconstruct:
        return _predict_as_reconstruct(config, source)
    tools = Reconstructor(
        ReconstructorConfig(weights=config.weights, device=config.device, face_model=config.face_model)
    )
    regressor = tools.regressor
    if config.detected_landmarks and not regressor.sees_landmarks:
        raise ConfigError(
            f"weights {config.weights}: expected ones with a landmark map for detected landmarks."
        )
    predict = RegressorPredictor(
        regressor,
        tools.face_model,
        config.passes,
        mirror=config.mirror,
        recrop=config.recrop or not regressor.sees_landmarks,
        detect=FaceMeshLandmarks() if config.detected_landmarks else None,
    )
    find_box = given_box if config.box_used == "roi_box" else DetectedBox(detect_with(tools.detector))
    predicted = predict_photos(predict, source, find_box=find_box, batch_size=config.batch_size)
    setup = PredictionSetup(
        box=_BOX_TEXT[config.box_used],
        passes=config.passes,
        mirror=config.mirror,
        landmark_map=_map_text(config) if regressor.sees_landmarks else "none",
        landmark_set=LANDMARK_SET,
        landmark_set_reannotated=LANDMARK_SET_REANNOTATED,
        made_with=tools.made_with,
    )
    return predicted, setup, []


def _predict_as_reconstruct(
    config: EvaluateAflw2000Config, source: Aflw2000
) -> tuple[Landmarks68, PredictionSetup, list[Finding]]:
    faces = ReconstructedFaces(config.weights, config.face_model, config.device)
    find_box = given_box if config.box_used == "roi_box" else DetectedBox(detect_with(faces.detector))
    predict = ReconstructedLandmarks(faces)
    predicted = predict_photos(predict, source, find_box=find_box, batch_size=config.batch_size)
    setup = PredictionSetup(
        box=_BOX_TEXT[config.box_used],
        passes=ReconstructorConfig.passes,
        mirror=ReconstructorConfig.mirror,
        looks=f"faces {faces.looks}",
        landmark_set=LANDMARK_SET,
        landmark_set_reannotated=LANDMARK_SET_REANNOTATED,
        made_with=faces.made_with,
    )
    return predicted, setup, []


def _predict_from_file(
    config: EvaluateAflw2000Config, source: Aflw2000
) -> tuple[Landmarks68, PredictionSetup, list[Finding]]:
    assert config.points is not None
    read = PointPredictions.read(config.points, first_pixel=config.points_first_pixel)
    points_px = read.for_keys(source.keys)
    setup = PredictionSetup(
        box=config.points_box or "not stated",
        passes=1,
        landmark_set=f"points68_px of {read.name}",
        landmark_set_reannotated=f"points68_px of {read.name}",
        predictions={read.name: read.sha256},
    )
    depth_px = points_px[..., 2] if points_px.shape[-1] == 3 else None
    predicted = Landmarks68(points_px[..., :2], points_px[..., :2], depth_px=depth_px)
    findings = check_predicted_points(points_px, source.points68_px) + check_box_stated(config.points_box)
    return predicted, setup, findings


def _counted(subset: Subset, count: int) -> Bool[np.ndarray, " photos"] | None:
    if subset == "all":
        return None
    if count != _WHOLE_SET:
        raise ConfigError(
            f"subset {subset}: expected the whole set of {_WHOLE_SET} photos, got {count}. Use --subset all."
        )
    counted = np.ones(count, dtype=bool)
    counted[list(_NOT_PUBLISHED)] = False
    return counted


def _read_yaw(path: Path, count: int) -> Float64[np.ndarray, " photos"]:
    yaw_deg = read_npy(path, "an .npy file of yaws")
    if yaw_deg.dtype.kind not in "fi" or yaw_deg.size != count:
        raise DataError(f"{path}: expected one number for each of {count} photos.")
    return yaw_deg.ravel().astype(np.float64)


def _boxes_of_points(source: Aflw2000) -> Float[np.ndarray, "photos 4"]:
    """The box that follows from the points, clipped as the given one is."""
    whole = np.stack([compute_roi_box(points[:, :2], 10**6, 10**6) for points in source.points68_px])
    # The size of a photo is known from its picture only; where the given box ends, the photo may end too.
    return np.minimum(whole, np.maximum(source.roi_box, source.roi_box.max(axis=0)))


def _map_text(config: EvaluateAflw2000Config) -> str:
    """What a network's landmark map showed."""
    first = "the face-mesh network's landmarks" if config.detected_landmarks else "empty"
    if config.passes == 1:
        return first
    crop = "a crop around them" if config.recrop else "the same crop"
    return f"{first}; then the landmarks found, in {crop}"
