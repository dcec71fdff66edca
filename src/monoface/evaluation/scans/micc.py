"""MICC Florence: distance of face scans, cropped 95 mm around the nose, to predicted meshes.

Two variants are published, and their figures must not be compared; a report names its own.

- `per_mesh`: each mesh has its own scale; its error is the root of the mean squared distance (Deng et al.).
- `global_scale`: one scale for all meshes of a method, and the error is the mean distance (Genova et al.).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.reports.cases import Case, CurvePoints, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import (
    WORST,
    Definition,
    Finding,
    Galleries,
    one_of_each,
    refuse_if_meaningless,
)
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import (
    installed_versions,
    named_folder,
    refuse_existing_results,
    write_results,
)
from monoface.evaluation.scans.mesh_checks import check_files, check_five_landmarks
from monoface.evaluation.scans.mesh_predictor import MeshPredictor
from monoface.evaluation.scans.micc_data import MiccScan, Prediction, predict_photos, read_predictions
from monoface.geometry.icp import IcpConfig, align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface, degenerate_triangles
from monoface.metrics import cumulative_curve, root_mean_square
from monoface.pipeline import MadeWith

Variant = Literal["per_mesh", "global_scale"]

_CURVE_LIMIT_MM = 5.0
_HEAT_LIMIT_MM = 5.0
_WORST = 10
# What the videos of the data set are called.
_SETTINGS = ("cooperative", "indoor", "outdoor")


@dataclass(frozen=True)
class EvaluateMiccConfig(FacesConfig):
    """What to measure on MICC Florence, and where the report goes.

    Attributes:
        data: Folder of the scans and their landmarks.
        out: JSON file to write; the page goes beside it, as .html.
        predictions: Folder of predicted meshes, a folder for each subject.
        photos: Folder of photos, a folder for each subject, for weights of ours; instead of predictions.
        variant: Which of the two published variants.
    """

    data: Path
    out: Path
    predictions: Path | None = None
    photos: Path | None = None
    variant: Variant = "per_mesh"

    def __post_init__(self) -> None:
        if (self.predictions is None) == (self.photos is None):
            raise ConfigError("micc: expected either --predictions or --photos.")


@dataclass(frozen=True, eq=False)
class ScoredMesh:
    """Distances in millimetres of a scan to a mesh, empty with the reason where there are none."""

    key: str
    name: str
    distances_mm: Float64[np.ndarray, " verts"]
    failure: str = ""


def run(config: EvaluateMiccConfig) -> CasesReport:
    """Measure predicted meshes as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If scans, landmarks or predictions are missing or damaged, or a check refuses them.
        ConfigError: If there are no such weights, no such device, or libigl is not installed.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    made_with: MadeWith | None = None
    named: dict[str, str] = {}
    missing: dict[str, str] = {}
    if config.photos is not None:
        predictor = MeshPredictor.of(config)
        predictions, missing = predict_photos(config.photos, predictor)
        made_with = predictor.made_with
    else:
        assert config.predictions is not None
        named = named_folder(config.predictions)
        predictions = read_predictions(config.predictions)
    scans = {one.subject: MiccScan.read(config.data, one.subject) for one in predictions}
    findings = check_predictions(predictions, scans)
    refuse_if_meaningless(findings)
    scale = global_scale(predictions, scans) if config.variant == "global_scale" else None
    scored = [score_mesh(one, scans[one.subject], scale) for one in predictions]
    scored += [ScoredMesh(key, key, np.zeros(0), reason) for key, reason in missing.items()]
    report = summarise(scored, config.variant, scale, findings, named, made_with)
    write_results(report, config.out, worst_pictures(scored, scans), overwrite=config.overwrite)
    return report


def check_predictions(predictions: Sequence[Prediction], scans: Mapping[str, MiccScan]) -> list[Finding]:
    """Pre-flight checks of the meshes and their landmarks."""
    degenerate = {
        one.key: int(degenerate_triangles(one.file.verts, one.file.faces).sum()) for one in predictions
    }
    landmarks = [
        finding
        for one in predictions
        for finding in check_five_landmarks(one.landmarks, scans[one.subject].landmarks_mm, one.key)
    ]
    return one_of_each([*landmarks, *check_files([one.file for one in predictions], degenerate)])


def global_scale(predictions: Sequence[Prediction], scans: Mapping[str, MiccScan]) -> float:
    """The one scale of all meshes of a method: the mean of those that their landmarks ask for."""
    scales = [Placement.between(one.landmarks, scans[one.subject].landmarks_mm).scale for one in predictions]
    return float(np.mean(scales))


