"""What the stage is told by whoever knows marked profiles: evidence of people to learn from, and a score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, UInt8

from monoface.training.likeness.people_map import KnownPeople

# Wanted of a shape from one frontal photo, in percent, with some room for people who are not these; and of
# the spread of shapes, in mm.
_KNOWS, _OVER = 57.0, 73.0
_SPREAD_MM = (1.5, 2.2)
# What is more than wanted counts so much less.
_MORE = 0.2


@dataclass(frozen=True)
class ProfileScore:
    """How well shapes fit the marked profiles of the same people.

    Attributes:
        knows_percent: Way from the mean face to a fit of those profiles.
        over_another_percent: The same, from another person's shape.
        spread_mm: Mean distance of the shapes from their mean.
    """

    knows_percent: float
    over_another_percent: float
    spread_mm: float

    @property
    def worth(self) -> float:
        """One number to choose by: the worse of both against what is wanted, then the mean of both."""
        parts = _enough(self.knows_percent / _KNOWS), _enough(self.over_another_percent / _OVER)
        low, high = _SPREAD_MM
        outside = max(low - self.spread_mm, self.spread_mm - high, 0.0)
        return min(parts) + 0.25 * sum(parts) - outside

    def __str__(self) -> str:
        return (
            f"knows {self.knows_percent:.1f} %, over another's {self.over_another_percent:.1f} %, "
            f"spread {self.spread_mm:.2f} mm"
        )


def _enough(part: float) -> float:
    return min(part, 1 + _MORE * (part - 1))


class ScanJudge(Protocol):
    """A head whose shape was measured.

    Attributes:
        name: What it is called.
        pictures: Photos of it.
    """

    name: str
    pictures: Sequence[UInt8[np.ndarray, "height width 3"]]

    def __call__(self, identity: Float[np.ndarray, " identity"]) -> float:
        """Median distance of the head to a neutral shape, in mm."""
        ...


class ProfileJudge(Protocol):
    """Validation people whose profiles are marked.

    Attributes:
        people: Their numbers in the source.
    """

    people: Sequence[int]

    def __call__(self, identity: Float[np.ndarray, "people identity"]) -> ProfileScore:
        """Score shapes of these people, in their order."""
        ...

    def apart_mm(
        self, first: Float[np.ndarray, "faces identity"], second: Float[np.ndarray, "faces identity"]
    ) -> Float[np.ndarray, " faces"]:
        """How far neutral shapes lie apart, once turn, shift and size are taken off."""
        ...


class ProfileTeacher(Protocol):
    """Training people whose profiles are marked.

    Attributes:
        people: Their numbers in the source.
    """

    people: Sequence[int]

    def __call__(self, identity: Float[np.ndarray, "people identity"]) -> KnownPeople:
        """What the profiles say of these people, linearised around identities."""
        ...
