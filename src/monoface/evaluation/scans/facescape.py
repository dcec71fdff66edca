"""FaceScape: shape, normals and completeness of posed meshes, in the wild or in the lab.

Users bring the data set, in its official layout:

    wild_gt_mesh/NNN.obj or lab_gt_mesh/NN.obj                the scans
    predef/{wild,lab}_head_centers.npy, *_rotations.npy       where the heads are
    predef/wild_pupil_scales.npy                              millimetres a unit, in the wild
    lab_cam/NN_F_VV.json                                      K and Rt, in the lab

and predictions as NNN.obj, in the cube from -1 to 1 of the orthographic camera (x right, y up, z to the
viewer), or as NN_F_VV.obj, in the camera frame of the true camera and in units of the pupils' distance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64

from monoface.core.array_files import read_npy
from monoface.core.errors import DataError
from monoface.core.json_text import parse_json
from monoface.evaluation.reports.cases import Case, CurvePoints, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import (
    installed_versions,
    named_folder,
    refuse_existing_results,
    write_results,
)
from monoface.evaluation.scans.facescape_protocol import (
    CylinderMap,
    FaceScapeErrors,
    common_surfaces,
    compare_maps,
    depth_offset,
    orthographic_depth,
    perspective_depth,
    unroll,
)
from monoface.evaluation.scans.meshes import MeshFile, find_mesh, read_mesh
from monoface.metrics import cumulative_curve

Subset = Literal["wild", "lab"]

PUPILS_MM: Final = 62.85
"""Distance between the pupils that all heads are scaled to."""

MEASURES: Final = (
    Measure("chamfer_mm", "chamfer distance", "mm"),
    Measure("normal_error_rad", "mean normal error", "rad", 3),
    Measure("completeness_percent", "completeness", "%", 1),
    Measure("normal_angle_deg", "angle between normals", "°", 1),
)
_CURVE_LIMIT_MM = 8.0
_HEAT_LIMIT_MM = 5.0
_WORST = 10
_LAB_LIGHTS, _LAB_VIEWS = 3, 11


@dataclass(frozen=True)
class EvaluateFacescapeConfig:
    """What to measure on FaceScape, and where the report goes.

    Attributes:
        data: Folder of the data set, in its official layout.
        predictions: Folder of predicted meshes.
        out: JSON file to write; the page goes beside it, as .html.
        subset: Which of the two parts.
        overwrite: Replace the report if it exists.
    """

    data: Path
    predictions: Path
    out: Path
    subset: Subset = "wild"
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class FaceScapeScan:
    """A scan in the camera's frame, in millimetres, and where its head is.

    Attributes:
        mesh: The scan.
        rotation: From the head's frame to the camera's.
        centre_mm: Of the head.
        mm_per_unit: Millimetres a unit of the predicted meshes.
        K: Of the perspective camera, in pixels of 256 x 256; None for the orthographic one.
    """

    mesh: MeshFile
    rotation: Float64[np.ndarray, "3 3"]
    centre_mm: Float64[np.ndarray, " 3"]
    mm_per_unit: float
    K: Float64[np.ndarray, "3 3"] | None

    @property
    def yaw_deg(self) -> float:
        """Turn of the head's face away from the camera's axis, to the side."""
        out_of_face = self.rotation[:, 2]
        return float(np.degrees(np.arctan2(out_of_face[0], abs(out_of_face[2]))))


def run(config: EvaluateFacescapeConfig) -> CasesReport:
    """Measure predicted meshes as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data set is missing or damaged.
        ConfigError: If libigl is not installed.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    cases, worst = [], list[ScoredHead]()
    for name, scan in read_scans(config.data, config.subset):
        case, head = score_case(name, find_mesh(config.predictions / name), scan)
        cases.append(case)
        if head is not None:
            worst = sorted([*worst, head], key=lambda one: -one.errors.chamfer_mm)[:_WORST]
    report = summarise(cases, config.subset, named_folder(config.predictions))
    write_results(report, config.out, pictures(worst), overwrite=config.overwrite)
    return report


def read_scans(folder: Path, subset: Subset) -> Iterator[tuple[str, FaceScapeScan]]:
    """All scans of a part with the names of their predictions, one after the other.

    Raises:
        DataError: If a file is missing or damaged.
    """
    centres = _array(folder / "predef" / f"{subset}_head_centers.npy")
    rotations = _array(folder / "predef" / f"{subset}_rotations.npy")
    if subset == "wild":
        for index, scale in enumerate(_array(folder / "predef" / "wild_pupil_scales.npy")):
            name = f"{index:03d}"
            mesh = read_mesh(folder / "wild_gt_mesh" / f"{name}.obj")
            scaled = replace(mesh, verts=mesh.verts * scale)
            yield name, FaceScapeScan(scaled, rotations[index], centres[index] * scale, float(scale), None)
        return
    for path in sorted((folder / "lab_gt_mesh").glob("*.obj")):
        mesh = read_mesh(path)
        for light in range(_LAB_LIGHTS):
            for view in range(_LAB_VIEWS):
                name = f"{path.stem}_{light}_{view:02d}"
                K, Rt = _camera(folder / "lab_cam" / f"{name}.json")
                verts = mesh.verts * PUPILS_MM @ Rt[:, :3].T + Rt[:, 3] * PUPILS_MM
                placed = replace(mesh, verts=verts)
                yield name, FaceScapeScan(placed, rotations[view], centres[light], PUPILS_MM, K)


