"""One texture from what several photos show of one face, in the light and exposure of one of them.

First each photo is brought to the brightness and colour of the reference where both show the same skin.
Then coarse colours are blended over wide transitions, so that differences of light between photos leave no
edge, and detail is taken from the photo that sees it best, so that small errors of the fits do not blur it.

Reference:
    Burt and Adelson, "A Multiresolution Spline with Application to Image Mosaics", TOG 1983; two bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array
from monoface.render import TextureMap, extend_smoothly
from monoface.shading import linear_to_srgb, srgb_to_linear
from monoface.texturing.filling import lower_median

# Coarse colours have so many cells along the texture's side: on a face they are about two centimetres wide.
_COARSE_CELLS = 16

# Detail comes from the photo of the highest quality: the fourth power leaves a narrow transition.
_DETAIL_POWER = 4

# Texels that two photos show so well are compared; every fourth row and column of them.
_COMPARED_WEIGHT, _COMPARED_STEP = 0.5, 4
_DARKEST, _BRIGHTEST = 0.02, 0.95

# Compared texels that weigh as much as what the fitted lights say of the exposures.
_PRIOR_TEXELS = 50.0


@dataclass(frozen=True, eq=False)
class SeenTexture(Generic[Array]):
    """What one photo shows.

    Attributes:
        shown: Its texels.
        quality: How well they are seen, 0 to 1: by angle and resolution. Zero where the weight is.
        brightness: Of its light, for each channel of linear RGB: a guess of its exposure against the others.
    """

    shown: TextureMap
    quality: Float[Array, "size size"]
    brightness: Float[Array, " 3"]


def merge_textures(photos: Sequence[SeenTexture], reference: int) -> TextureMap:
    """Blend what several photos show.

    Args:
        photos: At least one.
        reference: The one whose light and exposure the texture has.

    Returns:
        Colours, and the weight with which any of the photos shows them.
    """
    gains = exposure_gains(photos, reference)
    # A photo whose colours must be changed much has clipped some and is noisy in others.
    faithful = np.exp(-np.abs(np.log(gains)).max(axis=1))
    quality = np.stack([one.quality for one in photos]) * faithful[:, None, None]
    total = quality.sum(axis=0)
    share = quality / total.clip(1e-6)
    sharp = quality**_DETAIL_POWER
    sharp = sharp / sharp.sum(axis=0).clip(1e-12)
    wide = _smoothed(np.moveaxis(share, 0, -1), (total > 0).astype(np.float32))
    wide = wide / wide.sum(axis=-1, keepdims=True).clip(1e-6)

    merged, hidden = np.zeros_like(photos[0].shown.image), np.ones_like(total)
    # One after the other, for all at once would take much memory.
    for place, (one, gain) in enumerate(zip(photos, gains, strict=True)):
        image = linear_to_srgb((srgb_to_linear(one.shown.image) * gain).clip(0, 1))
        hidden = hidden * (1 - one.shown.weight)
        coarse = _smoothed(image, one.shown.weight)
        merged += wide[..., place, None] * coarse + sharp[place, ..., None] * (image - coarse)
    seen = total > 0
    return TextureMap(merged.clip(0, 1) * seen[..., None], (1 - hidden) * seen)


def exposure_gains(photos: Sequence[SeenTexture], reference: int) -> Float[np.ndarray, "photos 3"]:
    """Factors of linear RGB that bring each photo to the reference, by least squares of their logarithms.

    Two photos are compared by the median ratio of the texels that both show; what the brightness of their
    light says is added with little weight, so that photos which share no texel have a gain too.
    """
    count = len(photos)
    step = slice(None, None, _COMPARED_STEP)
    colours = [srgb_to_linear(one.shown.image[step, step]).clip(1e-4) for one in photos]
    clear = [
        (one.shown.weight[step, step] > _COMPARED_WEIGHT)
        & (colour.min(axis=-1) > _DARKEST)
        & (colour.max(axis=-1) < _BRIGHTEST)
        for one, colour in zip(photos, colours, strict=True)
    ]
    guessed = np.log(np.stack([one.brightness for one in photos]).clip(1e-4))
    guessed = guessed[reference] - guessed
    # A weak pull to the guess, and a firm one of the reference to a gain of one.
    normal = _PRIOR_TEXELS * np.eye(count, dtype=np.float32)
    normal[reference, reference] += 1e6
    right = _PRIOR_TEXELS * guessed
    for first in range(count):
        for second in range(first + 1, count):
            common = clear[first] & clear[second]
            texels = float(common.sum())
            if not texels:
                continue
            ratio = lower_median(np.log(colours[second][common] / colours[first][common]))
            normal[first, first] += texels
            normal[second, second] += texels
            normal[first, second] -= texels
            normal[second, first] -= texels
            right[first] += texels * ratio
            right[second] -= texels * ratio
    return np.exp(np.linalg.solve(normal, right))


def _smoothed(
    values: Float[np.ndarray, "size size channels"], weight: Float[np.ndarray, "size size"]
) -> Float[np.ndarray, "size size channels"]:
    """Coarse colours everywhere, continued from where there are any."""
    detail = _COARSE_CELLS / len(values)
    return extend_smoothly(values, weight[..., None], detail=min(1.0, detail))
