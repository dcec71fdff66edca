"""What the eye network sees, what it looks like and what it puts out: without PyTorch."""

from dataclasses import dataclass
from typing import Final

from monoface.core.arrays import Array
from monoface.core.errors import ConfigError

EYES_ASSET: Final = "eyes"
"""Name of the shipped weights."""

EYE_CROP_SIDES: Final = 2.0
"""Width of the network's crop in widths of an eye."""

EYE_HEIGHT_PX, EYE_WIDTH_PX = 28, 40
"""Size of its crop: the middle rows of a square of the width."""

EYE_POINTS: Final = ("outer", "inner", "upper outer", "upper inner", "lower inner", "lower outer")
"""Points of an eye: its corners, and two of each lid."""

EYE_SHAPES: Final = (
    "eyeBlink", "eyeSquint", "eyeWide", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut",
)  # fmt: skip
"""ARKit's expressions of one eye, without the side."""

_POINTS = 2 * len(EYE_POINTS)
MARKED, MESHED = slice(0, _POINTS), slice(_POINTS, 2 * _POINTS)
IRIS = slice(MESHED.stop, MESHED.stop + 2)
SHAPES = slice(IRIS.stop, IRIS.stop + len(EYE_SHAPES))
"""Which outputs are what: points as people mark them and as the face landmarker does, in widths of an eye
from the middle of the crop; the middle of the iris, likewise; logits of `EYE_SHAPES`."""


@dataclass(frozen=True)
class EyeCalibration:
    """What is true against what a network finds, which shrinks what it is unsure of towards the mean.

    Attributes:
        gap_factor: Of the gap between the lids, as people mark it against what is found.
        gap_offset: Likewise, in widths of an eye.
        blink_gain: By how much a blink goes beyond `REST` against what is found.
    """

    gap_factor: float = 1.0
    gap_offset: float = 0.0
    blink_gain: float = 1.0


REST: Final = 0.2
"""Blinks up to which an eye is at rest: those are left as they are found."""


@dataclass(frozen=True)
class EyeNetworkConfig:
    """What the network looks like.

    Attributes:
        widths: Channels of the convolutions; every second one, from the first on, halves the size.
        features: Numbers before the output.
    """

    widths: tuple[int, ...] = (16, 24, 32, 32, 48, 64, 64)
    features: int = 96

    def __post_init__(self) -> None:
        if not 1 <= len(self.widths) <= 7 or min(*self.widths, self.features) < 1:
            raise ConfigError(
                "eye network: expected one to seven convolutions of positive widths, got "
                f"{self.widths} and {self.features} features."
            )

    @property
    def strided(self) -> tuple[tuple[int, int], ...]:
        """Channels and stride of each convolution."""
        return tuple((width, 2 - number % 2) for number, width in enumerate(self.widths))

    @property
    def flat(self) -> int:
        """Numbers that the last convolution puts out."""
        height, width = EYE_HEIGHT_PX, EYE_WIDTH_PX
        for _, stride in self.strided:
            height, width = -(-height // stride), -(-width // stride)
        return self.widths[-1] * height * width


def gap_of(points: Array) -> Array:
    """How far the lids of upright eyes are apart, (eyes,), below 0 where they cross.

    Args:
        points: (eyes, 6, 2); see `EYE_POINTS`.
    """
    return (points[:, 4:, 1] - points[:, 2:4, 1]).mean(-1)
