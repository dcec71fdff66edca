"""How far the landmarker's lids open, against lids that people marked: a linear correction of its mesh.

The gap of an eye is the mean distance of two pairs of points of its lids across the line of its corners,
over the size of the face. People and networks both err, so the line that relates the two gaps is that of
equal spread (reduced major axis), which shrinks neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from monoface.data.people.mesh_points import (
    EYES_68,
    EYES_MESH,
    LEFT_CORNERS,
    LEFT_LOWER,
    LEFT_UPPER,
    RIGHT_LOWER,
    RIGHT_UPPER,
)

_LIDS = ((RIGHT_UPPER, RIGHT_LOWER), (LEFT_UPPER, LEFT_LOWER))
_SIDE_HUMAN, _SIDE_MESH = (27, 8), (168, 152)
_FEWEST = 30
_LARGEST_FACTOR = 2.0


@dataclass(frozen=True)
class LidCorrection:
    """Gap that people would mark = `slope` times the mesh's gap + `offset`, over the face's size.

    Attributes:
        slope: 1 leaves the mesh as it is.
        offset: Likewise 0.
    """

    slope: float = 1.0
    offset: float = 0.0

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Both numbers, by name."""
        return {"slope": np.array(self.slope), "offset": np.array(self.offset)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From what `as_arrays` gave."""
        return cls(float(arrays["slope"]), float(arrays["offset"]))

    def corrected(
        self, mesh_px: Float[np.ndarray, "photos points 2"]
    ) -> Float[np.ndarray, "photos points 2"]:
        """Meshes whose lids are as far apart as people would mark them; each pair stays around its middle."""
        moved = mesh_px.copy()
        gaps = eye_gaps(mesh_px, human=False)
        wanted = np.maximum(self.slope * gaps + self.offset, 0)
        factor = np.clip(wanted / np.maximum(gaps, 1e-4), 0, _LARGEST_FACTOR)
        for eye, (upper, lower) in enumerate(_LIDS):
            top, bottom = mesh_px[:, list(upper)], mesh_px[:, list(lower)]
            middle, half = (top + bottom) / 2, (top - bottom) / 2 * factor[:, eye, None, None]
            moved[:, list(upper)], moved[:, list(lower)] = middle + half, middle - half
        return moved


def eye_gaps(
    points_px: Float[np.ndarray, "photos points 2"], *, human: bool
) -> Float[np.ndarray, "photos 2"]:
    """Gaps of the right and the left eye over the face's size, below 0 where lids cross.

    Args:
        points_px: The 68 points, or the mesh.
        human: Whether it is the 68 points.
    """
    size = _face_size(points_px, human)
    gaps = []
    for outer, inner, *lids in EYES_68 if human else EYES_MESH:
        along = points_px[:, inner] - points_px[:, outer]
        along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        across = np.stack((-along[:, 1], along[:, 0]), axis=-1)
        if outer > inner or outer == LEFT_CORNERS[0]:
            across = -across
        apart = (points_px[:, lids[2:]] - points_px[:, lids[:2]]).mean(axis=1)
        gaps.append((apart * across).sum(axis=-1) / size)
    return np.stack(gaps, axis=1)


def find_lid_correction(
    mesh_px: Float[np.ndarray, "photos points 2"],
    human_px: Float[np.ndarray, "photos 68 2"],
    believed: Bool[np.ndarray, " photos"],
) -> tuple[LidCorrection, int]:
    """The line that relates the mesh's gaps to people's, and of how many eyes; none where too few have both.

    Args:
        mesh_px: The landmarker's points.
        human_px: What people marked, NaN where they did not.
        believed: Photos whose mesh is right, and which look ahead.
    """
    mesh, human = eye_gaps(mesh_px[:, :468], human=False), eye_gaps(human_px, human=True)
    known = np.isfinite(mesh) & np.isfinite(human) & believed[:, None]
    if known.sum() < _FEWEST:
        return LidCorrection(), 0
    seen, wanted = mesh[known], human[known]
    slope = float(wanted.std() / max(seen.std(), 1e-6))
    return LidCorrection(slope, float(wanted.mean() - slope * seen.mean())), int(known.sum())


def _face_size(points_px: np.ndarray, human: bool) -> np.ndarray:
    """From the bridge of the nose to the chin, which no expression of the eyes changes."""
    top, bottom = _SIDE_HUMAN if human else _SIDE_MESH
    return np.maximum(np.linalg.norm(points_px[:, bottom] - points_px[:, top], axis=-1), 1e-6)
