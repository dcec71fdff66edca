"""REALY: error of a predicted mesh in four regions of a face, frontal or side photos.

Users bring the data set, in its official layout:

    REALY_HIFI3D_keypoints/SUBJECT.obj        85 keypoints of the scan
    REALY_scan_region/SUBJECT/REGION.obj      nose, mouth, forehead, cheek
    metrical_scale.txt                        millimetres a unit, one line for each subject
    TOPOLOGY.obj, TOPOLOGY.txt                a mesh of the predictor's topology, and its 85 keypoints in it

and predictions as SUBJECT.obj (frontal) or SUBJECT_VIEW.obj (side), all of that topology.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int64

from monoface.core.errors import DataError
from monoface.core.json_text import parse_json
from monoface.evaluation.reports.cases import Case, Measure, figures_of
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import (
    installed_versions,
    named_folder,
    refuse_existing_results,
    write_results,
)
from monoface.evaluation.scans.meshes import MeshFile, read_mesh
from monoface.evaluation.scans.realy_protocol import (
    KEYPOINTS,
    REGIONS,
    Region,
    ScanRegion,
    align_globally,
    align_region,
    region_distances,
)
from monoface.geometry.surface import Surface

MEASURES: Final = (
    Measure("all_mm", "all regions", "mm", 3),
    *(Measure(f"{region.name}_mm", region.name, "mm", 3) for region in REGIONS),
)
_HEAT_LIMIT_MM = 5.0
_WORST = 10


@dataclass(frozen=True)
class EvaluateRealyConfig:
    """What to measure on REALY, and where the report goes.

    Attributes:
        data: Folder of the data set, in its official layout.
        predictions: Folder of predicted meshes.
        out: JSON file to write; the page goes beside it, as .html.
        topology: Name of the topology: TOPOLOGY.obj and TOPOLOGY.txt lie in the folder of the data.
        overwrite: Replace the report if it exists.
    """

    data: Path
    predictions: Path
    out: Path
    topology: str = "HIFI3D"
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class Topology:
    """The triangles of a predictor's meshes, and where the 85 keypoints lie in them."""

    faces: Int64[np.ndarray, "faces 3"]
    verts: int
    corners: Int64[np.ndarray, "keypoints 3"]
    weights: Float64[np.ndarray, "keypoints 3"]

    @classmethod
    def read(cls, folder: Path, name: str) -> "Topology":
        """A topology by the name of its two files.

        Raises:
            DataError: If a file is missing or damaged, or does not place 85 keypoints.
        """
        mesh = read_mesh(folder / f"{name}.obj")
        path = folder / f"{name}.txt"
        try:
            rows = np.array(parse_json(path.read_text(encoding="utf-8")), dtype=np.float64)
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path}: expected the keypoints as JSON, cannot read them ({error}).") from error
        if rows.shape != (KEYPOINTS, 3):
            raise DataError(f"{path}: expected {KEYPOINTS} rows of 3 numbers, got {rows.shape}.")
        triangles = rows[:, 0].astype(np.int64)
        if triangles.min() < 0 or triangles.max() >= len(mesh.faces):
            raise DataError(f"{path}: expected triangles in 0..{len(mesh.faces) - 1}, got {triangles.max()}.")
        weights = np.column_stack((rows[:, 1], rows[:, 2], 1 - rows[:, 1] - rows[:, 2]))
        return cls(mesh.faces, len(mesh.verts), mesh.faces[triangles], weights)

    def keypoints(self, verts: Float[np.ndarray, "verts 3"]) -> Float64[np.ndarray, "keypoints 3"]:
        """The keypoints of a mesh of this topology."""
        return (self.weights[..., None] * verts[self.corners]).sum(axis=1)


@dataclass(frozen=True, eq=False)
class RealyScan:
    """What is known of a subject.

    Attributes:
        keypoints: In the unit of the scan.
        regions: By name.
        mm_per_unit: Millimetres a unit.
    """

    keypoints: Float64[np.ndarray, "85 3"]
    regions: dict[str, ScanRegion]
    mm_per_unit: float

    @classmethod
    def read(cls, folder: Path, subject: int) -> "RealyScan":
        """A subject of the data set, counted from 1.

        Raises:
            DataError: If a file is missing or damaged.
        """
        keypoints = read_mesh(folder / "REALY_HIFI3D_keypoints" / f"{subject}.obj").verts
        if len(keypoints) != KEYPOINTS:
            raise DataError(f"subject {subject}: expected {KEYPOINTS} keypoints, got {len(keypoints)}.")
        regions = {
            region.name: _welded(
                read_mesh(folder / "REALY_scan_region" / str(subject) / f"{region.name}.obj")
            )
            for region in REGIONS
        }
        path = folder / "metrical_scale.txt"
        try:
            scales = np.loadtxt(path, ndmin=1)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected one number a line, cannot read it ({error}).") from error
        if not 1 <= subject <= len(scales):
            raise DataError(f"{path}: expected a scale of subject {subject}, got {len(scales)} lines.")
        return cls(keypoints, regions, float(scales[subject - 1]))


@dataclass(frozen=True, eq=False)
class ScoredMesh:
    """Distances in millimetres of each region of a scan; empty with the reason where there are none."""

    key: str
    subject: int
    distances_mm: dict[str, Float64[np.ndarray, " verts"]]
    failure: str = ""

    @property
    def case(self) -> Case:
        """The mesh in a report."""
        group = "side" if "_" in self.key else "frontal"
        if self.failure:
            return Case(self.key, (group,), {}, self.failure)
        errors = {f"{name}_mm": float(values.mean()) for name, values in self.distances_mm.items()}
        return Case(self.key, (group,), {"all_mm": float(np.mean(list(errors.values()))), **errors})


