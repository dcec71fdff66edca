"""NoW's protocol for one scan and one predicted mesh: crop, align, measure.

Written from the description of the protocol and its published constants; no code of the benchmark is used.

Reference:
    Sanyal et al., "Learning to Regress 3D Face Shape and Expression from an Image without 3D Supervision",
    CVPR 2019. The metrical variant: Zielonka et al., "Towards Metrical Reconstruction of Human Faces", ECCV
    2022.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from monoface.geometry.icp import Alignment, IcpConfig, align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface
from monoface.metrics import scan_to_surface

Unit = Literal["m", "cm", "mm"]
MM_PER: Final = {"m": 1000.0, "cm": 10.0, "mm": 1.0}

# The crop's centre lies this part of the way from the lower end of the nose to between the inner eye corners;
# its radius is this many times the mean of the distance of the outer eye corners and the length of that way.
_CENTRE_PART = 0.3
_RADIUS_FACTOR = 1.4


@dataclass(frozen=True, eq=False)
class NowScan:
    """A scan with its seven landmarks, cropped to the face.

    Attributes:
        verts_mm: Vertices within the crop.
        faces: Triangles of the scan whose corners all lie within the crop, for pictures.
        landmarks_mm: The seven landmarks, in NoW's order.
    """

    verts_mm: Float64[np.ndarray, "verts 3"]
    faces: Int64[np.ndarray, "faces 3"]
    landmarks_mm: Float64[np.ndarray, "7 3"]

    @classmethod
    def cropped(
        cls,
        verts_mm: Float64[np.ndarray, "verts 3"],
        faces: Int64[np.ndarray, "faces 3"],
        landmarks_mm: Float64[np.ndarray, "7 3"],
    ) -> "NowScan":
        """The part of a scan that is measured."""
        inside = within_crop(verts_mm, landmarks_mm)
        new_index = np.cumsum(inside) - 1
        kept = faces[inside[faces].all(axis=1)] if len(faces) else faces
        return cls(verts_mm[inside], new_index[kept], landmarks_mm)


@dataclass(frozen=True, eq=False)
class ScanScore:
    """Distances of a scan to an aligned mesh.

    Attributes:
        distances_mm: One for each vertex of the cropped scan; empty if the alignment failed.
        alignment: Where the mesh lies on the scan; it may have failed.
    """

    distances_mm: Float64[np.ndarray, " verts"]
    alignment: Alignment


def within_crop(
    verts_mm: Float[np.ndarray, "verts 3"], landmarks_mm: Float[np.ndarray, "7 3"]
) -> Bool[np.ndarray, " verts"]:
    """Which vertices of a scan lie in the sphere that is measured."""
    nose = landmarks_mm[4]
    bridge = (landmarks_mm[1] + landmarks_mm[2]) / 2
    centre = nose + _CENTRE_PART * (bridge - nose)
    eyes_apart = np.linalg.norm(landmarks_mm[0] - landmarks_mm[3])
    radius = _RADIUS_FACTOR * (eyes_apart + np.linalg.norm(bridge - nose)) / 2
    return np.linalg.norm(verts_mm - centre, axis=1) <= radius


def score_scan(
    scan: NowScan,
    surface: Surface,
    landmarks: Float[np.ndarray, "7 3"],
    *,
    metrical_unit: Unit | None = None,
    icp: IcpConfig | None = None,
) -> ScanScore:
    """Align a predicted mesh with a scan, and measure the scan's distances to it.

    The seven landmarks place the mesh by the best similarity transform; then the scan's squared distances
    to the mesh are made least over turn, shift and scale. In the metrical variant the scale is the unit's
    and stays.

    Args:
        scan: The cropped scan.
        surface: The predicted mesh, in any frame and unit.
        landmarks: Its seven landmarks.
        metrical_unit: Unit of the mesh, for the metrical variant.
        icp: How the placement is refined.
    """
    start = Placement.between(landmarks, scan.landmarks_mm)
    if metrical_unit is not None:
        # The turn and centre of the similarity transform, with the scale that the unit fixes.
        scale = MM_PER[metrical_unit]
        shift = scan.landmarks_mm.mean(axis=0) - scale * (start.rotation @ landmarks.mean(axis=0))
        start = Placement(scale, start.rotation, shift)
    icp = icp or IcpConfig(with_scale=metrical_unit is None)
    alignment = align_to_scan(surface, scan.verts_mm, start, icp)
    if alignment.failure:
        return ScanScore(np.zeros(0), alignment)
    return ScanScore(scan_to_surface(scan.verts_mm, surface, alignment.placement), alignment)
