"""A tongue that comes out: it lies inside the face model's own, and `tongueOut` leads it over the lips.

The face model's tongue is the upper side of the floor of the mouth, too coarse to be drawn out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.data import FaceModelData

_ROWS, _AROUND = 16, 12
# Middle line (y, z), half width and half thickness along the tongue, in millimetres, on the mean face.
_AT_REST = ((-38.0, 48.0), (-37.5, 58.0), (-37.0, 68.0), (-37.0, 78.0), (-37.5, 84.0))
_OUT = ((-38.0, 60.0), (-33.5, 84.0), (-29.0, 106.0), (-32.5, 126.0), (-45.0, 142.0))
_REST_SIZE_MM = ((6.0, 2.0), (8.0, 2.5), (8.0, 2.5), (6.0, 2.0), (1.0, 0.5))
_OUT_SIZE_MM = ((16.0, 5.0), (16.5, 5.5), (16.0, 5.0), (15.0, 4.0), (12.5, 3.0))
# A groove along the middle, as a part of the thickness.
_GROOVE = 0.35
# It goes with so many of the nearest vertices of the jaw's soft parts, by their inverse squared distance.
_NEAREST = 6
_LEAST_MM = 4.0
STRIP = (0.008, 0.092)
"""From where to where across the mouth's texture the tongue lies; along it, it takes the whole height."""


@dataclass(frozen=True, eq=False)
class Tongue:
    """A closed tube with a tip, rooted in vertices of the face model.

    Attributes:
        rest_mm: Vertices on the mean face.
        out_mm: Offsets of `tongueOut`.
        index: Vertices of the face model that each goes with.
        weight: Their weights.
        anchor_mm: Where those put it on the mean face.
    """

    rest_mm: Float[np.ndarray, "tongue 3"]
    out_mm: Float[np.ndarray, "tongue 3"]
    index: Int[np.ndarray, "tongue near"]
    weight: Float[np.ndarray, "tongue near"]
    anchor_mm: Float[np.ndarray, "tongue 3"]

    @classmethod
    def of(cls, data: FaceModelData, soft: Bool[np.ndarray, " verts"]) -> "Tongue":
        """The tongue of a face model; `soft` are vertices of gums and tongue that go with the jaw."""
        mean = data.mean_mm.astype(np.float64)
        rest = _tube(_AT_REST, _REST_SIZE_MM)
        rows = np.flatnonzero(soft)
        squared = ((rest[:, None] - mean[rows]) ** 2).sum(axis=-1)
        near = np.argsort(squared, axis=1)[:, :_NEAREST]
        weight = 1 / (np.take_along_axis(squared, near, axis=1) + _LEAST_MM**2)
        weight /= weight.sum(axis=1, keepdims=True)
        index = rows[near]
        anchor = (weight[..., None] * mean[index]).sum(axis=1)
        return cls(rest, _tube(_OUT, _OUT_SIZE_MM) - rest, index, weight, anchor)

    def verts(self, neutral_mm: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "tongue 3"]:
        """Vertices in a person's neutral mouth."""
        return self.rest_mm + self.moved(neutral_mm) - self.anchor_mm

    def moved(self, rows: Float[np.ndarray, "*lead verts 3"]) -> Float[np.ndarray, "*lead tongue 3"]:
        """What vertices of the face model move by, as the tongue goes with them."""
        return np.einsum("tn,...tnc->...tc", self.weight, rows[..., self.index, :])

    @property
    def faces(self) -> Int[np.ndarray, "faces 3"]:
        """Triangles; the root stays open."""
        here = np.arange(_AROUND)
        start = (_AROUND + 1) * np.arange(_ROWS - 1)[:, None]
        a, b = start + here, start + here + 1
        c, d = b + _AROUND + 1, a + _AROUND + 1
        quads = np.stack((a, d, c, b), axis=-1).reshape(-1, 4)
        return np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]))

    @property
    def uv(self) -> Float[np.ndarray, "tongue 2"]:
        """Places in the mouth's texture; the root at the top."""
        across = np.linspace(*STRIP, _AROUND + 1)
        along = np.linspace(0.02, 0.98, _ROWS)
        return np.stack([grid.ravel() for grid in np.meshgrid(across, along)], axis=1)

    @property
    def weld(self) -> Int[np.ndarray, " tongue"]:
        """First vertex at each place: rings end where they begin."""
        rows = np.arange(len(self.rest_mm)).reshape(_ROWS, _AROUND + 1)
        rows[:, -1] = rows[:, 0]
        return rows.ravel()


def _tube(
    line: tuple[tuple[float, float], ...], sizes: tuple[tuple[float, float], ...]
) -> Float[np.ndarray, "tongue 3"]:
    """Rings around a line in the middle plane; the first vertex of each is below, again at its end."""
    stops = np.linspace(0, 1, len(line))
    # Rows lie closer where the tip is round.
    place = np.sin(np.linspace(0, np.pi / 2, _ROWS))
    y, z = (_smoothly(stops, np.array(column), place) for column in zip(*line, strict=True))
    wide, thick = (_smoothly(stops, np.array(column), place) for column in zip(*sizes, strict=True))
    end = np.sqrt(np.clip((1 - place) / 0.15, 0, 1))
    wide, thick = wide * np.maximum(end, 0.02), thick * np.maximum(end, 0.02)
    slope = np.arctan2(np.gradient(y, z), 1.0)
    turn = -np.pi / 2 - 2 * np.pi * np.arange(_AROUND + 1) / _AROUND
    across = np.cos(turn)[None] * wide[:, None]
    up = np.sin(turn)
    groove = 1 - _GROOVE * np.clip(up, 0, 1) ** 4
    height = (up * groove)[None] * thick[:, None]
    return np.stack(
        (across, y[:, None] + np.cos(slope)[:, None] * height, z[:, None] - np.sin(slope)[:, None] * height),
        axis=-1,
    ).reshape(-1, 3)


def _smoothly(stops: np.ndarray, values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A polynomial through all stops: there are few, and they lie evenly."""
    return np.polyval(np.polyfit(stops, values, len(stops) - 1), place)
