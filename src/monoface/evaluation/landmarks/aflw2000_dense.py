"""Dense alignment on AFLW2000-3D: all vertices of the fitted meshes, in 2D and in 3D.

The true meshes are those of the Basel Face Model that the annotation was fitted with. Its terms forbid to
ship it, so users bring the meshes that they computed from Shape_Para, Exp_Para and Pose_Para with their own
copy, and predictions in the same topology:

    TRUTH/imageNNNNN.npy      (vertices, 3): x and y in pixels of the photo, depth in pixels towards the
    camera PREDICTED/imageNNNNN.npy  the same
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float32

from monoface.core.array_files import read_npy
from monoface.core.errors import DataError
from monoface.data.sources import Aflw2000
from monoface.evaluation.reports.cases import Case, Measure, curves_of
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition
from monoface.evaluation.reports.report import named_folder, refuse_existing_results, write_results
from monoface.metrics import box_normaliser, in_yaw_bins, nme, nme_3d
from monoface.metrics.yaw_bins import YAW_BINS

MEASURES: Final = (Measure("nme_percent", "NME in 2D", "%"), Measure("nme_percent_3d", "NME in 3D", "%"))
_CURVE_LIMIT_PERCENT = 10.0


@dataclass(frozen=True)
class EvaluateAflw2000DenseConfig:
    """What to measure, and where the report goes.

    Attributes:
        data: Folder of AFLW2000-3D, for the 68 points and the yaw.
        truth: Folder of the true meshes' vertices, computed with your own copy of the Basel Face Model.
        predictions: Folder of the predicted meshes' vertices, in the same topology.
        out: JSON file to write; the page goes beside it, as .html.
        overwrite: Replace the report if it exists.
    """

    data: Path
    truth: Path
    predictions: Path
    out: Path
    overwrite: bool = False


def run(config: EvaluateAflw2000DenseConfig) -> CasesReport:
    """Measure predicted meshes; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the annotation cannot be read, or there are no true meshes.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    source = Aflw2000.open(config.data)
    if not any(config.truth.glob("*.npy")):
        raise DataError(
            f"{config.truth}: expected imageNNNNN.npy, the vertices of the true meshes, found none. They "
            "need the Basel Face Model, which monoface may not ship: compute them from Shape_Para, "
            "Exp_Para and Pose_Para with your own copy."
        )
    cases = [_case(source, row, config) for row in range(len(source))]
    report = summarise(cases, named_folder(config.predictions))
    write_results(report, config.out, overwrite=config.overwrite)
    return report


def summarise(cases: list[Case], predictions: Mapping[str, str]) -> CasesReport:
    """Report on photos, all of them and by yaw."""
    return make_report(
        "AFLW2000-3D, all vertices of the fitted meshes",
        definition(),
        MEASURES,
        cases,
        groups=YAW_BINS,
        curves=curves_of(cases, MEASURES, _CURVE_LIMIT_PERCENT),
        predictions=predictions,
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="AFLW2000-3D, fitted meshes of the Basel Face Model",
        measure="mean distance of corresponding vertices, in percent; in 3D with depth counted from each "
        "mesh's smallest",
        alignment="none",
        normaliser="sqrt(width x height) of the box of the 68 true points",
        means="mean of the photos, of all and of each bin of |yaw|",
        failures="photos without a mesh are listed and left out of the means",
        source="the published evaluation code of 2DASL (Tu et al., IEEE Transactions on Multimedia 2021)",
    )


def _case(source: Aflw2000, row: int, config: EvaluateAflw2000DenseConfig) -> Case:
    key, yaw_deg = source.keys[row], float(source.yaw_deg[row])
    groups = [YAW_BINS[int(in_yaw_bins(np.array([yaw_deg]))[:, 0].argmax())]]
    truth, predicted = (_vertices(folder / f"{key}.npy") for folder in (config.truth, config.predictions))
    if truth is None or predicted is None:
        return Case(key, groups, {}, "no true mesh" if truth is None else "no prediction", yaw_deg)
    if truth.shape != predicted.shape:
        reason = f"expected the {len(truth)} vertices of the true mesh, got {len(predicted)}"
        return Case(key, groups, {}, reason, yaw_deg)
    size_px = box_normaliser(source.points68_px[row : row + 1])
    flat = nme(predicted[None, :, :2], truth[None, :, :2], size_px)[0]
    solid = nme_3d(predicted[None], truth[None], size_px)[0]
    errors = {"nme_percent": 100 * float(flat), "nme_percent_3d": 100 * float(solid)}
    return Case(key, groups, errors, yaw_deg=yaw_deg)


def _vertices(path: Path) -> Float32[np.ndarray, "verts 3"] | None:
    """Vertices of a file; None if there is none."""
    if not path.is_file():
        return None
    verts = read_npy(path, "vertices")
    if verts.ndim != 2 or verts.shape[1] != 3:
        raise DataError(f"{path}: expected vertices of the shape (vertices, 3), got {verts.shape}.")
    return verts.astype(np.float32)
