"""A single similarity transform in numpy and 64 bits, as evaluations of meshes use it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Float64

from monoface.core.errors import DataError
from monoface.geometry.alignment import fit_similarity


@dataclass(frozen=True, eq=False)
class Placement:
    """The map x -> scale * rotation @ x + translation."""

    scale: float
    rotation: Float64[np.ndarray, "3 3"]
    translation: Float64[np.ndarray, " 3"]

    @classmethod
    def identity(cls) -> Self:
        """The map that moves nothing."""
        return cls(1.0, np.eye(3), np.zeros(3))

    @classmethod
    def between(
        cls,
        source: Float[np.ndarray, "points 3"],
        target: Float[np.ndarray, "points 3"],
        weights: Float[np.ndarray, " points"] | None = None,
        *,
        with_scale: bool = True,
    ) -> Self:
        """The map that brings corresponding points on to each other best; see `fit_similarity`.

        Raises:
            DataError: If there are fewer than three points, or one is not finite.
        """
        if len(source) < 3 or len(source) != len(target):
            raise DataError(
                f"alignment: expected at least 3 pairs of points, got {len(source)} and {len(target)}."
            )
        pair = [torch.from_numpy(np.asarray(points, dtype=np.float64))[None] for points in (source, target)]
        if not all(points.isfinite().all() for points in pair):
            raise DataError("alignment: expected finite points, got NaN or infinity.")
        share = None if weights is None else torch.from_numpy(np.asarray(weights, dtype=np.float64))[None]
        fitted = fit_similarity(pair[0], pair[1], share, with_scale=with_scale)
        return cls(float(fitted.scale[0]), fitted.rotation[0].numpy(), fitted.translation[0].numpy())

    def apply(self, points: Float[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """Moved points."""
        return self.scale * (points.astype(np.float64) @ self.rotation.T) + self.translation

    def after(self, first: "Placement") -> "Placement":
        """The map that does `first`, then this one."""
        return Placement(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.scale * (self.rotation @ first.translation) + self.translation,
        )

    def inverse(self) -> "Placement":
        """The map back.

        Raises:
            DataError: If the scale is zero.
        """
        if self.scale == 0:
            raise DataError("alignment: a scale of 0 cannot be undone; the points lie in one place.")
        back = self.rotation.T / self.scale
        return Placement(1 / self.scale, self.rotation.T, -back @ self.translation)

    @property
    def turn_deg(self) -> float:
        """Angle of the rotation."""
        cosine = (np.trace(self.rotation) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