@dataclass(frozen=True, eq=False)
class ScoredHead:
    """A predicted head, unrolled beside the scan, and its errors."""

    name: str
    true: CylinderMap
    predicted: CylinderMap
    errors: FaceScapeErrors


def score_case(name: str, path: Path | None, scan: FaceScapeScan) -> tuple[Case, ScoredHead | None]:
    """Errors of one predicted mesh; a failure with its reason, and no head, where there are none."""
    groups = [_bin_of(abs(scan.yaw_deg))]
    if path is None:
        return Case(name, groups, {}, "no mesh", scan.yaw_deg), None
    try:
        true, predicted = unroll_both(read_mesh(path), scan)
        errors = compare_maps(true, predicted)
    except DataError as error:
        return Case(name, groups, {}, str(error), scan.yaw_deg), None
    values = {measure.name: getattr(errors, measure.name) for measure in MEASURES}
    head = ScoredHead(name, true, predicted, errors)
    return Case(name, groups, values, yaw_deg=scan.yaw_deg), head


def unroll_both(mesh: MeshFile, scan: FaceScapeScan) -> tuple[CylinderMap, CylinderMap]:
    """Align a mesh in depth, then unroll the scan and it.

    Raises:
        DataError: If the mesh and the scan are seen nowhere together, or a vertex is not finite.
    """
    if not np.isfinite(mesh.verts).all() or not len(mesh.faces):
        raise DataError("expected finite vertices and triangles.")
    verts = mesh.verts * scan.mm_per_unit
    if scan.K is None:
        unit = scan.mm_per_unit
        offset, _ = depth_offset(
            orthographic_depth(scan.mesh.verts / unit, scan.mesh.faces),
            orthographic_depth(mesh.verts, mesh.faces),
        )
        verts[:, 2] += offset * unit
    else:
        offset, mean = depth_offset(
            perspective_depth(scan.mesh.verts, scan.mesh.faces, scan.K),
            perspective_depth(verts, mesh.faces, scan.K),
        )
        verts *= mean / (mean - offset)
    true = unroll((scan.mesh.verts - scan.centre_mm) @ scan.rotation, scan.mesh.faces)
    return true, unroll((verts - scan.centre_mm) @ scan.rotation, mesh.faces)


def pictures(worst: Sequence[ScoredHead]) -> Galleries:
    """Heat maps on the predicted heads, where the scan is hit too."""
    drawn = []
    for head in worst:
        true, predicted = common_surfaces(head.true, head.predicted)
        # Rays go to the subject's right first, so that triangles are seen from behind; what is not hit is no
        # vertex of a triangle and lies on the axis.
        used = np.unique(predicted.faces)
        faces = np.searchsorted(used, predicted.faces)[:, ::-1]
        verts = predicted.verts[used]
        image = heat_map(verts, faces, true.closest(verts).distance, _HEAT_LIMIT_MM)
        drawn.append(picture_of(image, f"{head.name}: {head.errors.chamfer_mm:.2f} mm"))
    caption = f"Distances of the predicted heads to the scans, 0 (dark) to {_HEAT_LIMIT_MM:g} mm and more "
    "(red)."
    return {WORST: Gallery(drawn, caption)}


def summarise(cases: Sequence[Case], subset: Subset, predictions: Mapping[str, str]) -> CasesReport:
    """Report on scored meshes, all of them and by yaw."""
    values = np.array([case.errors.get("chamfer_mm", np.nan) for case in cases])
    return make_report(
        f"FaceScape, {subset}",
        definition(subset),
        MEASURES,
        cases,
        groups=_BINS,
        curves={MEASURES[0].label: CurvePoints.of(cumulative_curve(values, _CURVE_LIMIT_MM), "mm")},
        predictions=predictions,
        versions=installed_versions("libigl"),
    )


def definition(subset: Subset) -> Definition:
    """What the figures mean."""
    depth = (
        "shifted in depth by the median difference of the visible depths"
        if subset == "wild"
        else "scaled about the camera so that the median difference of the visible depths goes"
    )
    return Definition(
        data=f"FaceScape, {subset}: scans with pose and expression, scaled to pupils {PUPILS_MM} mm apart",
        measure="on 256 x 256 rays from the head's vertical axis: chamfer distance of the two surfaces "
        "where both are hit; mean normal error as the published code has it (1 is added to each "
        "coordinate of the normals first); completeness: part of the scan's rays that hit the mesh too",
        alignment=f"none but depth: the mesh is {depth}; its pose counts",
        normaliser="none; millimetres of the scaled scan",
        means="mean over the meshes",
        failures="meshes that are missing, or do not overlap the scan, are listed and left out",
        source="Zhu et al., PAMI 2023, with its published constants; of several surfaces on a ray the "
        "outermost counts",
    )


_BINS = ("<= 5", "5-30", "30-60", "60-90")


def _bin_of(turn_deg: float) -> str:
    return _BINS[int(np.searchsorted((5.0, 30.0, 60.0), turn_deg))]


def _array(path: Path) -> Float64[np.ndarray, "..."]:
    return read_npy(path, "an array of FaceScape's").astype(np.float64)


def _camera(path: Path) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3 4"]]:
    try:
        K, Rt = (
            np.array(value, dtype=np.float64) for value in parse_json(path.read_text(encoding="utf-8"))[:2]
        )
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected K and Rt as JSON, cannot read them ({error}).") from error
    if K.shape != (3, 3) or Rt.shape[0] < 3 or Rt.shape[1:] != (4,):
        raise DataError(f"{path}: expected K (3, 3) and Rt (3, 4), got {K.shape} and {Rt.shape}.")
    return K, Rt[:3]
