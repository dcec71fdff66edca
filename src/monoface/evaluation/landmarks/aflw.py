"""21 landmarks on the validation crops of AFLW: NME of the visible ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, UInt8

from monoface.core.errors import ConfigError
from monoface.data.sources import Aflw
from monoface.evaluation.config import WeightsConfig
from monoface.evaluation.landmarks.aflw_report import LANDMARK_SET, AflwReport, summarise, worst_pictures
from monoface.evaluation.landmarks.point_predictions import PointPredictions
from monoface.evaluation.landmarks.predictors import looks_text, refuse_looks
from monoface.evaluation.reconstructed import ReconstructedFaces, points_in_crops
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.facemodel import LinearFaceModel
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.pipeline import CoefficientRegressor, MadeWith, Reconstructor, ReconstructorConfig
from monoface.regression import Passes, regress_crops

PredictCrops = Callable[[UInt8[np.ndarray, "batch 120 120 3"]], Float[np.ndarray, "batch 21 2"]]
"""From crops to AFLW's 21 points in pixels of the crops."""


@dataclass(frozen=True)
class EvaluateAflwConfig(WeightsConfig):
    """What to measure on AFLW, and where the report goes.

    Attributes:
        data: Folder with images-*.tar and labels.npz.
        out: JSON file to write; the page goes beside it, as .html.
        split: Part of the photos; those of train may have been trained on.
        passes: 1 for the usual figures; networks with a landmark map see an empty one then, and after that
            the same crop with the landmarks that they found. Others see the same each time.
        mirror: Show networks the mirror image too in the last pass, and take the mean.
        fitted: An .npz file with key and points68_px, the 68 fitted points in pixels of the crops: distances
            are then divided by their box, as the published protocol has it.
        as_reconstruct: Measure faces as `monoface reconstruct` makes them from the crop, with its own passes.
        batch_size: Crops regressed together.
    """

    data: Path
    out: Path
    split: Literal["train", "val"] = "val"
    passes: int = 1
    mirror: bool = False
    fitted: Path | None = None
    as_reconstruct: bool = False
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("passes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")
        refuse_looks(self.as_reconstruct, self.passes, mirror=self.mirror)


def run(config: EvaluateAflwConfig) -> AflwReport:
    """Measure weights as the configuration says, and write the report.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the photos or annotations cannot be read.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, belong to another face model, or that model has no
            landmark set for AFLW.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    source = Aflw(config.data, split=config.split)
    predict, made_with, looks = _predictor(config)
    predicted_px = predict_points(predict, source, config.batch_size)
    fitted_px = None
    if config.fitted is not None:
        fitted_px = PointPredictions.read(config.fitted).for_keys(source.keys)
    report = summarise(source, predicted_px, config.split, made_with, fitted_px, looks=looks)
    worst = worst_pictures(report, source, predicted_px)
    write_results(report, config.out, worst, overwrite=config.overwrite)
    return report


def _predictor(config: EvaluateAflwConfig) -> tuple[PredictCrops, MadeWith, str]:
    """What predicts points in crops, which weights it has, and how it looks."""
    if config.as_reconstruct:
        faces = ReconstructedFaces(config.weights, config.face_model, config.device)
        return points_in_crops(faces, LANDMARK_SET), faces.made_with, faces.looks
    tools = Reconstructor(
        ReconstructorConfig(weights=config.weights, device=config.device, face_model=config.face_model)
    )
    predict = crop_predictor(tools.regressor, tools.face_model, config.passes, mirror=config.mirror)
    return predict, tools.made_with, looks_text(config.passes, mirror=config.mirror)


def crop_predictor(
    regressor: CoefficientRegressor, model: LinearFaceModel, passes: int = 1, *, mirror: bool = False
) -> PredictCrops:
    """A regressor as a predictor of AFLW's 21 points; it must take crops of the size that AFLW has."""
    points = model.subset(model.landmarks(LANDMARK_SET))
    looks = Passes(
        passes if regressor.sees_landmarks else 1,
        mapped=model.subset(model.landmarks(FLM18)),
        mirror=CoefficientMirror(model) if mirror else None,
    )

    def predict(crops: UInt8[np.ndarray, "batch 120 120 3"]) -> Float[np.ndarray, "batch 21 2"]:
        return regress_crops(regressor, crops, looks).landmarks_px(points)

    return predict


def predict_points(
    predict: PredictCrops, source: Aflw, batch_size: int = 64
) -> Float64[np.ndarray, "photos 21 2"]:
    """Points of all crops of a source, in pixels; in batches, so that the source need not fit in memory."""
    predicted_px = np.empty((len(source), 21, 2))
    for start in range(0, len(source), batch_size):
        rows = range(start, min(start + batch_size, len(source)))
        predicted_px[start : rows.stop] = predict(source.load_images(rows))
    return predicted_px
