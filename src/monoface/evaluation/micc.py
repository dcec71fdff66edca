"""MICC Florence: distance of face scans, cropped 95 mm around the nose, to predicted meshes.

Two variants are published, and their figures must not be compared; a report names its own.

- `per_mesh`: each mesh has its own scale; its error is the root of the mean squared distance (Deng et al.).
- `global_scale`: one scale for all meshes of a method, and the error is the mean distance (Genova et al.).

Users bring the data set, in its official layout or flat, and landmarks of the scans, which do not come with
it:

    SUBJECT/Model/frontal1/obj/*.obj, or SUBJECT.obj      the scan, in millimetres
    SUBJECT.pp, .txt or .npy                              five points of it

and predictions as SUBJECT/NAME.obj or .ply with NAME.npy or .txt, the same five points of the mesh: the
middles of the subject's right and left eye, the tip of the nose, the right and left corner of the mouth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import DataError
from monoface.evaluation.cases_report import Case, CasesReport, CurvePoints, Measure, make_report
from monoface.evaluation.definition import WORST, Definition, Finding, Galleries, one_of_each
from monoface.evaluation.mesh_checks import check_files
from monoface.evaluation.meshes import MeshFile, find_mesh, find_points, read_mesh, read_points
from monoface.evaluation.page import Gallery, heat_map, picture_of
from monoface.evaluation.report import installed_versions, refuse_existing_results, write_results
from monoface.geometry.icp import IcpConfig, align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface, degenerate_triangles
from monoface.metrics import cumulative_curve, root_mean_square

Variant = Literal["per_mesh", "global_scale"]

CROP_MM: Final = 95.0
_NOSE = 2
_POINTS = 5
_CURVE_LIMIT_MM = 5.0
_HEAT_LIMIT_MM = 5.0
_WORST = 10
# What the videos of the data set are called.
_SETTINGS = ("cooperative", "indoor", "outdoor")


@dataclass(frozen=True)
class EvaluateMiccConfig:
    """What to measure on MICC Florence, and where the report goes.

    Attributes:
        data: Folder of the scans and their landmarks.
        predictions: Folder of predicted meshes, a folder for each subject.
        out: JSON file to write; the page goes beside it, as .html.
        variant: Which of the two published variants.
        overwrite: Replace the report if it exists.
    """

    data: Path
    predictions: Path
    out: Path
    variant: Variant = "per_mesh"
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class MiccScan:
    """A scan within 95 mm of the tip of the nose.

    Attributes:
        verts_mm: Its vertices.
        faces: Triangles whose corners are all within, for pictures.
        landmarks_mm: The five points.
    """

    verts_mm: Float64[np.ndarray, "verts 3"]
    faces: np.ndarray
    landmarks_mm: Float64[np.ndarray, "5 3"]

    @classmethod
    def read(cls, folder: Path, subject: str) -> "MiccScan":
        """Scan of a subject; of several the first, frontal1.

        Raises:
            DataError: If scan or landmarks are missing or damaged.
        """
        official = sorted((folder / subject / "Model").glob("frontal*/obj/*.obj"))
        path = official[0] if official else find_mesh(folder / subject)
        points = folder / f"{subject}.pp"
        points_path = points if points.is_file() else find_points(folder / subject)
        if path is None or points_path is None:
            raise DataError(f"{folder}: expected a scan and its five landmarks of {subject}, found not both.")
        mesh, landmarks = read_mesh(path), read_points(points_path)
        if len(landmarks) != _POINTS:
            raise DataError(f"{points_path}: expected {_POINTS} landmarks, got {len(landmarks)}.")
        return cls.cropped(mesh, landmarks)

    @classmethod
    def cropped(cls, mesh: MeshFile, landmarks_mm: Float64[np.ndarray, "5 3"]) -> "MiccScan":
        """The part of a scan that is measured."""
        inside = np.linalg.norm(mesh.verts - landmarks_mm[_NOSE], axis=1) <= CROP_MM
        if not inside.any():
            raise DataError(
                f"{mesh.path}: no vertex lies within {CROP_MM:g} mm of the tip of the nose. Scan and "
                "landmarks must be in millimetres and in one frame."
            )
        new_index = np.cumsum(inside) - 1
        return cls(mesh.verts[inside], new_index[mesh.faces[inside[mesh.faces].all(axis=1)]], landmarks_mm)


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted mesh of a subject."""

    subject: str
    name: str
    file: MeshFile
    landmarks: Float64[np.ndarray, "5 3"]

    @property
    def key(self) -> str:
        """SUBJECT/NAME."""
        return f"{self.subject}/{self.name}"


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
        DataError: If scans, landmarks or predictions are missing or damaged.
        ConfigError: If libigl is not installed.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    predictions = read_predictions(config.predictions)
    scans = {one.subject: MiccScan.read(config.data, one.subject) for one in predictions}
    scale = global_scale(predictions, scans) if config.variant == "global_scale" else None
    scored = [score_mesh(one, scans[one.subject], scale) for one in predictions]
    findings = one_of_each(check_files([one.file for one in predictions], _degenerate(predictions)))
    report = summarise(scored, config.variant, scale, findings, {"predictions": config.predictions.name})
    write_results(report, config.out, worst_pictures(scored, scans), overwrite=config.overwrite)
    return report


def read_predictions(folder: Path) -> list[Prediction]:
    """All meshes of a folder of folders.

    Raises:
        DataError: If there is none, or one lacks its landmarks.
    """
    found = []
    for subject in sorted(path for path in folder.glob("*") if path.is_dir()):
        for path in sorted([*subject.glob("*.obj"), *subject.glob("*.ply")]):
            points = find_points(path.with_suffix(""))
            if points is None:
                raise DataError(f"{path}: expected its five landmarks beside it, as .npy or .txt.")
            landmarks = read_points(points)
            if len(landmarks) != _POINTS:
                raise DataError(f"{points}: expected {_POINTS} landmarks, got {len(landmarks)}.")
            found.append(Prediction(subject.name, path.stem, read_mesh(path), landmarks))
    if not found:
        raise DataError(f"{folder}: expected SUBJECT/NAME.obj or .ply, found none.")
    return found


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


def _degenerate(predictions: Sequence[Prediction]) -> dict[str, int]:
    return {one.key: int(degenerate_triangles(one.file.verts, one.file.faces).sum()) for one in predictions}
