"""AFLW-LFPA: 34 points of 1,299 photos at large poses; NME of the visible ones, by yaw.

The data set's 34 points are AFLW's 21 and 13 more. Which of them are which of the 68 is published nowhere,
so that weights of ours need a file that says it; points that another program predicted need none.

    labels.npz      key, points34_px (invisible ones NaN, the first pixel's centre at 0), and where known
    yaw_deg and
                    roi_box
    images-*.tar    the photos, for weights of ours: KEY.webp
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import ConfigError, DataError
from monoface.core.json_text import parse_json
from monoface.data.sources.archive import LabelSpec, TarImages, read_labels, to_pixel_centre_convention
from monoface.evaluation.config import WeightsConfig
from monoface.evaluation.landmarks.point_checks import check_box_stated, check_missing, check_predicted_points
from monoface.evaluation.landmarks.point_predictions import FirstPixel, PointPredictions
from monoface.evaluation.landmarks.predictors import LandmarkPredictor, RegressorPredictor, refuse_looks
from monoface.evaluation.reconstructed import AS_RECONSTRUCT, ReconstructedFaces, ReconstructedLandmarks
from monoface.evaluation.reports.cases import Case, CurvePoints, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition, Finding, refuse_if_meaningless
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.metrics import cumulative_curve, in_yaw_bins, nme
from monoface.metrics.yaw_bins import YAW_BINS
from monoface.pipeline import MadeWith, Reconstructor, ReconstructorConfig, box_of_points, roi_of_box

POINTS: Final = 34
MEASURE: Final = Measure("nme_percent", "NME", "%")
_CURVE_LIMIT_PERCENT = 10.0


@dataclass(frozen=True)
class EvaluateAflwLfpaConfig(WeightsConfig):
    """What to measure on AFLW-LFPA, and where the report goes.

    Attributes:
        data: Folder with labels.npz, and images-*.tar for weights of ours.
        out: JSON file to write; the page goes beside it, as .html.
        points: Score these points: an .npz file with key and points34_px. Weights of ours by default.
        points_first_pixel: Where the first pixel's centre is in that file.
        points_box: Which box their predictor saw, for the report.
        groups: JSON file: for each of the 34 points the list of those of the 68 (from 0) whose mean it is.
        mirror: Look at the mirror images too, and take the mean.
        as_reconstruct: Measure faces as `monoface reconstruct` makes them in the given boxes.
        batch_size: Photos regressed together.
    """

    data: Path
    out: Path
    points: Path | None = None
    points_first_pixel: FirstPixel = "0"
    points_box: str = ""
    groups: Path | None = None
    mirror: bool = False
    as_reconstruct: bool = False
    batch_size: int = 64

    def __post_init__(self) -> None:
        refuse_looks(self.as_reconstruct, 1, mirror=self.mirror)
        if self.batch_size < 1:
            raise ConfigError(f"batch_size: expected at least 1, got {self.batch_size}.")
        if self.points is None and self.groups is None:
            raise ConfigError(
                "aflw-lfpa: expected --points, or --groups for weights of ours: which of the 68 points the "
                "data set's 34 are is not published."
            )


@dataclass(frozen=True, eq=False)
class LfpaLabels:
    """Annotations of all photos, in rows and in our pixel convention; NaN where a point is invisible."""

    keys: tuple[str, ...]
    points_px: Float64[np.ndarray, "photos 34 2"]
    yaw_deg: Float64[np.ndarray, " photos"] | None
    roi_box: Float64[np.ndarray, "photos 4"]

    @classmethod
    def read(cls, folder: Path) -> "LfpaLabels":
        """Annotations of a folder.

        Raises:
            DataError: If the file is missing, damaged, or not laid out as described.
        """
        specs = {
            "points34_px": LabelSpec("f", (POINTS, 2)),
            "yaw_deg": LabelSpec("f", optional=True),
            "roi_box": LabelSpec("f", (4,), optional=True),
        }
        labels = read_labels(folder / "labels.npz", specs)
        points_px = to_pixel_centre_convention(labels["points34_px"].astype(np.float64))
        boxes = labels.get("roi_box")
        if boxes is None:
            boxes = np.stack([roi_of_box(box_of_points(_visible(points))) for points in points_px])
        yaw_deg = labels.get("yaw_deg")
        return cls(
            tuple(labels["key"].tolist()),
            points_px,
            None if yaw_deg is None else yaw_deg.astype(np.float64),
            boxes.astype(np.float64),
        )


def run(config: EvaluateAflwLfpaConfig) -> CasesReport:
    """Measure points as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data or the predictions cannot be read, or a check refuses them.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    labels = LfpaLabels.read(config.data)
    made_with, predictions = None, {}
    findings: list[Finding] = []
    if config.points is not None:
        read = PointPredictions.read(config.points, POINTS, config.points_first_pixel)
        points_px, box = read.for_keys(labels.keys)[..., :2], config.points_box or "not stated"
        predictions = {read.name: read.sha256}
        findings = check_predicted_points(points_px, labels.points_px) + check_box_stated(config.points_box)
    else:
        points_px, made_with = _predict(config, labels)
        box = "roi_box of the labels: by default sqrt(2) x the longer side of the visible points' box"
        box += "; the photo and its mirror image" * config.mirror
        box += f"; faces {AS_RECONSTRUCT}" * config.as_reconstruct
    refuse_if_meaningless(findings)
    report = summarise(labels, points_px, box, findings, made_with, predictions)
    write_results(report, config.out, overwrite=config.overwrite)
    return report


