"""FaceScape's protocol for one scan and one posed mesh: align in depth, unroll on a cylinder, measure.

Written from the description of the protocol and its published constants.

Reference:
    Zhu et al., "FaceScape: 3D Facial Dataset and Benchmark for Single-View 3D Face Reconstruction",
    PAMI 2023.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int, Int64

from monoface.core.errors import DataError
from monoface.geometry.surface import Surface
from monoface.metrics import chamfer_distance
from monoface.raster import Fragments, rasterize

SIDE_PX: Final = 256
# Heights from the head's centre that the cylinder covers; jumps of the radius that end a surface.
_HALF_HEIGHT_MM = 150.0
_MAX_JUMP_MM = 15.0


@dataclass(frozen=True, eq=False)
class CylinderMap:
    """A head unrolled on a cylinder about the vertical axis through its centre: the outermost surface.

    Attributes:
        radius_mm: Distance from the axis; 0 where nothing is hit.
        normals: Unit normals of the triangles that are hit, in the head's frame; 0 where there is none.
    """

    radius_mm: Float64[np.ndarray, "side side"]
    normals: Float64[np.ndarray, "side side 3"]

    @property
    def hit(self) -> Bool[np.ndarray, "side side"]:
        """Where a surface is hit."""
        return self.radius_mm > 0


@dataclass(frozen=True)
class FaceScapeErrors:
    """Errors of one mesh.

    Attributes:
        chamfer_mm: Mean distance of either surface's vertices to the other, where both are hit.
        normal_error_rad: As the published code computes it: 1 is added to each coordinate of both normals,
        and the
            angle between these is taken.
        normal_angle_deg: Mean angle between the normals themselves.
        completeness_percent: Part of the true surface where the predicted one is hit too.
    """

    chamfer_mm: float
    normal_error_rad: float
    normal_angle_deg: float
    completeness_percent: float


def compare_maps(true: CylinderMap, predicted: CylinderMap) -> FaceScapeErrors:
    """Errors of a predicted head, unrolled.

    Raises:
        DataError: If the two surfaces have too little in common to be measured.
    """
    surfaces = common_surfaces(true, predicted)
    both = true.hit & predicted.hit
    first, second = true.normals[both], predicted.normals[both]
    return FaceScapeErrors(
        chamfer_mm=chamfer_distance(*surfaces),
        normal_error_rad=float(_angle(first + 1, second + 1).mean()),
        normal_angle_deg=float(np.degrees(_angle(first, second)).mean()),
        completeness_percent=100 * float(both.sum() / true.hit.sum()),
    )


def common_surfaces(true: CylinderMap, predicted: CylinderMap) -> tuple[Surface, Surface]:
    """Both surfaces where both are hit.

    Raises:
        DataError: If they have too little in common to be measured.
    """
    both = true.hit & predicted.hit
    if both.sum() < 10:
        raise DataError("the predicted mesh and the scan do not overlap: another frame or unit.")
    first, second = (rolled_surface(np.where(both, one.radius_mm, 0.0)) for one in (true, predicted))
    return first, second


def unroll(verts_mm: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"]) -> CylinderMap:
    """A head on a cylinder, by rays from the axis outwards; the last surface that a ray hits counts.

    Args:
        verts_mm: In the head's frame: +y up, +z out of the face, the axis through the origin.
        faces: Triangles.
    """
    verts = verts_mm.astype(np.float64)
    column = np.mod(np.arctan2(-verts[:, 0], -verts[:, 2]), 2 * np.pi) * (SIDE_PX - 1) / (2 * np.pi)
    row = (_HALF_HEIGHT_MM - verts[:, 1]) * (SIDE_PX - 1) / (2 * _HALF_HEIGHT_MM)
    # Triangles across the seam, behind the head, would be drawn over the whole picture.
    kept = np.ptp(column[faces], axis=1) < SIDE_PX / 2
    faces = faces[kept]
    # Nearest is what has the largest radius.
    depth = 1e4 - np.hypot(verts[:, 0], verts[:, 2])
    placed = np.stack((column + 0.5, row + 0.5, depth), axis=1)
    fragments = _draw(placed, faces)
    index = fragments.face_index[0].numpy()
    return _intersect(verts, faces, index)


def rolled_surface(radius_mm: Float64[np.ndarray, "side side"]) -> Surface:
    """The surface of a map: two triangles for each square of neighbouring rays without a jump."""
    angle = np.arange(SIDE_PX) * 2 * np.pi / (SIDE_PX - 1)
    height = np.linspace(_HALF_HEIGHT_MM, -_HALF_HEIGHT_MM, SIDE_PX)
    verts = np.stack(
        (
            -radius_mm * np.sin(angle),
            np.broadcast_to(height[:, None], radius_mm.shape),
            -radius_mm * np.cos(angle),
        ),
        axis=-1,
    )
    neighbours = [np.roll(radius_mm, shift, axis=(0, 1)) for shift in ((-1, 0), (0, -1), (-1, -1))]
    jump = np.max([np.abs(radius_mm - other) for other in neighbours], axis=0)
    whole = (jump < _MAX_JUMP_MM) & (radius_mm > 0)
    whole[-1], whole[:, -1] = False, False
    corner = np.flatnonzero(whole)
    right, down = corner + 1, corner + SIDE_PX
    faces = np.concatenate(
        (np.stack((corner, right, down), axis=1), np.stack((down + 1, down, right), axis=1))
    )
    return Surface(verts.reshape(-1, 3), faces, "unrolled head")


def orthographic_depth(
    verts: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"]
) -> Float64[np.ndarray, "side side"]:
    """Z of the visible surface in the cube from -1 to 1, seen along -z; NaN where there is none."""
    places = np.stack(
        ((verts[:, 0] + 1) / 2 * SIDE_PX, (1 - verts[:, 1]) / 2 * SIDE_PX, 10 - verts[:, 2]), axis=1
    )
    fragments = _draw(places, faces)
    depth = fragments.depth[0].double().numpy()
    return np.where(fragments.mask[0].numpy(), 10 - depth, np.nan)


def perspective_depth(
    verts: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"], K: Float[np.ndarray, "3 3"]
) -> Float64[np.ndarray, "side side"]:
    """Distance along the axis of a pinhole camera (OpenCV) of what is seen; NaN where there is nothing."""
    projected = verts @ K.T
    safe = np.where(verts[:, 2] > 1e-6, verts[:, 2], np.nan)
    places = np.stack((projected[:, 0] / safe + 0.5, projected[:, 1] / safe + 0.5, verts[:, 2]), axis=1)
    fragments = _draw(places, faces, perspective=True)
    return np.where(fragments.mask[0].numpy(), fragments.depth[0].double().numpy(), np.nan)


def depth_offset(
    true: Float64[np.ndarray, "side side"], predicted: Float64[np.ndarray, "side side"]
) -> tuple[float, float]:
    """Median of true less predicted depth where both are seen, and the mean of the true depth there.

    Raises:
        DataError: If nothing is seen of both.
    """
    both = np.isfinite(true) & np.isfinite(predicted)
    if not both.any():
        raise DataError("the predicted mesh and the scan are not seen in one place: another frame or unit.")
    return float(np.median((true - predicted)[both])), float(true[both].mean())


def _draw(
    places: Float[np.ndarray, "verts 3"], faces: Int[np.ndarray, "faces 3"], *, perspective: bool = False
) -> Fragments:
    triangles = torch.from_numpy(np.ascontiguousarray(faces, dtype=np.int64))
    verts = torch.from_numpy(np.ascontiguousarray(places, dtype=np.float64))[None]
    return rasterize(verts, triangles, (SIDE_PX, SIDE_PX), perspective=perspective, cull="none")


def _intersect(
    verts: Float64[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    index: Int64[np.ndarray, "side side"],
) -> CylinderMap:
    """Where the ray of each pixel meets the plane of its triangle."""
    radius, normals = np.zeros((SIDE_PX, SIDE_PX)), np.zeros((SIDE_PX, SIDE_PX, 3))
    hit = index >= 0
    rows, columns = np.nonzero(hit)
    corners = verts[faces[index[hit]]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    angle = columns * 2 * np.pi / (SIDE_PX - 1)
    direction = np.stack((-np.sin(angle), np.zeros(len(angle)), -np.cos(angle)), axis=1)
    origin = np.zeros_like(direction)
    origin[:, 1] = _HALF_HEIGHT_MM - rows * 2 * _HALF_HEIGHT_MM / (SIDE_PX - 1)
    facing = (normal * direction).sum(axis=1)
    distance = (normal * (corners[:, 0] - origin)).sum(axis=1) / np.where(
        np.abs(facing) > 1e-9, facing, np.nan
    )
    lengths = np.hypot(corners[..., 0], corners[..., 2])
    # Rays along a triangle's plane meet it nowhere in particular; its own radii bound where.
    distance = np.clip(np.nan_to_num(distance), lengths.min(axis=1), lengths.max(axis=1))
    radius[hit], normals[hit] = distance, normal
    return CylinderMap(radius, normals)


def _angle(
    first: Float64[np.ndarray, "points 3"], second: Float64[np.ndarray, "points 3"]
) -> Float64[np.ndarray, " points"]:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(axis=1) / np.maximum(lengths, 1e-12)
    return np.arccos(np.clip(cosine, -1, 1))
