"""gaps: how far mouths and eyes open, in photos whose lips and lids people marked (MERL-RAV).

Landmark errors hardly notice a shut eye or a half opened mouth: they are small beside a face. The opening
itself tells: found against marked it should rise by 1 where the marked one rises by 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float

from monoface.core.errors import ConfigError
from monoface.data.sources import MerlRav
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.landmarks.openings import OPENINGS, ComparedOpening, MarkedGaps
from monoface.evaluation.landmarks.point_checks import check_missing
from monoface.evaluation.landmarks.point_predictions import FirstPixel, PointPredictions
from monoface.evaluation.landmarks.predictors import LANDMARK_SET_REANNOTATED
from monoface.evaluation.reconstructed import ReconstructedFaces, points_in_crops
from monoface.evaluation.reports.cases import ALL, Case, Measure, worst_cases
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, landmarks_picture
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.metrics import Interval
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("mouth_correlation", "mouth, correlation", ""),
    Measure("mouth_slope", "mouth, slope", ""),
    Measure("eyes_correlation", "eyes, correlation", ""),
    Measure("eyes_slope", "eyes, slope", ""),
    Measure("mouth_error_percent", "mouth, error", "%"),
    Measure("eyes_error_percent", "eyes, error", "%"),
)
LandmarkSetChoice = Literal["ibug68_reannotated", "ibug68"]


@dataclass(frozen=True)
class EvaluateGapsConfig(FacesConfig):
    """Whose openings are looked at, and where the report goes.

    Attributes:
        data: Folder of AFLW with merl_rav.npz: images-*.tar, labels.npz and that.
        out: JSON file to write; the page goes beside it, as .html.
        split: Part of the photos; those of train may have been trained on.
        max_yaw_deg: Photos turned by more are left out.
        landmark_set: Points of the face model between which gaps are found.
        limit: At most so many photos, the first ones; 0 takes all.
        points: Score these points instead of weights: an .npz file with key and points68_px, in pixels of the
            crops.
        points_first_pixel: Where the first pixel's centre is in that file.
    """

    data: Path
    out: Path
    split: Literal["train", "val", "all"] = "val"
    max_yaw_deg: float = 45.0
    landmark_set: LandmarkSetChoice = LANDMARK_SET_REANNOTATED
    limit: int = 0
    points: Path | None = None
    points_first_pixel: FirstPixel = "0"

    def __post_init__(self) -> None:
        if self.limit < 0 or not 0 < self.max_yaw_deg <= 90:
            raise ConfigError(
                "gaps: expected a limit of at least 0 and a yaw of 0 to 90 degrees, got "
                f"{self.limit} and {self.max_yaw_deg}. A limit of 0 takes all photos."
            )


def run(config: EvaluateGapsConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data or predicted points cannot be read, or no photo is left.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    source = MerlRav(config.data, split=None if config.split == "all" else config.split)
    marked = MarkedGaps.of(source, config.max_yaw_deg, config.limit)
    made_with, predictions = None, {}
    settings = {"split": config.split, "yaw up to": f"{config.max_yaw_deg:g} degrees"}
    if config.points is not None:
        read = PointPredictions.read(config.points, first_pixel=config.points_first_pixel)
        points_px = read.for_keys([source.keys[row] for row in marked.rows])[..., :2]
        predictions = {read.name: read.sha256}
    else:
        faces = ReconstructedFaces.of(config)
        predict = points_in_crops(faces, config.landmark_set)
        points_px = np.concatenate([predict(source.image(row)[None]) for row in marked.rows])
        made_with = faces.made_with
        settings |= {"faces": faces.looks, "landmark set": config.landmark_set}
    keys = [source.keys[row] for row in marked.rows]
    report = summarise(keys, marked, points_px, settings, made_with=made_with, predictions=predictions)
    worst = worst_pictures(report, source, marked, points_px)
    write_results(report, config.out, worst, overwrite=config.overwrite)
    return report


def summarise(
    keys: Sequence[str],
    marked: MarkedGaps,
    points_px: Float[np.ndarray, "photos 68 2"],
    settings: Mapping[str, str] | None = None,
    *,
    made_with: MadeWith | None = None,
    predictions: Mapping[str, str] | None = None,
) -> CasesReport:
    """Report on found points; a photo with one that is not finite is a failure.

    Args:
        keys: Names of the photos.
        marked: What is marked in them.
        points_px: The 68 points found in them.
        settings: What was chosen.
        made_with: Weights and hashes; None for points of another program.
        predictions: Hash of the file of predicted points, by its name.
    """
    found: Bool[np.ndarray, " photos"] = np.isfinite(points_px).all(axis=(1, 2))
    openings = [ComparedOpening.of(name, marked, points_px) for name in OPENINGS]
    cases = []
    for row, key in enumerate(keys):
        errors = {measure: value for one in openings for measure, value in one.errors(row).items()}
        failure = "" if found[row] else "no prediction"
        cases.append(Case(key, (), errors, failure, float(marked.yaw_deg[row])))
    figures: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    for one in openings:
        figures |= one.figures()
        intervals |= one.intervals()
    return make_report(
        "gaps of lips and lids, MERL-RAV",
        definition(),
        MEASURES,
        cases,
        figures={ALL: figures},
        intervals=intervals,
        findings=check_missing([case.key for case in cases if case.failure], len(cases)),
        settings={
            **{f"photos with {one.name}": str(int(one.known.sum())) for one in openings},
            **(settings or {}),
        },
        made_with=made_with,
        predictions=predictions,
        scatters={
            f"{name}, found against marked": (f"{name}_marked_percent", f"{name}_found_percent")
            for name in OPENINGS
        },
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="crops of AFLW with MERL-RAV's 68 points, all points of the opening marked as seen; the yaw is "
        "that of the shipped face model fitted to the marks but the jaw's, whatever is measured",
        measure="gap: mean distance of points 61-67, 62-66, 63-65 (mouth), of 37-41, 38-40, 43-47, 44-46 "
        "(eyes), counted from 0. Correlation of found and marked gaps; slope: of the regression of found on "
        "marked ones. Error: mean absolute difference",
        alignment="none; the square is the whole crop",
        normaliser="both gaps by one size: the root of the area of the box of all marks that have a place",
        means="over the photos; intervals are over photos",
        failures="photos without a prediction are listed and left out",
        source="ours; marks: Kumar et al., CVPR 2020. Two human annotations agree at 0.91 (mouth) and 0.67 "
        "(eyes). A point of the mesh that lies beside a lid shifts the gap, not the slope.",
    )


def worst_pictures(
    report: CasesReport,
    source: MerlRav,
    marked: MarkedGaps,
    points_px: Float[np.ndarray, "photos 68 2"],
) -> Galleries:
    """The photos whose openings are found worst."""
    galleries = {}
    row_of = {case.key: row for row, case in enumerate(report.cases)}
    for name, pairs in OPENINGS.items():
        measure = next(one for one in MEASURES if one.name == f"{name}_error_percent")
        used = [point for pair in pairs for point in pair]
        pictures = []
        for case in worst_cases(report.cases, measure):
            row = row_of[case.key]
            photo = source[marked.rows[row]]
            errors = case.errors
            text = (
                f"{case.key}: marked {errors[f'{name}_marked_percent']:.1f} %, "
                f"found {errors[f'{name}_found_percent']:.1f} %"
            )
            pictures.append(
                landmarks_picture(photo.image, photo.points68_px[used], points_px[row, used], text)
            )
        galleries[f"{WORST}, {name}"] = Gallery(pictures, "Marked points in green, found ones in red.")
    return galleries
