"""Expression weights that a network answers too timidly, stretched about their values at rest.

Networks that are trained by squared errors move wide mouths and shut eyes towards what is usual. Where marked
photos tell by how much, a weight w becomes rest + gain (w - rest).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.evidence import Poses


@dataclass(frozen=True, eq=False)
class ExpressionGain:
    """What expression weights are stretched by.

    Attributes:
        rest: Weights of a face at rest.
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
            rest: Weights of a face at rest.
            gains: Factors, by the beginning of the names.
        """
        gain = np.ones(len(names))
        for beginning, factor in gains.items():
            gain[[name.startswith(beginning) for name in names]] = factor
        return cls(np.asarray(rest, np.float64), gain)

    def __call__(self, poses: Poses) -> Poses:
        """Poses with stretched expressions, of those that change within 0 to 1."""
        stretched = np.clip(self.rest + self.gain * (poses.expression - self.rest), 0, 1)
        return replace(poses, expression=np.where(self.gain == 1, poses.expression, stretched))
