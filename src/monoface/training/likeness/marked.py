"""Photos whose 68 points people marked, and how well measured faces agree with the marks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8

from monoface.data.sources import MerlRav
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.facemodel.estimation.uncertainty import ShapeUncertainty, VertexUncertainty
from monoface.facemodel.landmarks import INNER

LANDMARK_SET: Final = "ibug68_reannotated"
"""The set of the face model that marks are compared with."""

_LIPS: Final = ((61, 67), (62, 66), (63, 65))
_LIDS: Final = ((37, 41), (38, 40), (43, 47), (44, 46))
_CHIN: Final = 8
_FIXED: Final = np.array((_CHIN, *INNER))
_OUTLINE_TURN_DEG: Final = 45.0
# A slope this near to one is right: two people's marks agree no better.
_SLOPE_ENOUGH: Final = 0.12


@dataclass(frozen=True, eq=False)
class MarkedFaces:
    """Photos and their marks.

    Attributes:
        keys: Of the photos.
        image: Decodes one of them.
        points_px: The 68 points; NaN where there is none.
        seen: Which are neither covered nor hidden.
    """

    keys: tuple[str, ...]
    image: Callable[[int], UInt8[np.ndarray, "height width 3"]]
    points_px: Float64[np.ndarray, "photos 68 2"]
    seen: Bool[np.ndarray, "photos 68"]

    @classmethod
    def of(cls, source: MerlRav) -> "MarkedFaces":
        """All photos of a source."""
        return cls(tuple(source.keys), source.image, source.points68_px.astype(np.float64), source.seen)

    @property
    def size_px(self) -> Float64[np.ndarray, " photos"]:
        """Root of the area of the box of all marks."""
        low, high = np.nanmin(self.points_px, axis=1), np.nanmax(self.points_px, axis=1)
        return np.sqrt(np.prod(high - low, axis=-1))

    def some(self, most: int, seed: int) -> Int[np.ndarray, " rows"]:
        """Up to so many photos, drawn."""
        rows = np.random.default_rng((seed, 62)).permutation(len(self.keys))[:most]
        return np.sort(rows)

    def __getitem__(self, rows: Int[np.ndarray, " rows"]) -> "MarkedFaces":
        def image(row: int) -> UInt8[np.ndarray, "height width 3"]:
            return self.image(int(rows[row]))

        keys = tuple(self.keys[row] for row in rows.tolist())
        return MarkedFaces(keys, image, self.points_px[rows], self.seen[rows])


@dataclass(frozen=True)
class MarkScore:
    """How well faces agree with marks.

    Attributes:
        nme_percent: Mean distance of the points that have a mark, over the size of the face; of the outline
            only in photos from the front.
        mouth: Correlation and slope of the openings of the mouth.
        eyes: The same of the eyes.
    """

    nme_percent: float
    mouth: tuple[float, float]
    eyes: tuple[float, float]

    @property
    def worth(self) -> float:
        """One number to choose by: small errors, and openings that follow the marked ones."""
        return self.mouth_worth + self.eyes_worth - self.nme_percent / 2

    @property
    def mouth_worth(self) -> float:
        """How well openings of the mouth follow the marked ones."""
        return _worth(*self.mouth)

    @property
    def eyes_worth(self) -> float:
        """The same of the eyes."""
        return _worth(*self.eyes)

    def __str__(self) -> str:
        mouth, eyes = (
            f"{correlation:.2f}, slope {slope:.2f}" for correlation, slope in (self.mouth, self.eyes)
        )
        return f"NME {self.nme_percent:.2f} %, mouth {mouth}, eyes {eyes}"


class MarkJudge:
    """Compares faces with marks.

    Args:
        model: The face model.
        marks: Of photos.
    """

    def __init__(self, model: FaceModel, marks: MarkedFaces) -> None:
        self._marks = marks
        self._model = model
        landmarks = model.landmarks(LANDMARK_SET)
        self._points = PointModel.of(model, landmarks)
        self._index = landmarks.index.numpy()
        self._weight = landmarks.weight.numpy()

    def points_px(self, faces: RefinedFaces) -> Float64[np.ndarray, "photos 68 2"]:
        """The 68 points of faces, in parallel projection."""
        poses = faces.poses
        placed = self._points.points(faces.identity, poses.expression) @ poses.rotation.transpose(0, 2, 1)
        found: np.ndarray = placed[..., :2] * poses.scale_px[:, None, None] + poses.shift_px[:, None]
        return found

    def __call__(self, faces: RefinedFaces) -> MarkScore:
        """Score faces of the photos, in their order."""
        marks, found = self._marks, self.points_px(faces)
        size = marks.size_px
        off = np.linalg.norm(found - marks.points_px, axis=-1) / size[:, None]
        turn = np.rad2deg(np.arccos(np.clip(-faces.poses.rotation[:, 2, 2], -1, 1)))
        outline = np.arange(off.shape[1]) < INNER[0]
        off[np.ix_(turn > _OUTLINE_TURN_DEG, outline)] = np.nan
        wanted = np.where(marks.seen[..., None], marks.points_px, np.nan)
        near = turn <= _OUTLINE_TURN_DEG
        gaps = [
            _agreement((_opening(found, pairs) / size)[near], (_opening(wanted, pairs) / size)[near])
            for pairs in (_LIPS, _LIDS)
        ]
        return MarkScore(100 * float(np.nanmean(np.nanmean(off, axis=1))), *gaps)

    def sigmas_off(self, faces: RefinedFaces) -> Float64[np.ndarray, " marks"]:
        """Distances of marks that are seen, chin and inner points, in standard deviations of the vertices."""
        marks, found = self._marks, self.points_px(faces)
        off_mm = np.linalg.norm(found - marks.points_px, axis=-1) / faces.poses.scale_px[:, None]
        mesh = VertexUncertainty(self._model)
        parts = []
        for row in range(len(faces)):
            sigma = ShapeUncertainty.of(faces, row, 1.0).vertex_sigma_mm(mesh)
            of_points = np.sqrt((self._weight * sigma[self._index] ** 2).sum(axis=1))
            chosen = _FIXED[marks.seen[row, _FIXED]]
            parts.append(off_mm[row, chosen] / of_points[chosen])
        return np.concatenate(parts)


def _worth(correlation: float, slope: float) -> float:
    return correlation - 0.5 * max(abs(slope - 1) - _SLOPE_ENOUGH, 0.0)


def _opening(
    points_px: Float[np.ndarray, "photos 68 2"], pairs: tuple[tuple[int, int], ...]
) -> Float64[np.ndarray, " photos"]:
    upper, lower = (points_px[:, list(side)] for side in zip(*pairs, strict=True))
    return np.linalg.norm(upper - lower, axis=-1).mean(axis=1)


def _agreement(
    found: Float64[np.ndarray, " photos"], wanted: Float64[np.ndarray, " photos"]
) -> tuple[float, float]:
    """Correlation, and slope of what is found on what is wanted."""
    both = np.isfinite(found) & np.isfinite(wanted)
    if both.sum() < 3:
        return 0.0, 0.0
    found, wanted = found[both] - found[both].mean(), wanted[both] - wanted[both].mean()
    cross, own, other = (found * wanted).sum(), (wanted**2).sum(), (found**2).sum()
    return float(cross / np.sqrt(own * other + 1e-18)), float(cross / (own + 1e-18))
