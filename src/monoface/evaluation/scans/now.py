"""NoW: distance of face scans to neutral meshes predicted from photos, non-metrical or metrical."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from monoface.core.errors import DataError
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.reports.cases import ALL, Case, CurvePoints, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import (
    WORST,
    Definition,
    Finding,
    Galleries,
    refuse_if_meaningless,
)
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import (
    installed_versions,
    named_folder,
    refuse_existing_results,
    write_results,
)
from monoface.evaluation.scans.mesh_predictor import MeshPredictor, PredictedMesh
from monoface.evaluation.scans.now_checks import Predict, check_predictions
from monoface.evaluation.scans.now_data import NowData, NowPhoto, read_prediction
from monoface.evaluation.scans.now_protocol import Unit, score_scan
from monoface.geometry.icp import IcpConfig
from monoface.geometry.surface import Surface
from monoface.metrics import DistanceSummary, cumulative_curve
from monoface.pipeline import MadeWith

CHALLENGES = ("multiview_neutral", "multiview_expressions", "multiview_occlusions", "selfie")
_CURVE_LIMIT_MM = 7.0
_HEAT_LIMIT_MM = 5.0
_WORST = 10

MEASURES = (
    Measure("median_mm", "median", "mm"),
    Measure("mean_mm", "mean", "mm"),
    Measure("std_mm", "std", "mm"),
)


@dataclass(frozen=True)
class EvaluateNowConfig(FacesConfig):
    """What to measure on NoW, and where the report goes.

    Attributes:
        data: Folder of the data set, in its official layout.
        out: JSON file to write; the page goes beside it, as .html.
        predictions: Folder of predicted meshes, in the official layout; weights of ours by default.
        metrical: Keep the scale of the meshes, rather than fit it.
        unit: Of the predicted meshes; it counts in the metrical variant only.
        image_set: Which list of photos: imagepathsvalidation.txt or imagepathstest.txt.
    """

    data: Path
    out: Path
    predictions: Path | None = None
    metrical: bool = False
    unit: Unit = "mm"
    image_set: Literal["validation", "test"] = "validation"


def run(config: EvaluateNowConfig) -> CasesReport:
    """Measure predicted meshes as the configuration says, and write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data or a prediction cannot be read, or a check refuses the predictions.
        ConfigError: If there are no such weights, no such device, or libigl is not installed.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    data = NowData(config.data, config.image_set)
    made_with, predictions, looks = None, {}, {}
    if config.predictions is None:
        predictor = MeshPredictor.of(config)
        made_with, looks = predictor.made_with, {"faces": predictor.looks}

        def predict(photo: NowPhoto) -> PredictedMesh | str:
            return predictor.neutral(data.picture(photo))
    else:
        folder = config.predictions
        predictions = named_folder(folder)

        def predict(photo: NowPhoto) -> PredictedMesh | str:
            return read_prediction(folder / photo.subject / photo.challenge / Path(photo.name).stem)

    unit = config.unit if config.metrical else None
    findings = check_predictions(data, predict, unit)
    refuse_if_meaningless(findings)
    scored = score_photos(data, predict, unit)
    report = summarise(
        scored,
        unit,
        findings=findings,
        settings={"photos": config.image_set, "unit of the meshes": config.unit, **looks},
        made_with=made_with,
        predictions=predictions,
        versions=installed_versions("libigl"),
    )
    write_results(report, config.out, worst_pictures(data, scored), overwrite=config.overwrite)
    return report


@dataclass(frozen=True, eq=False)
class ScoredPhoto:
    """A photo's distances in millimetres, empty with the reason where there are none.

    In 32 bits: the whole test set has a hundred million distances.
    """

    photo: NowPhoto
    distances_mm: Float[np.ndarray, " verts"]
    failure: str = ""

    @property
    def case(self) -> Case:
        """The photo in a report."""
        if self.failure:
            return Case(self.photo.key, (self.photo.challenge,), {}, self.failure)
        summary = DistanceSummary.of(self.distances_mm)
        errors = {"median_mm": summary.median, "mean_mm": summary.mean, "std_mm": summary.std}
        return Case(self.photo.key, (self.photo.challenge,), errors)


def score_photos(data: NowData, predict: Predict, unit: Unit | None) -> list[ScoredPhoto]:
    """Distances of each photo's scan to its predicted mesh."""
    return [_score(data, predict, photo, unit) for photo in data.photos]


