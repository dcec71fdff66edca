"""The landmark map: points drawn into a picture of their own, which networks see beside the RGB channels.

A map is a channel like the others, in [0, 1]: 0 where there is nothing, 1 at a landmark. The regressor
takes its input as 2 x - 1, so the map arrives there as the published -1 and 1. A map without any point is
valid: it says that nothing is known.
"""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, cast, constant, detached, filled, namespace
from monoface.networks.configs import LandmarkMapConfig as LandmarkMapConfig

# A Gaussian is drawn up to so many standard deviations.
_REACH = 3.0


def landmark_map(
    points_px: Float[Array, "batch points 2"], size_px: int, config: LandmarkMapConfig
) -> Float[Array, "batch 1 size size"]:
    """Draw landmarks; where bumps overlap the higher one counts. No gradient reaches the points.

    Args:
        points_px: Landmarks in pixels of the crop. Rows that are not finite are not drawn.
        size_px: Side of the crop.
        config: How they are drawn.
    """
    xp, points = namespace(points_px), detached(points_px)
    points = cast(points, xp.zeros(0, dtype=xp.float32, device=points.device))
    drawn = xp.isfinite(points).all(-1)
    points = xp.where(drawn[..., None], points, 0.0)
    if config.outside == "clip":
        # The last pixel holds what lies short of the edge.
        points = points.clip(0.0, size_px - 1e-3)
    else:
        drawn = drawn & ((points >= 0) & (points < size_px)).all(-1)

    radius = 0 if config.kind == "hard" else int(_REACH * config.sigma_px + 0.5)
    pixel = xp.asarray(xp.floor(points), dtype=xp.int64)[..., None]
    pixel = pixel + constant(range(-radius, radius + 1), pixel)
    inside = (pixel >= 0) & (pixel < size_px) & drawn[..., None, None]
    if config.kind == "hard":
        height = cast(inside, points)
    else:
        offset = pixel + 0.5 - points[..., None]
        height = cast(xp.exp(-0.5 * xp.square(offset / config.sigma_px)) * inside, points)
    # Bumps are products of a row and a column: (batch, points, rows, columns).
    bumps = height[..., 1, :, None] * height[..., 0, None, :]
    place = pixel.clip(0, size_px - 1)
    flat = place[..., 1, :, None] * size_px + place[..., 0, None, :]
    count = len(points), bumps.shape[1] * bumps.shape[2] * bumps.shape[3]
    picture = _highest(flat.reshape(count), bumps.reshape(count), size_px * size_px)
    return picture.reshape((len(points), 1, size_px, size_px))


def _highest(place: Array, height: Array, size: int) -> Array:
    """For each row the highest of the heights at each place; zero where there are none."""
    picture = filled((len(place), size), 0.0, height)
    if isinstance(picture, np.ndarray):
        np.maximum.at(picture, (np.arange(len(place))[:, None], place), height)
        return picture
    return picture.scatter_reduce(1, place, height, "amax")


def with_landmark_map(
    image: Float[Array, "batch 3 size size"],
    points_px: Float[Array, "batch points 2"] | None,
    config: LandmarkMapConfig,
) -> Float[Array, "batch 4 size size"]:
    """Crops with the map of their landmarks as fourth channel, or with an empty map for None."""
    size = image.shape[-1]
    if points_px is None:
        drawn = filled((len(image), 1, size, size), 0.0, image)
    else:
        drawn = cast(landmark_map(points_px, size, config), image)
    return namespace(image).concat((image, drawn), 1)
