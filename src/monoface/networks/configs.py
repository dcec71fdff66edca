"""What networks look like: known before they are built, and without PyTorch."""

from dataclasses import dataclass, field
from typing import Literal

from monoface.core.errors import ConfigError

_STAGE_WIDTHS = (64, 128, 256, 512)
LARGEST_CROP_PX = 1024
"""Largest side of the square crops that a network may be made for: a file could else ask for any memory."""

# Far beyond any published network (ResNet-152 has 36 blocks in its longest stage).
_MOST_BLOCKS, _LARGEST_WIDTH = 128, 32


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of a residual network.

    Attributes:
        blocks: Residual blocks of each of the four stages: (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3)
            ResNet-34 or, with bottlenecks, ResNet-50.
        width: Channels against the published ones; 0.5 halves them.
        bottleneck: Whether blocks squeeze their channels by four between two 1x1 convolutions.
        in_channels: 3 for RGB; more when maps are stacked on it.
        last_stride: Stride of the last stage; 2DASL uses 1.
    """

    blocks: tuple[int, int, int, int] = (2, 2, 2, 2)
    width: float = 0.5
    bottleneck: bool = False
    in_channels: int = 3
    last_stride: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        if not self.width > 0 or min(self.blocks) < 1 or self.in_channels < 1:
            raise ConfigError(
                "residual network: expected positive width, blocks and channels, "
                f"got {self.width}, {self.blocks} and {self.in_channels}."
            )
        if self.width > _LARGEST_WIDTH or max(self.blocks) > _MOST_BLOCKS:
            raise ConfigError(
                f"residual network: expected a width of at most {_LARGEST_WIDTH} and at most {_MOST_BLOCKS} "
                f"blocks a stage, got {self.width} and {self.blocks}."
            )

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Inner channels of the four stages, in multiples of eight."""
        return tuple(max(8, round(width * self.width / 8) * 8) for width in _STAGE_WIDTHS)

    @property
    def features(self) -> int:
        """Length of the feature vector."""
        return self.stage_channels[-1] * (4 if self.bottleneck else 1)

    def map_side(self, size_px: int) -> int:
        """Side of the feature map of square pictures."""
        for stride in (2, 2, 1, 2, 2, self.last_stride):
            size_px = -(-size_px // stride)
        return size_px


@dataclass(frozen=True)
class LandmarkMapConfig:
    """How landmarks are drawn.

    Attributes:
        kind: `hard` sets the pixel that holds a point, as published; `gauss` draws a bump, which also says
            where in the pixel the point lies.
        sigma_px: Standard deviation of the bump.
        outside: What happens to points outside the crop: `clip` moves them to its border, as published,
            `drop` leaves them out. Points that are not finite are invisible and never drawn.
    """

    kind: Literal["hard", "gauss"] = "gauss"
    sigma_px: float = 1.5
    outside: Literal["clip", "drop"] = "drop"

    def __post_init__(self) -> None:
        if self.sigma_px <= 0:
            raise ConfigError(f"landmark map: expected a positive sigma_px, got {self.sigma_px}.")

    @classmethod
    def published(cls) -> "LandmarkMapConfig":
        """As 2DASL's test code draws them."""
        return cls(kind="hard", outside="clip")


@dataclass(frozen=True)
class RegressorConfig:
    """What a regressor looks like.

    Attributes:
        outputs: Length of the output vector: `CoefficientLayout.size`.
        size_px: Side of the square crops it is trained on.
        backbone: The network that computes features.
        landmark_map: How the map in its fourth channel is drawn; None if it sees RGB alone.
        points: How many points of the face it finds in the picture, each with an uncertainty of its own.
    """

    outputs: int
    size_px: int = 120
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    landmark_map: LandmarkMapConfig | None = None
    points: int = 0

    def __post_init__(self) -> None:
        if self.landmark_map is not None and self.backbone.in_channels != 4:
            raise ConfigError(
                "regressor: expected 4 input channels for RGB and a landmark map, "
                f"got {self.backbone.in_channels}."
            )
        if self.points < 0:
            raise ConfigError(f"regressor: expected a number of points of at least 0, got {self.points}.")
        if not 1 <= self.size_px <= LARGEST_CROP_PX:
            raise ConfigError(
                f"regressor: expected crops of 1 to {LARGEST_CROP_PX} pixels, got {self.size_px}."
            )


PARSING_CLASSES = ("background", "skin", "hair", "eyes", "nose", "mouth", "occluder")
"""Names of the class indices.

Skin includes ears, neck and beard; brows are hair; lips and what an open mouth shows are mouth; an occluder
is whatever covers a part of the head and does not belong to it, glasses included.
"""


SKIN_CLASSES = (PARSING_CLASSES.index("skin"), PARSING_CLASSES.index("nose"))
"""Which of them are bare skin."""


@dataclass(frozen=True)
class ParserConfig:
    """What a parser looks like.

    Attributes:
        size_px: Side of the square crops it is trained on.
        widths: Channels at a half, a quarter, an eighth and a sixteenth of the crop's size.
        deep_blocks: Residual blocks at the smallest size, where a pixel sees the whole face.
    """

    size_px: int = 128
    widths: tuple[int, int, int, int] = (24, 48, 96, 144)
    deep_blocks: int = 2

    def __post_init__(self) -> None:
        if self.deep_blocks > _MOST_BLOCKS or self.size_px > LARGEST_CROP_PX:
            raise ConfigError(
                f"parser: expected at most {_MOST_BLOCKS} deep blocks and crops of at most {LARGEST_CROP_PX} "
                f"pixels, got {self.deep_blocks} and {self.size_px}."
            )
        if self.size_px < 16 or self.size_px % 16 or min(self.widths) < 1 or self.deep_blocks < 1:
            raise ConfigError(
                "parser: expected a size in multiples of 16, positive widths and at least one deep block, "
                f"got {self.size_px}, {self.widths} and {self.deep_blocks}."
            )
