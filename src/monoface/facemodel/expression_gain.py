"""Expression weights that come out too timid, stretched where they are beyond those of faces at rest.

Networks that are trained by squared errors move wide mouths and shut eyes towards what is usual, and so do
their points. Where marked photos tell by how much, a weight w above rest becomes
rest + gain (w - rest). What faces at rest show is left alone: narrow eyes are not half shut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.refinement import RefinedFaces


@dataclass(frozen=True, eq=False)
class ExpressionGain:
    """What expression weights are stretched by.

    Attributes:
        rest: Weights up to which a face is at rest.
        gain: Factors; 1 leaves a weight as it is.
    """

    rest: Float[np.ndarray, " expressions"]
    gain: Float[np.ndarray, " expressions"]

    @classmethod
    def none(cls, expressions: int) -> Self:
        """Leaves all weights as they are."""
        return cls(np.zeros(expressions), np.ones(expressions))

    @classmethod
    def named(
        cls,
        names: Sequence[str],
        rest: Float[np.ndarray, " expressions"],
        gains: Mapping[str, float],
    ) -> Self:
        """Stretches the weights whose names begin with some words.

        Args:
            names: Of all weights.
            rest: Weights up to which a face is at rest.
            gains: Factors, by the beginning of the names.
        """
        gain = np.ones(len(names))
        for beginning, factor in gains.items():
            gain[[name.startswith(beginning) for name in names]] = factor
        return cls(np.asarray(rest, np.float64), gain)

    def __call__(self, faces: RefinedFaces) -> RefinedFaces:
        """Faces with stretched expressions; those that change stay within 0 to 1."""
        found = faces.poses.expression
        stretched = np.clip(self.rest + self.gain * (found - self.rest), 0, 1)
        beyond = (self.gain != 1) & (found > self.rest)
        poses = replace(faces.poses, expression=np.where(beyond, stretched, found))
        return replace(faces, poses=poses)