def score_mesh(prediction: Prediction, scan: MiccScan, scale: float | None = None) -> ScoredMesh:
    """Align a mesh with a scan, and measure the scan's distances to its planes.

    Args:
        prediction: The mesh.
        scan: The cropped scan.
        scale: Of all meshes; free if there is none.
    """
    try:
        surface = Surface(prediction.file.verts, prediction.file.faces, prediction.key)
    except DataError as error:
        return ScoredMesh(prediction.key, prediction.name, np.zeros(0), str(error))
    start = Placement.between(prediction.landmarks, scan.landmarks_mm)
    if scale is not None:
        shift = scan.landmarks_mm.mean(axis=0) - scale * (start.rotation @ prediction.landmarks.mean(axis=0))
        start = Placement(scale, start.rotation, shift)
    alignment = align_to_scan(surface, scan.verts_mm, start, IcpConfig(with_scale=scale is None))
    if alignment.failure:
        return ScoredMesh(prediction.key, prediction.name, np.zeros(0), alignment.failure)
    distances_mm = plane_distances(scan.verts_mm, surface, alignment.placement)
    return ScoredMesh(prediction.key, prediction.name, distances_mm)


def plane_distances(
    scan: Float[np.ndarray, "points 3"], surface: Surface, placement: Placement
) -> Float64[np.ndarray, " points"]:
    """Distance of each point to the plane of the triangle it is closest to, in the scan's unit.

    Beyond the border of a mesh that is shorter than the distance to the mesh.
    """
    points = placement.inverse().apply(scan)
    closest = surface.closest(points)
    along = ((points - closest.points) * surface.normals[closest.face]).sum(axis=1)
    return np.abs(along) * placement.scale


def summarise(
    scored: Sequence[ScoredMesh],
    variant: Variant,
    scale: float | None = None,
    findings: Sequence[Finding] = (),
    predictions: Mapping[str, str] | None = None,
    made_with: MadeWith | None = None,
) -> CasesReport:
    """Report on scored meshes, all of them and by the setting that their names tell."""
    measure = measure_of(variant)
    error = root_mean_square if variant == "per_mesh" else _mean
    cases = []
    for one in scored:
        groups = [setting for setting in _SETTINGS if setting in one.name.lower()]
        errors = {} if one.failure else {measure.name: error(one.distances_mm)}
        cases.append(Case(one.key, groups, errors, one.failure))
    values = np.array([case.errors.get(measure.name, np.nan) for case in cases])
    return make_report(
        f"MICC Florence, variant {variant}",
        definition(variant),
        (measure,),
        cases,
        findings=findings,
        groups=_SETTINGS,
        curves={measure.label: CurvePoints.of(cumulative_curve(values, _CURVE_LIMIT_MM), "mm")},
        settings={
            "standard deviation over the meshes": f"{np.nanstd(values):.3f} mm",
            **({} if scale is None else {"scale of all meshes": f"{scale:.6g}"}),
        },
        predictions=predictions,
        made_with=made_with,
        versions=installed_versions("libigl"),
    )


def measure_of(variant: Variant) -> Measure:
    """The error of a mesh in a variant."""
    return (
        Measure("rmse_mm", "RMSE", "mm")
        if variant == "per_mesh"
        else Measure("mean_mm", "mean distance", "mm")
    )


def definition(variant: Variant) -> Definition:
    """What the figures of a variant mean."""
    own = variant == "per_mesh"
    return Definition(
        data="MICC Florence: scans of faces, within 95 mm of the tip of the nose",
        measure="distance of each vertex of the scan to the plane of the closest triangle of the mesh; of "
        "each mesh " + ("the root of the mean square" if own else "the mean"),
        alignment="five landmarks, then least squares of the scan's distances to the mesh; "
        + (
            "turn, shift and a scale for each mesh"
            if own
            else "turn and shift, one scale for all meshes of a method"
        )
        + f"; {IcpConfig(with_scale=own).failure_rule}",
        normaliser="none; millimetres of the scan",
        means="mean over the meshes",
        failures="meshes whose alignment failed are listed and left out",
        source=("Deng et al., CVPRW 2019" if own else "Genova et al., CVPR 2018")
        + ", as their authors describe it. The other variant's figures must not be compared with these. "
        "The published figures also cut off the forehead, or regions without overlap, in ways that are "
        "not published; we do not.",
    )


def worst_pictures(scored: Sequence[ScoredMesh], scans: Mapping[str, MiccScan]) -> Galleries:
    """Heat maps on the scans of the meshes with the largest mean distance."""
    known = [one for one in scored if not one.failure]
    pictures = []
    for one in sorted(known, key=lambda one: -one.distances_mm.mean())[:_WORST]:
        scan = scans[one.key.partition("/")[0]]
        image = heat_map(scan.verts_mm, scan.faces, one.distances_mm, _HEAT_LIMIT_MM)
        pictures.append(picture_of(image, f"{one.key}: mean {one.distances_mm.mean():.2f} mm"))
    return {
        WORST: Gallery(pictures, f"Distances on the scans, 0 (dark) to {_HEAT_LIMIT_MM:g} mm and more (red).")
    }


def _mean(distances_mm: Float64[np.ndarray, " verts"]) -> float:
    return float(distances_mm.mean())
