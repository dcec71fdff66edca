"""Which photos a map may be asked about: those that look like the photos it was fitted to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from monoface.core.errors import ConfigError

TURN_DEG: Final = "turn_deg"
"""Input that tells how far a face is turned from the camera, in degrees, one number."""


@dataclass(frozen=True, eq=False)
class InputDomain:
    """A Gaussian of an input over ordinary photos, and how trust falls outside of it.

    In many dimensions hardly anything lies near the mean, and pictures of another kind may lie nearer to it
    than photos do. So there is a direction towards known pictures of another kind, too.

    Attributes:
        name: Of the input that is watched.
        centre: Its mean over photos.
        precision: Inverse of its covariance.
        strange: Direction in which pictures of another kind lie; photos have unit variance along it.
        distance: Distances of the input from the mean up to which, and from which on, nothing and all of the
            trust is lost. Over ordinary photos their root mean square is 1.
        strangeness: The same of how far along that direction the input lies.
        turn_deg: The same for how far the face is turned from the camera.
    """

    name: str
    centre: Float[np.ndarray, " numbers"]
    precision: Float[np.ndarray, "numbers numbers"]
    strange: Float[np.ndarray, " numbers"]
    distance: tuple[float, float]
    strangeness: tuple[float, float]
    turn_deg: tuple[float, float]

    def __post_init__(self) -> None:
        for name in ("distance", "strangeness", "turn_deg"):
            near, far = getattr(self, name)
            if not near < far:
                raise ConfigError(f"input domain: expected {name} that grows, got {near} to {far}.")

    @property
    def inputs(self) -> tuple[tuple[str, int], ...]:
        """Name and length of what it must see."""
        return ((self.name, len(self.centre)), (TURN_DEG, 1))

    def distances(self, values: Float[np.ndarray, "photos numbers"]) -> Float[np.ndarray, " photos"]:
        """Mahalanobis distances from the mean, over the root of how many numbers there are."""
        off = values - self.centre
        squared: np.ndarray = ((off @ self.precision) * off).sum(axis=1) / len(self.centre)
        return np.sqrt(np.maximum(squared, 0))

    def strangenesses(self, values: Float[np.ndarray, "photos numbers"]) -> Float[np.ndarray, " photos"]:
        """How far inputs lie towards pictures of another kind, in standard deviations of photos."""
        found: np.ndarray = (values - self.centre) @ self.strange
        return found

    def trust(self, seen: Mapping[str, Float[np.ndarray, "photos _"]]) -> Float[np.ndarray, " photos"]:
        """How far each photo is to be believed, from 0 to 1.

        Args:
            seen: At least the inputs, by name.
        """
        values, turned = seen[self.name], np.abs(seen[TURN_DEG][:, 0])
        near = _falling(self.distances(values), *self.distance)
        alike = _falling(self.strangenesses(values), *self.strangeness)
        return near * alike * _falling(turned, *self.turn_deg)


def _falling(value: Float[np.ndarray, " photos"], near: float, far: float) -> Float[np.ndarray, " photos"]:
    """1 up to `near`, 0 from `far` on, smooth between."""
    part = np.clip((far - value) / (far - near), 0, 1)
    smooth: np.ndarray = part * part * (3 - 2 * part)
    return smooth
