"""21 landmarks on the validation crops of AFLW: NME of the visible ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8

from monoface.core.errors import ConfigError
from monoface.core.files import refuse_existing
from monoface.data.sources import Aflw
from monoface.evaluation.report import installed_versions, write_report
from monoface.facemodel import FaceModel
from monoface.facemodel.landmarks import FLM18
from monoface.metrics import AFLW_NORMALISER_PX, Interval, bootstrap_mean, nme
from monoface.pipeline import CoefficientRegressor, MadeWith
from monoface.pipeline.reconstructor import Reconstructor, ReconstructorConfig

LANDMARK_SET: Final = "aflw21"

POINT_NAMES: Final = (
    "left brow, outer", "left brow, centre", "left brow, inner",
    "right brow, inner", "right brow, centre", "right brow, outer",
    "left eye, outer", "left eye, centre", "left eye, inner",
    "right eye, inner", "right eye, centre", "right eye, outer",
    "left ear", "nose, left", "nose tip", "nose, right", "right ear",
    "mouth, left", "mouth, centre", "mouth, right", "chin",
)  # fmt: skip
"""AFLW's 21 points in their order; left and right are those of the image."""

_NORMALISER: Final = (
    "constant 120 / sqrt(2) px; the published protocol divides by the box of 68 fitted points, which the "
    "data set does not come with"
)

PredictCrops = Callable[[UInt8[np.ndarray, "batch 120 120 3"]], Float[np.ndarray, "batch 21 2"]]
"""From crops to AFLW's 21 points in pixels of the crops."""


@dataclass(frozen=True)
class EvaluateAflwConfig:
    """What to measure on AFLW, and where the report goes.

    Attributes:
        data: Folder with images-*.tar and labels.npz.
        out: JSON file to write.
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        split: Part of the photos; those of train may have been trained on.
        passes: 1 for the usual figures; networks with a landmark map see an empty one then, and after that
            the same crop with the landmarks that they found. Others see the same each time.
        batch_size: Crops regressed together.
        device: cpu or cuda.
        overwrite: Replace the report if it exists.
    """

    data: Path
    out: Path
    weights: str = "pretrain"
    face_model: Path | None = None
    split: Literal["train", "val"] = "val"
    passes: int = 1
    batch_size: int = 64
    device: Literal["cpu", "cuda"] = "cpu"
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("passes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")


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
    if not config.overwrite:
        refuse_existing(config.out)
    source = Aflw(config.data, split=config.split)
    tools = Reconstructor(
        ReconstructorConfig(weights=config.weights, device=config.device, face_model=config.face_model)
    )
    predict = crop_predictor(tools.regressor, tools.face_model, config.passes)
    predicted_px = predict_points(predict, source, config.batch_size)
    report = summarise(source, predicted_px, config.split, tools.made_with)
    write_report(report, config.out, overwrite=config.overwrite)
    return report


def crop_predictor(regressor: CoefficientRegressor, model: FaceModel, passes: int = 1) -> PredictCrops:
    """A regressor as a predictor of AFLW's 21 points; it must take crops of the size that AFLW has."""
    points = model.to(regressor.device).subset(model.landmarks(LANDMARK_SET))
    mapped = model.subset(model.landmarks(FLM18))

    def predict(crops: UInt8[np.ndarray, "batch 120 120 3"]) -> Float[np.ndarray, "batch 21 2"]:
        found = regressor.predict(torch.from_numpy(crops))
        for _ in range(passes - 1 if regressor.sees_landmarks else 0):
            found = regressor.predict(torch.from_numpy(crops), found.landmarks_px(mapped))
        return found.landmarks_px(points).cpu().numpy()

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


def summarise(
    source: Aflw,
    predicted_px: Float[np.ndarray, "photos 21 2"],
    split: str,
    made_with: MadeWith | None = None,
) -> AflwReport:
    """Report on predicted points; a photo with one that is not finite is a failure."""
    percent = 100 * nme(predicted_px, source.points21_px, AFLW_NORMALISER_PX)
    found: list[bool] = np.all(np.isfinite(predicted_px), axis=(1, 2)).tolist()
    annotated: list[bool] = np.any(source.visible, axis=1).tolist()
    measured = [row for row in range(len(source)) if found[row] and annotated[row]]
    by_point = {
        name: _mean_percent(predicted_px[measured, point], source.points21_px[measured, point])
        for point, name in enumerate(POINT_NAMES)
    }
    visible = source.visible[measured].sum(axis=0).tolist()
    return AflwReport(
        benchmark="AFLW, visible ones of 21 points, x and y",
        split=split,
        nme_percent=float(percent[measured].mean()) if len(measured) else float("nan"),
        nme_percent_interval_95=bootstrap_mean(percent[measured]),
        nme_percent_by_point=by_point,
        visible_by_point=dict(zip(POINT_NAMES, visible, strict=True)),
        failures=[key for key, is_found in zip(source.keys, found, strict=True) if not is_found],
        skipped=[key for key, is_annotated in zip(source.keys, annotated, strict=True) if not is_annotated],
        landmark_set=LANDMARK_SET,
        normaliser=_NORMALISER,
        made_with=made_with,
        versions=installed_versions(),
        photos=[CropError(source.keys[row], float(percent[row])) for row in measured],
    )


def _mean_percent(
    predicted_px: Float[np.ndarray, "photos 2"], true_px: Float[np.ndarray, "photos 2"]
) -> float:
    """Mean distance of one point where it is visible, in percent of the normaliser; NaN if it nowhere is."""
    distance_px = np.linalg.norm(predicted_px - true_px, axis=-1)
    visible = np.isfinite(distance_px)
    return 100 * float(distance_px[visible].mean()) / AFLW_NORMALISER_PX if visible.any() else float("nan")
