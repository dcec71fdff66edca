"""What a few points of a face model's surface do: written once, for numpy and PyTorch."""

from typing import Generic

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import Array, numpy_of


class LinearPoints(Generic[Array]):
    """A face model's mean and bases at a few points of its surface, in millimetres.

    Points on the eyeballs do not turn here. `PointBasis` is one in PyTorch.

    Attributes:
        mean_mm: Points of the mean, neutral face.
        identity_mm: Offsets of identity modes.
        expression_mm: Offsets of expressions at weight 1, without correctives.
        corrected: Rows of the expressions that do more, depending on identity (see `Correctives`).
        corrective_mm: What they do besides.
        bounded: Whether expression weights lie in [0, 1], as of the face model.
    """

    mean_mm: Array
    identity_mm: Array
    expression_mm: Array
    corrected: Array
    corrective_mm: Array
    bounded: bool

    def in_numpy(self) -> "NumpyPoints":
        """The same in numpy, which shares its memory if it can."""
        names = ("mean_mm", "identity_mm", "expression_mm", "corrected", "corrective_mm")
        return NumpyPoints(*(numpy_of(getattr(self, name)) for name in names), bounded=self.bounded)

    @property
    def identity_size(self) -> int:
        """Number of identity coefficients."""
        return len(self.identity_mm)

    @property
    def expression_size(self) -> int:
        """Number of expression coefficients."""
        return len(self.expression_mm)

    def forward(
        self, identity: Float[Array, "batch identity"], expression: Float[Array, "batch expressions"]
    ) -> Float[Array, "batch points 3"]:
        """Points in the model frame, millimetres."""
        offsets = combined(identity, self.identity_mm) + combined(expression, self.expression_mm)
        points = self.mean_mm + offsets
        if len(self.corrected):
            points = points + corrective_offsets(identity, expression[:, self.corrected], self.corrective_mm)
        return points


class NumpyPoints(LinearPoints[np.ndarray]):
    """A face model at a few points of its surface in numpy; see `LinearPoints`."""

    def __init__(
        self,
        mean_mm: Float[np.ndarray, "points 3"],
        identity_mm: Float[np.ndarray, "identity points 3"],
        expression_mm: Float[np.ndarray, "expressions points 3"],
        corrected: Int[np.ndarray, " corrected"],
        corrective_mm: Float[np.ndarray, "corrected identity points 3"],
        *,
        bounded: bool,
    ) -> None:
        self.mean_mm = mean_mm
        self.identity_mm = identity_mm
        self.expression_mm = expression_mm
        self.corrected = corrected
        self.corrective_mm = corrective_mm
        self.bounded = bounded

    __call__ = LinearPoints.forward

    def moved(self, offset_mm: Float[np.ndarray, "points 3"]) -> "NumpyPoints":
        """The same points, each beside its place on the mean face by an offset in the model frame."""
        bases = self.identity_mm, self.expression_mm, self.corrected, self.corrective_mm
        return NumpyPoints(self.mean_mm + offset_mm, *bases, bounded=self.bounded)


def combined(
    coeffs: Float[Array, "batch modes"], modes: Float[Array, "modes points 3"]
) -> Float[Array, "batch points 3"]:
    """Sums of modes, each times its coefficient."""
    count, points, axes = modes.shape
    return (coeffs @ modes.reshape((count, points * axes))).reshape((len(coeffs), points, axes))


def corrective_offsets(
    identity: Float[Array, "batch identity"],
    weights: Float[Array, "batch corrected"],
    offsets_mm: Float[Array, "corrected identity points 3"],
) -> Float[Array, "batch points 3"]:
    """What corrected expressions of given weights add to the points of given people."""
    expressions, modes, points, axes = offsets_mm.shape
    pairs = (weights[:, :, None] * identity[:, None]).reshape((len(identity), expressions * modes))
    return combined(pairs, offsets_mm.reshape((expressions * modes, points, axes)))
