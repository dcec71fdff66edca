"""Filling what a photo does not show of a texture, without a visible seam."""

import math

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.geometry.resampling import halved, resized
from monoface.render.layout import TextureLayout
from monoface.render.unwrap import TextureMap

_BLOCK = 16
"""Texels to a block of the coarse grid on which differences are continued."""

_SHIFT_BLOCKS = 4
"""Blocks to a cell of the still coarser grid on which both halves of the face are brought into line."""

_LEAST_WEIGHT = 1e-6


def complete_texture(
    texture: TextureMap,
    layout: TextureLayout,
    fill: Float[np.ndarray, "verts 3"],
    share: Float[np.ndarray, " verts"] | None = None,
    continued: Float[np.ndarray, " verts"] | None = None,
) -> UInt8[np.ndarray, "size size 3"]:
    """Completes a texture from its other half and from given colours, and pads its charts.

    Everything is done with the difference to the fill, which explains the coarse shape of shade and
    colour. A hidden texel takes the difference of its mirror image, if the photo shows that, shifted
    smoothly so that both sides agree where they meet; else the smooth continuation of the differences
    around. Triangles that are not `usable` take the fill as it is.

    Args:
        texture: What `unwrap_photo` returned.
        layout: Texture space of the mesh.
        fill: Expected colours at vertices, sRGB: best the shaded albedo of the fitted face.
        share: How much of that difference to add, 0 to 1: all of it, if not given. Continued differences
            end at the seams of a chart, which show unless the share falls to 0 before them.
        continued: How far what the photo shows at vertices is continued to where it shows nothing, 0 to 1: in
            full, if not given. A mask is shown, but nothing around it has its colour.

    Returns:
        sRGB in 8 bits, everywhere: texels between charts repeat the nearest one.
    """
    from monoface.render import _kernels

    texels = [layout.face_index, layout.barycentric]
    texels += [np.ascontiguousarray(array) for array in (texture.image, texture.weight)]
    whole = np.ones(len(fill), np.float32)
    shares = [whole if one is None else one for one in (share, continued)]
    surface = [np.concat((fill, np.stack(shares, axis=1)), axis=1).astype(np.float32), layout.faces]
    coarse = layout.size // _BLOCK
    sums = np.empty((coarse, coarse, 4), dtype=np.float32)
    result = np.zeros((layout.size, layout.size, 3), dtype=np.uint8)

    def sum_differences(blocks: tuple[int, int]) -> None:
        rows = slice(blocks[0] * _BLOCK, blocks[1] * _BLOCK)
        _kernels.sum_differences(*surface, *[array[rows] for array in texels], _BLOCK, sums[slice(*blocks)])

    def blend(band: tuple[int, int]) -> None:
        rows = [array[slice(*band)] for array in (*texels, result)]
        differences = layout.usable, corrections, layout.mirrored
        _kernels.blend_layers(*surface, *differences, band[0], _BLOCK, *rows)

    bands = 4 * count_bands(1)
    run_for_each(sum_differences, band_limits(coarse, bands))
    corrections = _corrections(sums, layout.mirrored)
    run_for_each(blend, band_limits(layout.size, bands))
    layout.pad(result)
    return result


def _corrections(
    sums: Float[np.ndarray, "rows columns 4"], mirrored: bool
) -> Float[np.ndarray, "rows columns 6"]:
    """For each block: shift of the mirrored differences, then the continued differences.

    Args:
        sums: Weighted sums of the differences over blocks, and of the weights.
        mirrored: Whether hidden texels may take the differences of their mirror images.
    """
    weight = sums[..., 3:] / _BLOCK**2
    difference = sums[..., :3] / sums[..., 3:].clip(_LEAST_WEIGHT)
    if not mirrored:
        continued = extend_smoothly(difference, weight)
        return np.concat((np.zeros_like(continued), continued), axis=-1)
    # Where both sides are seen they differ in light, smoothly, and in detail, which is not to be shifted.
    seen_on_both = weight * weight[:, ::-1]
    shift = extend_smoothly(difference - difference[:, ::-1], seen_on_both, detail=1 / _SHIFT_BLOCKS)
    other, other_weight = difference[:, ::-1] + shift, weight[:, ::-1]
    either = weight + (1 - weight) * other_weight
    blended = weight * difference + (1 - weight) * other_weight * other
    continued = extend_smoothly(blended / either.clip(_LEAST_WEIGHT), either)
    return np.concat((shift, continued), axis=-1)


def extend_smoothly(
    values: Float[np.ndarray, "height width channels"],
    weight: Float[np.ndarray, "height width 1"],
    detail: float = 1.0,
) -> Float[np.ndarray, "height width channels"]:
    """Smooth values everywhere, close to the given ones where their weight is near one.

    Averages down to one value, weighted, and comes back up putting finer values, as far as their weight
    goes, over the coarser ones. All weights zero give zeros.

    Args:
        values: Values on a grid.
        weight: How far to keep each, 0 to 1.
        detail: Share of the resolution to keep: below 1, averages over 1 / detail cells are extended.

    Reference:
        Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4 (push-pull).
    """
    weighted = values * weight
    for _ in range(round(-math.log2(detail))):
        weighted, weight = _halve(weighted, weight)
    return resized(_push_pull(weighted, weight), values.shape[:2], "bicubic")


def _push_pull(
    weighted: Float[np.ndarray, "rows columns channels"], weight: Float[np.ndarray, "rows columns 1"]
) -> Float[np.ndarray, "rows columns channels"]:
    if max(weight.shape[:2]) == 1:
        return weighted / weight.clip(_LEAST_WEIGHT)
    coarse = _push_pull(*_halve(weighted, weight))
    return weighted + (1 - weight) * resized(coarse, weight.shape[:2], "bilinear")


def _halve(
    weighted: Float[np.ndarray, "rows columns channels"], weight: Float[np.ndarray, "rows columns 1"]
) -> tuple[
    Float[np.ndarray, "half_rows half_columns channels"], Float[np.ndarray, "half_rows half_columns 1"]
]:
    down, down_weight = halved(weighted), halved(weight)
    # Weights saturate: a quarter of the area seen well determines the coarser value.
    saturated = (4 * down_weight).clip(None, 1)
    return down * (saturated / down_weight.clip(_LEAST_WEIGHT)), saturated
