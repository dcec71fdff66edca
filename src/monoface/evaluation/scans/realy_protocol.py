"""REALY's protocol for one region: align by keypoints, align the region, bend the scan, measure.

Written from the description of the protocol and its published constants.

Reference:
    Chai et al., "REALY: Rethinking the Evaluation of 3D Face Reconstruction", ECCV 2022.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float64, Int64

from monoface.core.errors import DataError
from monoface.geometry.nonrigid import Keypoints, Stage, register_nonrigid
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface

KEYPOINTS: Final = 85
_EYES_AND_BROWS = (*range(36, 48), *range(17, 27))
_MOUTH = (*range(48, 61), 64)
_NOSE = tuple(range(27, 36))
SEVEN: Final = (36, 39, 42, 45, 33, 48, 54)
"""Keypoints that align a mesh with the whole scan."""


@dataclass(frozen=True)
class Region:
    """A part of the face that is scored by itself.

    Attributes:
        name: Of its file too.
        aligned_by: Keypoints that help to align it.
        bent_by: Keypoints that guide the bending; none for the cheek.
        keypoint_share: Weight of all keypoints together in the alignment, in units of that of all vertices.
    """

    name: str
    aligned_by: tuple[int, ...]
    bent_by: tuple[int, ...]
    keypoint_share: float = 1.0


REGIONS: Final = (
    Region("nose", (27, 28, 29, 30, 31, 35, 32, 33, 34, 70, 71), _NOSE),
    Region("mouth", _MOUTH, _MOUTH),
    Region("forehead", _EYES_AND_BROWS, _EYES_AND_BROWS),
    Region("cheek", (*_MOUTH, 76, 77, 36, 41, 40, 39, 42, 47, 46, 45, 7, 8, 9), (), keypoint_share=0.25),
)

# Seven keypoints of any face fit those of another one better than this part of the distance between the eyes.
_MAX_MISFIT = 0.3

_MAX_STEPS = 100
_TOLERANCE = 1e-6
_STIFFNESS, _KEYPOINT_STIFFNESS, _KEYPOINT_WEIGHT = 50.0, 150.0, 50.0
_MAX_BENDING_STEPS = 11
# The cheek's stages have no limit of their own in the published code; they converge after a few steps.
_MAX_FREE_STEPS = 60


@dataclass(frozen=True, eq=False)
class ScanRegion:
    """One region of a scan, in the scan's unit."""

    verts: Float64[np.ndarray, "verts 3"]
    faces: Int64[np.ndarray, "faces 3"]


def align_globally(
    predicted_keypoints: Float[np.ndarray, "keypoints 3"], true_keypoints: Float[np.ndarray, "keypoints 3"]
) -> Placement:
    """Placement of a mesh on a scan by seven keypoints.

    Its scale is the ratio of the sums of absolute coordinates about the means, not the least-squares one.

    Raises:
        DataError: If the keypoints are no keypoints of a face like the scan's.
    """
    seven = list(SEVEN)
    source, target = predicted_keypoints[seven].astype(float), true_keypoints[seven].astype(float)
    rotation = Placement.between(source, target).rotation
    turned = (source - source.mean(axis=0)) @ rotation.T
    scale = float(np.abs(target - target.mean(axis=0)).sum() / np.abs(turned).sum())
    placement = Placement(scale, rotation, target.mean(axis=0) - scale * (rotation @ source.mean(axis=0)))
    off = np.linalg.norm(placement.apply(source) - target, axis=1).max() / np.linalg.norm(
        target[0] - target[3]
    )
    if off > _MAX_MISFIT:
        raise DataError(
            f"expected keypoints like the scan's, got ones that miss them by {100 * off:.0f} % of the "
            "distance between the eyes: the wrong topology, or vertices in another order"
        )
    return placement


def align_region(
    surface: Surface,
    predicted_keypoints: Float[np.ndarray, "keypoints 3"],
    scan: ScanRegion,
    true_keypoints: Float[np.ndarray, "keypoints 3"],
    region: Region,
) -> Placement:
    """Rigid placement of an already aligned mesh on one region of the scan.

    Args:
        surface: The mesh, aligned as a whole.
        predicted_keypoints: All its keypoints.
        scan: The region of the scan.
        true_keypoints: All keypoints of the scan.
        region: Which one it is.
    """
    chosen = list(region.aligned_by)
    copies = int(region.keypoint_share * len(scan.verts) / len(chosen))
    target = np.concatenate((scan.verts, true_keypoints[chosen]))
    weights = np.concatenate((np.ones(len(scan.verts)), np.full(len(chosen), float(copies))))
    placement, previous = Placement.identity(), 0.0
    for _ in range(_MAX_STEPS):
        closest = placement.apply(surface.closest(placement.inverse().apply(scan.verts)).points)
        source = np.concatenate((closest, placement.apply(predicted_keypoints[chosen])))
        move = Placement.between(source, target, weights, with_scale=False)
        squared = ((move.apply(source) - target) ** 2).sum(axis=1)
        error = float((weights * squared).sum() / weights.sum())
        if abs(error - previous) < _TOLERANCE:
            break
        placement, previous = move.after(placement), error
    return placement


def region_distances(
    surface: Surface,
    predicted_keypoints: Float[np.ndarray, "keypoints 3"],
    scan: ScanRegion,
    true_keypoints: Float[np.ndarray, "keypoints 3"],
    region: Region,
) -> Float64[np.ndarray, " verts"]:
    """Distance of each vertex of a scan's region to the point of the mesh that corresponds to it.

    The region is bent on to the mesh; the point of the mesh that is closest to where a vertex then lies
    corresponds to it. `surface` and `predicted_keypoints` are aligned with the region.
    """
    targets = surface.closest(scan.verts).points
    keypoints = None
    if region.bent_by:
        chosen = list(region.bent_by)
        offsets = np.linalg.norm(scan.verts[:, None] - true_keypoints[chosen][None], axis=2)
        keypoints = Keypoints(offsets.argmin(axis=0), predicted_keypoints[chosen].astype(float))
    bent = register_nonrigid(
        scan.verts, scan.faces, targets, _stages(guided=keypoints is not None), keypoints
    )
    corresponding = surface.closest(bent).points
    return np.linalg.norm(corresponding - scan.verts, axis=1)


def _stages(*, guided: bool) -> list[Stage]:
    relaxed = [(_STIFFNESS * math.exp(-0.5 * number), 0.5**number) for number in range(3)]
    if not guided:
        return [Stage(stiffness, tolerance, _MAX_FREE_STEPS) for stiffness, tolerance in relaxed]
    first = Stage(
        _KEYPOINT_STIFFNESS,
        2.0,
        1,
        turn_weight=(2.0, 2.0, 3.0, 2.0),
        closest=False,
        keypoint_weight=_KEYPOINT_WEIGHT,
    )
    decay = math.exp(-0.9)
    return [
        first,
        *(
            Stage(
                stiffness,
                tolerance,
                _MAX_BENDING_STEPS,
                keypoint_weight=_KEYPOINT_WEIGHT / 10,
                keypoint_decay=decay,
            )
            for stiffness, tolerance in relaxed
        ),
    ]
