"""68 landmarks on AFLW2000-3D: NME by yaw, against the original and the re-annotated points.

The original annotation are fits of a 3D model, with biases of their own: a perfect predictor of the
re-annotated points scores 3.28 % on it (mean of the bins, over the 200 photos of the dev set). So both
figures belong in a report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from monoface.core.errors import ConfigError
from monoface.core.files import refuse_existing
from monoface.data.sources import Aflw2000, Aflw2000Photo
from monoface.evaluation.aflw2000_report import (
    Aflw2000Errors,
    Aflw2000Report,
    PredictionSetup,
    summarise,
)
from monoface.evaluation.boxes import DetectedBox, FindBox, given_box
from monoface.evaluation.detected_landmarks import FaceMeshLandmarks
from monoface.evaluation.predictors import (
    LANDMARK_SET,
    LANDMARK_SET_REANNOTATED,
    LandmarkPredictor,
    RegressorPredictor,
)
from monoface.evaluation.report import write_report
from monoface.metrics import box_normaliser, nme
from monoface.pipeline.reconstructor import Reconstructor, ReconstructorConfig

BoxKind = Literal["roi_box", "detector"]

_BOX_TEXT: Mapping[BoxKind, str] = {
    "roi_box": "roi_box of the annotation: the square of sqrt(2) x the longer side of the 68 points' box, "
    "made whole where the photo's border clips it",
    "detector": "detector: the square of sqrt(2) x the longer side of the detection that covers the 68 "
    "points' box best (IoU >= 0.4)",
}


@dataclass(frozen=True)
class EvaluateAflw2000Config:
    """What to measure on AFLW2000-3D, and where the report goes.

    Attributes:
        data: Folder of the photos: images-*.tar and labels.npz, or imageNNNNN.jpg and imageNNNNN.mat.
        out: JSON file to write.
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        box: Crop by the annotated box, or by the detector's.
        passes: 1 for the usual figures; networks with a landmark map see an empty one then. At 2, those look
            at the same crop again, with the landmarks that they found; others at a crop around them.
        recrop: Let networks with a landmark map, too, see a crop around the landmarks found before, as they
            do in `monoface reconstruct`.
        detected_landmarks: Show networks with a landmark map, at first, what the face-mesh network sees.
        batch_size: Photos regressed together.
        device: cpu or cuda.
        overwrite: Replace the report if it exists.
    """

    data: Path
    out: Path
    weights: str = "pretrain"
    face_model: Path | None = None
    box: BoxKind = "roi_box"
    passes: int = 1
    recrop: bool = False
    detected_landmarks: bool = False
    batch_size: int = 64
    device: Literal["cpu", "cuda"] = "cpu"
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("passes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")


def run(config: EvaluateAflw2000Config) -> Aflw2000Report:
    """Measure weights as the configuration says, and write the report.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the photos or annotations cannot be read.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    if not config.overwrite:
        refuse_existing(config.out)
    source = Aflw2000.open(config.data)
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
        recrop=config.recrop or not regressor.sees_landmarks,
        detect=FaceMeshLandmarks() if config.detected_landmarks else None,
    )
    find_box = given_box if config.box == "roi_box" else DetectedBox(tools.detector)
    errors = evaluate_aflw2000(predict, source, find_box=find_box, batch_size=config.batch_size)
    setup = PredictionSetup(
        box=_BOX_TEXT[config.box],
        passes=config.passes,
        landmark_map=_map_text(config) if regressor.sees_landmarks else "none",
        landmark_set=LANDMARK_SET,
        landmark_set_reannotated=LANDMARK_SET_REANNOTATED,
        made_with=tools.made_with,
    )
    report = summarise(errors, setup)
    write_report(report, config.out, overwrite=config.overwrite)
    return report


def evaluate_aflw2000(
    predict: LandmarkPredictor, source: Aflw2000, *, find_box: FindBox = given_box, batch_size: int = 64
) -> Aflw2000Errors:
    """Error of a predictor on each photo.

    Args:
        predict: Gets photos and squares in batches. A point that is not finite makes the photo a failure.
        source: The photos; never all of them are in memory.
        find_box: Square of each photo. A photo without one is a failure.
        batch_size: Photos decoded and predicted together.
    """
    count = len(source)
    original_px = np.full((count, 68, 2), np.nan)
    reannotated_px = original_px.copy()
    yaw_deg = np.full(count, np.nan)
    for start in range(0, count, batch_size):
        photos = [source[index] for index in range(start, min(start + batch_size, count))]
        found, boxes = _found_boxes(photos, find_box)
        if found:
            landmarks = predict([photos[index].image for index in found], boxes)
            rows = start + np.array(found)
            original_px[rows] = landmarks.original_px
            reannotated_px[rows] = landmarks.reannotated_px
            if landmarks.yaw_deg is not None:
                yaw_deg[rows] = landmarks.yaw_deg

    true_px, true_reannotated_px = source.points68_px[..., :2], source.points68_reannotated_px
    reannotated = None
    if true_reannotated_px is not None:
        reannotated = nme(reannotated_px, true_reannotated_px, box_normaliser(true_reannotated_px))
    return Aflw2000Errors(
        keys=source.keys,
        true_yaw_deg=source.yaw_deg,
        original=nme(original_px, true_px, box_normaliser(true_px)),
        reannotated=reannotated,
        yaw_deg=yaw_deg,
    )


def _map_text(config: EvaluateAflw2000Config) -> str:
    """What a network's landmark map showed."""
    first = "the face-mesh network's landmarks" if config.detected_landmarks else "empty"
    if config.passes == 1:
        return first
    crop = "a crop around them" if config.recrop else "the same crop"
    return f"{first}; then the landmarks found, in {crop}"


def _found_boxes(
    photos: Sequence[Aflw2000Photo], find_box: FindBox
) -> tuple[list[int], Float[np.ndarray, "found 4"]]:
    """Positions of the photos in which a face was found, and their squares."""
    squares = [find_box(photo) for photo in photos]
    found = [position for position, square in enumerate(squares) if square is not None]
    boxes = [square for square in squares if square is not None]
    return found, np.array(boxes, dtype=np.float64).reshape(-1, 4)
