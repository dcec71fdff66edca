"""What a regressor says about crops."""

from dataclasses import dataclass
from typing import Generic

from jaxtyping import Float

from monoface.core.arrays import Array


@dataclass(frozen=True)
class Regressed(Generic[Array]):
    """All that a regressor says about crops.

    Attributes:
        output: Output vectors of its layout.
        log_error: Expected logarithm of the mean landmark error, as a fraction of the face's size.
        points: Where points of the face are: x and y in parts of the crop's side, from its left upper corner,
            and the logarithm of their standard deviation in the same unit. None of a network without points.
    """

    output: Float[Array, "batch outputs"]
    log_error: Float[Array, " batch"]
    points: Float[Array, "batch points 3"]
