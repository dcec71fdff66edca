"""How far mouths and eyes open in photos: as people marked them, as they were found, and both compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64

from monoface.core.errors import DataError
from monoface.data.sources import MerlRav
from monoface.data.sources.aflw import CROP_SIZE_PX
from monoface.evaluation.landmarks.predictors import LANDMARK_SET, LANDMARK_SET_REANNOTATED
from monoface.facemodel import FaceModel, load_default_model
from monoface.facemodel.fitting import fit_landmarks
from monoface.facemodel.landmarks import INNER
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.metrics import Agreement, Interval, bootstrap_mean

LIPS: Final = ((61, 67), (62, 66), (63, 65))
"""Pairs of the 68 points, from 0, whose mean distance is how far the mouth opens: the inner lips."""

LIDS: Final = ((37, 41), (38, 40), (43, 47), (44, 46))
"""Pairs whose mean distance is how far the eyes open: upper and lower lids of both."""

OPENINGS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {"mouth": LIPS, "eyes": LIDS}


@dataclass(frozen=True, eq=False)
class MarkedGaps:
    """Photos whose openings are marked.

    Attributes:
        rows: Their rows in the source.
        yaw_deg: Turn of the head, from the marks.
        size_px: Size of the face, by which gaps are divided: the root of the area of the box of all marks.
        gaps: Marked openings over the face's size, by name; NaN where a point is not seen.
    """

    rows: Sequence[int]
    yaw_deg: Float64[np.ndarray, " photos"]
    size_px: Float64[np.ndarray, " photos"]
    gaps: Mapping[str, Float64[np.ndarray, " photos"]]

    @classmethod
    def of(cls, source: MerlRav, max_yaw_deg: float, limit: int = 0) -> "MarkedGaps":
        """The photos of a source that are turned little enough and show a mouth or eyes.

        Raises:
            DataError: If there is none.
        """
        yaw_deg = marked_yaw_deg(source.points68_px)
        size_px = marked_size_px(source.points68_px)
        seen = np.where(source.seen[..., None], source.points68_px, np.nan)
        gaps = {name: opening_px(seen, pairs) / size_px for name, pairs in OPENINGS.items()}
        usable = np.abs(yaw_deg) <= max_yaw_deg
        usable &= np.isfinite(np.stack(list(gaps.values()))).any(axis=0)
        rows = np.flatnonzero(usable)
        rows = rows[:limit] if limit else rows
        if not len(rows):
            raise DataError(
                f"gaps: expected photos within {max_yaw_deg:g} degrees of yaw whose lips or lids are seen, "
                "got none. Check the folder and the split."
            )
        kept = {name: values[rows] for name, values in gaps.items()}
        return cls(rows.tolist(), yaw_deg[rows], size_px[rows], kept)


@dataclass(frozen=True, eq=False)
class ComparedOpening:
    """Marked and found gaps of the mouth or the eyes, over the face's size; NaN where there is none.

    Attributes:
        name: `mouth` or `eyes`.
        marked: As people marked them.
        found: Between the points found.
    """

    name: str
    marked: Float64[np.ndarray, " photos"]
    found: Float64[np.ndarray, " photos"]

    @classmethod
    def of(
        cls, name: str, marked: MarkedGaps, points_px: Float[np.ndarray, "photos 68 2"]
    ) -> "ComparedOpening":
        """The opening of a name; a photo with a point that is not finite has none."""
        whole = np.isfinite(points_px).all(axis=(1, 2), keepdims=True)
        found = opening_px(np.where(whole, points_px, np.nan), OPENINGS[name]) / marked.size_px
        return cls(name, marked.gaps[name], found)

    @property
    def known(self) -> Bool[np.ndarray, " photos"]:
        """Where there are both."""
        return np.isfinite(self.marked) & np.isfinite(self.found)

    def errors(self, row: int) -> dict[str, float]:
        """Of one photo, by the name of the measure."""
        if not self.known[row]:
            return {}
        marked, found = 100 * float(self.marked[row]), 100 * float(self.found[row])
        return {
            f"{self.name}_error_percent": abs(found - marked),
            f"{self.name}_marked_percent": marked,
            f"{self.name}_found_percent": found,
        }

    def figures(self) -> dict[str, float]:
        """Of all photos, by the name of the measure."""
        off = self._off_percent
        return {
            f"{self.name}_correlation": self._agreement.correlation,
            f"{self.name}_slope": self._agreement.slope,
            f"{self.name}_error_percent": float(off.mean()) if len(off) else float("nan"),
        }

    def intervals(self) -> dict[str, Interval]:
        """Bootstrap intervals of the figures, over the photos."""
        return {
            f"{self.name}_correlation": self._agreement.correlation_interval_95,
            f"{self.name}_slope": self._agreement.slope_interval_95,
            f"{self.name}_error_percent": bootstrap_mean(self._off_percent),
        }

    @property
    def _off_percent(self) -> Float64[np.ndarray, " known"]:
        return 100 * np.abs(self.found - self.marked)[self.known]

    @cached_property
    def _agreement(self) -> Agreement:
        return Agreement.of(self.found, self.marked)


def opening_px(
    points_px: Float[np.ndarray, "photos 68 2"], pairs: Sequence[tuple[int, int]]
) -> Float64[np.ndarray, " photos"]:
    """Mean distance of pairs of points; NaN where one of them is."""
    upper, lower = (points_px[:, list(side)].astype(np.float64) for side in zip(*pairs, strict=True))
    return np.linalg.norm(upper - lower, axis=-1).mean(axis=1)


def marked_size_px(points_px: Float[np.ndarray, "photos 68 2"]) -> Float64[np.ndarray, " photos"]:
    """Root of the area of the box of the points that have a place; NaN if it has no area."""
    known = np.isfinite(points_px).all(axis=-1, keepdims=True)
    low = np.where(known, points_px, np.inf).min(axis=1)
    high = np.where(known, points_px, -np.inf).max(axis=1)
    area = np.prod(np.maximum(high - low, 0.0), axis=-1, dtype=np.float64)
    return np.sqrt(np.where(np.isfinite(area) & (area > 0), area, np.nan))


def marked_yaw_deg(
    points_px: Float[np.ndarray, "photos 68 2"], model: FaceModel | None = None
) -> Float64[np.ndarray, " photos"]:
    """Yaw of the shipped face model fitted to marked points but the jaw's: the same for all weights.

    Args:
        points_px: NaN where there is no mark.
        model: Another face model.
    """
    model = model or load_default_model()
    name = LANDMARK_SET_REANNOTATED if LANDMARK_SET_REANNOTATED in model.data.landmarks else LANDMARK_SET
    inner = model.landmarks(name).grouped(tuple((point,) for point in INNER))
    marks = torch.from_numpy(np.asarray(points_px[:, list(INNER)], dtype=np.float32))
    fit = fit_landmarks(model.subset(inner), marks, torch.ones(marks.shape[:2]), CROP_SIZE_PX)
    yaw, _, _ = head_angles_from_matrix(camera_to_head(fit.coefficients.rotation))
    return degrees(yaw).double().numpy()