def summarise(
    scored: Sequence[ScoredPhoto],
    unit: Unit | None,
    *,
    findings: Sequence[Finding] = (),
    settings: Mapping[str, str] | None = None,
    made_with: MadeWith | None = None,
    predictions: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> CasesReport:
    """Report on scored photos: the official figures are over the distances of all photos together."""
    groups = {ALL: list(scored)} | {
        challenge: members
        for challenge in CHALLENGES
        if (members := [one for one in scored if one.photo.challenge == challenge])
    }
    figures = {group: _pooled_figures(members) for group, members in groups.items()}
    curves = {
        group: CurvePoints.of(
            cumulative_curve(_pooled(members), _CURVE_LIMIT_MM, failures=_missing_points(members), steps=140),
            "mm",
        )
        for group, members in groups.items()
    }
    return make_report(
        f"NoW, {'metrical' if unit else 'non-metrical'}",
        definition(unit),
        MEASURES,
        [one.case for one in scored],
        figures=figures,
        findings=findings,
        curves=curves,
        settings=settings,
        made_with=made_with,
        predictions=predictions,
        versions=versions,
    )


def definition(unit: Unit | None) -> Definition:
    """What the figures of either variant mean."""
    scale = "the scale is the mesh's own" if unit else "turn, shift and scale are free"
    return Definition(
        data="NoW: neutral scans of faces, and photos of the same people in four challenges",
        measure="distance of each vertex of the scan, within a sphere round the face (1.4 times the mean "
        "of the eyes' distance and the nose's length), to the closest point of the predicted neutral mesh",
        alignment="similarity transform by seven landmarks, then least squares of the scan's distances; "
        f"{scale}; {IcpConfig(with_scale=unit is None).failure_rule}",
        normaliser="none; millimetres of the scan",
        means="median, mean and standard deviation over the distances of all photos together",
        failures="photos without a mesh, or whose alignment failed, are listed and left out of median, "
        "mean and std; in the cumulative curve they count as beyond its end",
        source=f"Sanyal et al., CVPR 2019{'; Zielonka et al., ECCV 2022' if unit else ''}. The refinement "
        "is iterated until it converges; the official script stops when a step gains less than 1e-4, and "
        "its first alignment may mirror a mesh, ours never does.",
    )


def worst_pictures(data: NowData, scored: Sequence[ScoredPhoto]) -> Galleries:
    """Heat maps on the scans of the photos with the largest mean distance."""
    known = [one for one in scored if not one.failure]
    worst = sorted(known, key=lambda one: -one.distances_mm.mean())[:_WORST]
    pictures = []
    for one in worst:
        scan = data.scan(one.photo.subject)
        image = heat_map(scan.verts_mm, scan.faces, one.distances_mm, _HEAT_LIMIT_MM)
        pictures.append(picture_of(image, f"{one.photo.key}: mean {one.distances_mm.mean():.2f} mm"))
    caption = f"Distances on the scans, from 0 (dark) to {_HEAT_LIMIT_MM:g} mm and more (red)."
    return {WORST: Gallery(pictures, caption)}


def _score(data: NowData, predict: Predict, photo: NowPhoto, unit: Unit | None) -> ScoredPhoto:
    mesh = predict(photo)
    if isinstance(mesh, str):
        return ScoredPhoto(photo, np.zeros(0), mesh)
    try:
        surface = Surface(mesh.file.verts, mesh.file.faces, photo.key)
        score = score_scan(data.scan(photo.subject), surface, mesh.landmarks, metrical_unit=unit)
    except DataError as error:
        return ScoredPhoto(photo, np.zeros(0), str(error))
    return ScoredPhoto(photo, score.distances_mm.astype(np.float32), score.alignment.failure)


def _pooled(members: Sequence[ScoredPhoto]) -> Float[np.ndarray, " points"]:
    return np.concatenate([one.distances_mm for one in members]) if members else np.zeros(0)


def _missing_points(members: Sequence[ScoredPhoto]) -> int:
    """How many points the failed photos would have had: as many as the others on average."""
    known = [len(one.distances_mm) for one in members if not one.failure]
    failed = sum(bool(one.failure) for one in members)
    return round(failed * float(np.mean(known))) if known else failed


def _pooled_figures(members: Sequence[ScoredPhoto]) -> dict[str, float]:
    summary = DistanceSummary.of(_pooled(members))
    return {"median_mm": summary.median, "mean_mm": summary.mean, "std_mm": summary.std}
