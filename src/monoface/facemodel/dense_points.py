"""Points of several landmark sets in one row: what a network's dense points are points of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, filled, namespace
from monoface.core.errors import ConfigError
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.mirroring import PointSets, mirrored_points


@dataclass(frozen=True)
class DensePoints:
    """Points of some landmark sets, one set after the other.

    Attributes:
        rows: By set, which of its points are taken.
        landmarks: The points on the mesh.
        mirror: For each point the one that it becomes when the face is mirrored.
    """

    rows: Mapping[str, Int[np.ndarray, " taken"]]
    landmarks: LandmarkSet
    mirror: Int[np.ndarray, " points"]

    @classmethod
    def of(cls, model: LinearFaceModel, sets: PointSets) -> Self:
        """The points of some sets of a model.

        Raises:
            ConfigError: If a step is below 1, or a set is named twice.
            ModelFileError: If the model has no such set.
        """
        if len(dict(sets)) != len(sets) or any(step < 1 for _, step in sets):
            raise ConfigError(f"points: expected different sets with steps of at least 1, got {sets}.")
        rows, mirror = mirrored_points(model, sets)
        parts = [
            model.landmarks(name).grouped(tuple((int(row),) for row in taken)) for name, taken in rows.items()
        ]
        none = LandmarkSet(model.faces[:0, :1], model.mean_mm[:0, :1])
        return cls(rows, LandmarkSet.joined(*parts) if parts else none, mirror)

    def __len__(self) -> int:
        return len(self.mirror)

    def gathered(
        self, points_px: Mapping[str, Float[Array, "batch _ 2"]]
    ) -> Float[Array, "batch points 2"] | None:
        """What is marked of these points; NaN where nothing is, None if no set is there at all."""
        known = [points for name, points in points_px.items() if name in self.rows]
        if not known:
            return None
        count = len(known[0])
        parts = [
            points_px[name][:, rows.tolist()]
            if name in points_px
            else filled((count, len(rows), 2), float("nan"), known[0])
            for name, rows in self.rows.items()
        ]
        return namespace(known[0]).concat(parts, 1)
