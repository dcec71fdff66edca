"""21 landmarks on the validation crops of AFLW: NME of the visible ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float, Float64, UInt8

from monoface.core.errors import ConfigError
from monoface.data.sources import Aflw
from monoface.evaluation.landmarks.point_checks import check_missing
from monoface.evaluation.landmarks.point_predictions import PointPredictions
from monoface.evaluation.landmarks.predictors import looks_text, refuse_looks
from monoface.evaluation.reconstructed import ReconstructedFaces, points_in_crops
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
from monoface.evaluation.reports.page.model import figure
from monoface.evaluation.reports.report import installed_versions, refuse_existing_results, write_results
from monoface.facemodel import FaceModel
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.metrics import (
    AFLW_NORMALISER_PX,
    Interval,
    bootstrap_mean,
    box_normaliser,
    cumulative_curve,
    nme,
)
from monoface.pipeline import CoefficientRegressor, MadeWith, Reconstructor, ReconstructorConfig

LANDMARK_SET: Final = "aflw21"
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

PredictCrops = Callable[[UInt8[np.ndarray, "batch 120 120 3"]], Float[np.ndarray, "batch 21 2"]]
"""From crops to AFLW's 21 points in pixels of the crops."""


@dataclass(frozen=True)
class EvaluateAflwConfig:
    """What to measure on AFLW, and where the report goes.

    Attributes:
        data: Folder with images-*.tar and labels.npz.
        out: JSON file to write; the page goes beside it, as .html.
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        split: Part of the photos; those of train may have been trained on.
        passes: 1 for the usual figures; networks with a landmark map see an empty one then, and after that
            the same crop with the landmarks that they found. Others see the same each time.
        mirror: Show networks the mirror image too in the last pass, and take the mean.
        fitted: An .npz file with key and points68_px, the 68 fitted points in pixels of the crops: distances
            are then divided by their box, as the published protocol has it.
        as_reconstruct: Measure faces as `monoface reconstruct` makes them from the crop, with its own passes.
        batch_size: Crops regressed together.
        device: cpu or cuda.
        overwrite: Replace the report if it exists.
    """

    data: Path
    out: Path
    weights: str = "monoface"
    face_model: Path | None = None
    split: Literal["train", "val"] = "val"
    passes: int = 1
    mirror: bool = False
    fitted: Path | None = None
    as_reconstruct: bool = False
    batch_size: int = 64
    device: Literal["cpu", "cuda"] = "cpu"
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("passes", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}.")
        refuse_looks(self.as_reconstruct, self.passes, mirror=self.mirror)


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
        interval = self.nme_percent_interval_95
        note = f"95 %: {figure(interval.low)} to {figure(interval.high)}"
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
    regressor: CoefficientRegressor, model: FaceModel, passes: int = 1, *, mirror: bool = False
) -> PredictCrops:
    """A regressor as a predictor of AFLW's 21 points; it must take crops of the size that AFLW has."""
    turned = CoefficientMirror(model) if mirror else None
    points = model.to(regressor.device).subset(model.landmarks(LANDMARK_SET))
    mapped = model.subset(model.landmarks(FLM18))
    looks = passes if regressor.sees_landmarks else 1

    def predict(crops: UInt8[np.ndarray, "batch 120 120 3"]) -> Float[np.ndarray, "batch 21 2"]:
        found = regressor.predict(crops, mirror=turned if looks == 1 else None)
        for look in range(1, looks):
            last = turned if look + 1 == looks else None
            found = regressor.predict(crops, found.landmarks_px(mapped), mirror=last)
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
    interval = report.nme_percent_interval_95
    spread = f"{figure(interval.low)} to {figure(interval.high)}"
    return ["visible points", figure(report.nme_percent), spread]
