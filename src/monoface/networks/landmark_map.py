"""The landmark map: points drawn into a picture of their own, which networks see beside the RGB channels.

A map is a channel like the others, in [0, 1]: 0 where there is nothing, 1 at a landmark. The regressor
takes its input as 2 x - 1, so the map arrives there as the published -1 and 1. A map without any point is
valid: it says that nothing is known.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.errors import ConfigError

# A Gaussian is drawn up to so many standard deviations.
_REACH = 3.0


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


def landmark_map(
    points_px: Float[Tensor, "batch points 2"], size_px: int, config: LandmarkMapConfig
) -> Float[Tensor, "batch 1 size size"]:
    """Draw landmarks; where bumps overlap the higher one counts. No gradient reaches the points.

    Args:
        points_px: Landmarks in pixels of the crop. Rows that are not finite are not drawn.
        size_px: Side of the crop.
        config: How they are drawn.
    """
    points = points_px.detach().float()
    drawn = points.isfinite().all(dim=-1)
    points = torch.where(drawn[..., None], points, 0.0)
    if config.outside == "clip":
        # The last pixel holds what lies short of the edge.
        points = points.clamp(0.0, size_px - 1e-3)
    else:
        drawn = drawn & ((points >= 0) & (points < size_px)).all(dim=-1)

    radius = 0 if config.kind == "hard" else int(_REACH * config.sigma_px + 0.5)
    steps = torch.arange(-radius, radius + 1, device=points.device)
    pixel = points.floor().long()[..., None] + steps
    inside = (pixel >= 0) & (pixel < size_px) & drawn[..., None, None]
    if config.kind == "hard":
        height = inside.float()
    else:
        offset = pixel + 0.5 - points[..., None]
        height = (-0.5 * (offset / config.sigma_px).square()).exp() * inside
    # Bumps are products of a row and a column: (batch, points, rows, columns).
    bumps = height[..., 1, :, None] * height[..., 0, None, :]
    place = pixel.clamp(0, size_px - 1)
    flat = place[..., 1, :, None] * size_px + place[..., 0, None, :]
    picture = bumps.new_zeros(len(points), size_px * size_px)
    picture.scatter_reduce_(1, flat.flatten(1), bumps.flatten(1), "amax")
    return picture.unflatten(1, (1, size_px, size_px))


def with_landmark_map(
    image: Float[Tensor, "batch 3 size size"],
    points_px: Float[Tensor, "batch points 2"] | None,
    config: LandmarkMapConfig,
) -> Float[Tensor, "batch 4 size size"]:
    """Crops with the map of their landmarks as fourth channel, or with an empty map for None."""
    size = image.shape[-1]
    stacked = image.new_empty(len(image), 4, size, size).to(memory_format=torch.channels_last)
    stacked[:, :3] = image
    stacked[:, 3:] = 0.0 if points_px is None else landmark_map(points_px, size, config).to(image)
    return stacked
