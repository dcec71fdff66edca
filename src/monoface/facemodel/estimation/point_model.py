"""A face model at a few points of its surface, as arrays of numpy: for measuring faces in photos."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import DTypeLike

from monoface.core.arrays import numpy_of
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.landmarks import LandmarkSet


@dataclass(frozen=True, eq=False)
class PointModel:
    """A face model at a few points of its surface, as arrays.

    Everything computed with it has the precision of its arrays.

    Attributes:
        mean_mm: Points of the mean, neutral face.
        identity_mm: Offsets of the identity modes.
        expression_mm: Offsets of the expressions, for the mean face.
        corrected: Which expressions depend on the identity.
        corrective_mm: What each identity mode adds to their offsets.
        bounds: Range of expression weights; None for Gaussian spaces.
    """

    mean_mm: Float[np.ndarray, "points 3"]
    identity_mm: Float[np.ndarray, "identity points 3"]
    expression_mm: Float[np.ndarray, "expressions points 3"]
    corrected: Int[np.ndarray, " corrected"] = field(default_factory=lambda: np.zeros(0, np.int64))
    corrective_mm: Float[np.ndarray, "corrected identity points 3"] | None = None
    bounds: tuple[float, float] | None = (0.0, 1.0)

    @classmethod
    def of(cls, model: LinearFaceModel, points: LandmarkSet, dtype: DTypeLike = np.float64) -> Self:
        """The model at the points of a set.

        Args:
            model: The face model.
            points: Where on it.
            dtype: float64, or float32 where time counts.
        """
        basis = model.subset(points)
        mean, identity, expression = (
            numpy_of(array).astype(dtype) for array in (basis.mean_mm, basis.identity_mm, basis.expression_mm)
        )
        extra = None
        if len(basis.corrected):
            extra = numpy_of(basis.corrective_mm).astype(dtype)
        corrected = numpy_of(basis.corrected)
        return cls(mean, identity, expression, corrected, extra, model.expression_bounds)

    def moved(self, offsets_mm: Float[np.ndarray, "points 3"]) -> "PointModel":
        """The model with its points elsewhere on every face, by offsets in the model frame."""
        return replace(self, mean_mm=self.mean_mm + offsets_mm.astype(self.mean_mm.dtype, copy=False))

    def chosen(self, points: Int[np.ndarray, " chosen"]) -> Self:
        """The model at some of its points."""
        corrective = None if self.corrective_mm is None else self.corrective_mm[:, :, points]
        return replace(
            self,
            mean_mm=self.mean_mm[points],
            identity_mm=self.identity_mm[:, points],
            expression_mm=self.expression_mm[:, points],
            corrective_mm=corrective,
        )

    @property
    def identity_size(self) -> int:
        """Number of identity coefficients."""
        return len(self.identity_mm)

    @property
    def expression_size(self) -> int:
        """Number of expressions."""
        return len(self.expression_mm)

    def points(
        self,
        identity: Float[np.ndarray, "photos identity"],
        expression: Float[np.ndarray, "photos expressions"],
    ) -> Float[np.ndarray, "photos points 3"]:
        """Points of faces in the model frame."""
        both = np.concatenate((expression, identity), axis=1).astype(self.mean_mm.dtype, copy=False)
        found = self.mean_mm + (both @ self._flat_modes).reshape(-1, *self.mean_mm.shape)
        if len(self._touched):
            active = expression[:, self.corrected].astype(found.dtype, copy=False)
            found[:, self._touched] += (self._extra_of(identity) @ active[:, None, :, None])[
                ..., 0
            ].transpose(0, 2, 1)
        return found

    def turned_modes(
        self,
        rotation: Float[np.ndarray, "photos rows 3"],
        identity: Float[np.ndarray, "photos identity"],
        expression: Float[np.ndarray, "photos expressions"],
        *,
        of_identity: bool = True,
    ) -> Float[np.ndarray, "photos rows points modes"]:
        """Derivatives of turned points by expressions and then, if wanted, by identity coefficients."""
        count, rows = rotation.shape[:2]
        wanted = self._modes if of_identity else self._expression_modes
        rotation = rotation.astype(wanted.dtype, copy=False)
        turned = (rotation @ wanted.reshape(3, -1)).reshape(count, rows, *wanted.shape[1:])
        if not len(self._touched):
            return turned
        extra = self._extra_of(identity).reshape(count, 3, len(self._touched) * len(self.corrected))
        places = np.ix_(np.arange(count), np.arange(rows), self._touched, self.corrected)
        turned[places] += (rotation @ extra).reshape(count, rows, len(self._touched), len(self.corrected))
        if of_identity:
            active = expression[:, self.corrected].astype(wanted.dtype, copy=False)
            moved = (active @ self._by_expression).reshape(count, 3, len(self._touched) * self.identity_size)
            by_identity = (rotation @ moved).reshape(count, rows, len(self._touched), self.identity_size)
            turned[:, :, self._touched, self.expression_size :] += by_identity
        return turned

    def _extra_of(
        self, identity: Float[np.ndarray, "photos identity"]
    ) -> Float[np.ndarray, "photos 3 touched corrected"]:
        """What corrected expressions do besides, on given faces."""
        moved = identity.astype(self.mean_mm.dtype, copy=False) @ self._by_identity
        return moved.reshape(len(identity), 3, len(self._touched), len(self.corrected))

    @cached_property
    def _modes(self) -> Float[np.ndarray, "3 points modes"]:
        """All modes with the axis first, so that one product turns them all."""
        both = np.concatenate((self.expression_mm, self.identity_mm))
        return np.ascontiguousarray(both.transpose(2, 1, 0))

    @cached_property
    def _expression_modes(self) -> Float[np.ndarray, "3 points expressions"]:
        return np.ascontiguousarray(self.expression_mm.transpose(2, 1, 0))

    @cached_property
    def _flat_modes(self) -> Float[np.ndarray, "modes coordinates"]:
        both = np.concatenate((self.expression_mm, self.identity_mm))
        return both.reshape(len(both), -1)

    @cached_property
    def _touched(self) -> Int[np.ndarray, " touched"]:
        """Points that correctives move."""
        if self.corrective_mm is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero((self.corrective_mm != 0).any(axis=(0, 1, 3)))

    @cached_property
    def _by_identity(self) -> Float[np.ndarray, "identity moves"]:
        """Correctives of each identity mode, in the order of axes, touched points and expressions."""
        return self._at_touched.transpose(1, 3, 2, 0).reshape(self.identity_size, -1)

    @cached_property
    def _by_expression(self) -> Float[np.ndarray, "corrected moves"]:
        """Correctives of each expression, in the order of axes, touched points and identity modes."""
        return self._at_touched.transpose(0, 3, 2, 1).reshape(len(self.corrected), -1)

    @property
    def _at_touched(self) -> Float[np.ndarray, "corrected identity touched 3"]:
        if self.corrective_mm is None:
            return np.zeros((0, self.identity_size, 0, 3), self.mean_mm.dtype)
        return self.corrective_mm[:, :, self._touched]