def summarise(
    labels: LfpaLabels,
    points_px: Float[np.ndarray, "photos 34 2"],
    box: str,
    findings: list[Finding],
    made_with: MadeWith | None = None,
    predictions: dict[str, str] | None = None,
) -> CasesReport:
    """Report on predicted points; a photo with one that is not finite is a failure."""
    size_px = np.array(
        [np.sqrt(np.ptp(_visible(points), axis=0).prod()) for points in labels.points_px], dtype=np.float64
    )
    percent = 100 * nme(points_px, labels.points_px, np.where(size_px > 0, size_px, np.nan))
    missing = ~np.isfinite(points_px).all(axis=(1, 2))
    cases = []
    for row, key in enumerate(labels.keys):
        yaw_deg = None if labels.yaw_deg is None else float(labels.yaw_deg[row])
        groups = () if yaw_deg is None else (_bin_of(yaw_deg),)
        failure = "no prediction" if missing[row] else ""
        errors = {} if missing[row] else {MEASURE.name: float(percent[row])}
        cases.append(Case(key, groups, errors, failure, yaw_deg))
    absent = [case.key for case in cases if case.failure]
    curve = cumulative_curve(np.where(missing, np.nan, percent), _CURVE_LIMIT_PERCENT)
    return make_report(
        "AFLW-LFPA, visible ones of 34 points, x and y",
        definition(box),
        (MEASURE,),
        cases,
        findings=[*findings, *check_missing(absent, len(cases))],
        groups=YAW_BINS,
        curves={"34 points": CurvePoints.of(curve, "%")},
        made_with=made_with,
        predictions=predictions,
    )


def definition(box: str) -> Definition:
    """What the figures mean."""
    return Definition(
        data=f"AFLW-LFPA, 1,299 photos in its published form; box: {box}",
        measure="normalised mean error (NME): mean distance of the visible points, in percent",
        alignment="none",
        normaliser="sqrt(width x height) of the box of the photo's visible true points",
        means="mean of the photos, of all and of each bin of |yaw|",
        failures="photos without a prediction are listed and left out of the means; in the cumulative "
        "curve they count as failures",
        source="Jourabloo and Liu, CVPR 2016. Which face box its figures divide by, and the "
        "correspondence of the 34 points with the 68, are not published.",
    )


def read_groups(path: Path) -> tuple[tuple[int, ...], ...]:
    """For each of the 34 points those of the 68 whose mean it is.

    Raises:
        DataError: If the file is no list of 34 lists of numbers in 0..67.
    """

    def refuse(reason: object) -> NoReturn:
        raise DataError(f"{path}: expected a JSON list of {POINTS} lists of indices in 0..67: {reason}.")

    try:
        rows = parse_json(path.read_text(encoding="utf-8"))
        groups = tuple(tuple(int(index) for index in row) for row in rows)
    except (OSError, ValueError, TypeError) as error:
        refuse(error)
    if len(groups) != POINTS or not all(groups):
        refuse(f"got {len(groups)} lists, none may be empty")
    if not all(0 <= index < 68 for group in groups for index in group):
        refuse("an index is outside")
    return groups


def _predict(
    config: EvaluateAflwLfpaConfig, labels: LfpaLabels
) -> tuple[Float64[np.ndarray, "photos 34 2"], MadeWith]:
    assert config.groups is not None
    groups = read_groups(config.groups)
    predict, made_with = _predictor(config)
    images = TarImages(config.data)
    found = np.empty((len(labels.keys), POINTS, 2))
    for start in range(0, len(labels.keys), config.batch_size):
        rows = slice(start, start + config.batch_size)
        photos = [images.decode(f"{key}.webp") for key in labels.keys[rows]]
        points68_px = predict(photos, labels.roi_box[rows]).reannotated_px
        found[rows] = np.stack([points68_px[:, list(group)].mean(axis=1) for group in groups], axis=1)
    return found, made_with


def _predictor(config: EvaluateAflwLfpaConfig) -> tuple[LandmarkPredictor, MadeWith]:
    if config.as_reconstruct:
        faces = ReconstructedFaces(config.weights, config.face_model, config.device)
        return ReconstructedLandmarks(faces), faces.made_with
    tools = Reconstructor(
        ReconstructorConfig(weights=config.weights, device=config.device, face_model=config.face_model)
    )
    return RegressorPredictor(tools.regressor, tools.face_model, mirror=config.mirror), tools.made_with


def _visible(points_px: Float64[np.ndarray, "34 2"]) -> Float64[np.ndarray, "visible 2"]:
    visible = points_px[np.isfinite(points_px).all(axis=1)]
    return visible if len(visible) else np.zeros((1, 2))


def _bin_of(yaw_deg: float) -> str:
    return YAW_BINS[int(in_yaw_bins(np.array([yaw_deg]))[:, 0].argmax())]