def run(config: EvaluateRealyConfig) -> CasesReport:
    """Measure predicted meshes as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data set or the predictions are missing or damaged.
        ConfigError: If libigl or scipy is not installed.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    topology = Topology.read(config.data, config.topology)
    paths = sorted(config.predictions.glob("*.obj"), key=_subject_of)
    if not paths:
        raise DataError(f"{config.predictions}: expected SUBJECT.obj or SUBJECT_VIEW.obj, found none.")
    scans: dict[int, RealyScan] = {}
    scored = []
    for path in paths:
        subject = _subject_of(path)[0]
        scan = scans.setdefault(subject, RealyScan.read(config.data, subject))
        scored.append(score_mesh(path, topology, scan))
    report = summarise(scored, config.topology, named_folder(config.predictions))
    write_results(report, config.out, worst_pictures(scored, scans), overwrite=config.overwrite)
    return report


def score_mesh(path: Path, topology: Topology, scan: RealyScan) -> ScoredMesh:
    """Distances of all regions of a scan to a predicted mesh."""
    subject = _subject_of(path)[0]
    try:
        mesh = read_mesh(path)
        if len(mesh.verts) != topology.verts:
            raise DataError(
                f"expected the {topology.verts} vertices of the topology, got {len(mesh.verts)}: the wrong "
                "--topology, or vertices that another program merged"
            )
        distances = {region.name: _score_region(mesh, topology, scan, region) for region in REGIONS}
    except DataError as error:
        return ScoredMesh(path.stem, subject, {}, str(error))
    return ScoredMesh(path.stem, subject, distances)


def summarise(scored: Sequence[ScoredMesh], topology: str, predictions: Mapping[str, str]) -> CasesReport:
    """Report on scored meshes; `all` is the mean of the four regions' means."""
    cases = [one.case for one in scored]
    values = {
        measure.label: np.array([case.errors[measure.name] for case in cases if case.errors])
        for measure in MEASURES
    }
    spread = ", ".join(
        f"{name} {np.std(errors, ddof=1):.3f}" for name, errors in values.items() if len(errors) > 1
    )
    return make_report(
        "REALY",
        definition(),
        MEASURES,
        cases,
        figures=figures_of(cases, MEASURES, ("frontal", "side")),
        settings={"topology": topology, "standard deviation over the meshes, mm": spread or "-"},
        predictions=predictions,
        versions=installed_versions("libigl", "scipy"),
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="REALY: 100 scans in four regions; frontal photos, or side photos (SUBJECT_VIEW)",
        measure="mean distance of a region's vertices to the points of the predicted mesh that correspond "
        "to them, found by bending the region on to the mesh with keypoints (REALY calls it NMSE)",
        alignment="seven keypoints with scale; then each region by itself, rigidly, with its keypoints",
        normaliser="none; millimetres by the data set's scale of each subject",
        means="mean over the meshes of each region; `all regions` is the mean of the four",
        failures="meshes of another topology, or that cannot be read, are listed and left out",
        source="Chai et al., ECCV 2022, with its published constants. Systems are solved by scipy's "
        "sparse LU rather than CHOLMOD.",
    )


def worst_pictures(scored: Sequence[ScoredMesh], scans: dict[int, RealyScan]) -> Galleries:
    """Heat maps on the four regions of the scans with the largest errors."""
    known = [one for one in scored if not one.failure]
    pictures = []
    for one in sorted(known, key=lambda one: -one.case.errors["all_mm"])[:_WORST]:
        scan = scans[one.subject]
        parts = [scan.regions[region.name] for region in REGIONS]
        starts = np.cumsum([0, *(len(part.verts) for part in parts)])
        image = heat_map(
            np.concatenate([part.verts for part in parts]),
            np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
            np.concatenate([one.distances_mm[region.name] for region in REGIONS]),
            _HEAT_LIMIT_MM,
        )
        pictures.append(picture_of(image, f"{one.key}: {one.case.errors['all_mm']:.2f} mm"))
    return {
        WORST: Gallery(pictures, f"Distances on the scans, 0 (dark) to {_HEAT_LIMIT_MM:g} mm and more (red).")
    }


def _score_region(
    mesh: MeshFile, topology: Topology, scan: RealyScan, region: Region
) -> Float64[np.ndarray, " verts"]:
    whole = align_globally(topology.keypoints(mesh.verts), scan.keypoints)
    verts = whole.apply(mesh.verts)
    part = scan.regions[region.name]
    moved = align_region(
        Surface(verts, topology.faces), topology.keypoints(verts), part, scan.keypoints, region
    ).apply(verts)
    surface = Surface(moved, topology.faces)
    distances = region_distances(surface, topology.keypoints(moved), part, scan.keypoints, region)
    return distances * scan.mm_per_unit


def _welded(mesh: MeshFile) -> ScanRegion:
    """A region whose vertices at one place are one, so that it holds together when it is bent."""
    verts, index = np.unique(mesh.verts.round(8), axis=0, return_inverse=True)
    faces = index.ravel()[mesh.faces]
    apart = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    return ScanRegion(verts, faces[apart])


def _subject_of(path: Path) -> tuple[int, str]:
    """Number of the subject and name of the view, for sorting too."""
    number, _, view = path.stem.partition("_")
    if not number.isdigit():
        raise DataError(f"{path}: expected SUBJECT.obj or SUBJECT_VIEW.obj with a number as subject.")
    return int(number), view
