"""Filling what a photo does not show of a texture, without a visible seam."""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
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
    fill: Float[Tensor, "verts 3"],
    share: Float[Tensor, " verts"] | None = None,
    continued: Float[Tensor, " verts"] | None = None,
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

    texels = [layout.face_index.numpy(), layout.barycentric.numpy()]
    texels += [tensor.contiguous().numpy() for tensor in (texture.image, texture.weight)]
    whole = torch.ones(len(fill))
    shares = [whole if one is None else one for one in (share, continued)]
    surface = [torch.cat((fill, torch.stack(shares, dim=1)), dim=1).float().numpy(), layout.faces.numpy()]
    coarse = layout.size // _BLOCK
    sums = np.empty((coarse, coarse, 4), dtype=np.float32)
    result = np.zeros((layout.size, layout.size, 3), dtype=np.uint8)

    def sum_differences(blocks: tuple[int, int]) -> None:
        rows = slice(blocks[0] * _BLOCK, blocks[1] * _BLOCK)
        _kernels.sum_differences(*surface, *[array[rows] for array in texels], _BLOCK, sums[slice(*blocks)])

    def blend(band: tuple[int, int]) -> None:
        rows = [array[slice(*band)] for array in (*texels, result)]
        differences = layout.usable.numpy(), corrections, layout.mirrored
        _kernels.blend_layers(*surface, *differences, band[0], _BLOCK, *rows)

    bands = 4 * count_bands(1)
    run_for_each(sum_differences, band_limits(coarse, bands))
    corrections = _corrections(torch.from_numpy(sums), layout.mirrored).numpy()
    run_for_each(blend, band_limits(layout.size, bands))
    layout.pad(result)
    return result


def _corrections(sums: Tensor, mirrored: bool) -> Tensor:
    """For each block: shift of the mirrored differences, then the continued differences.

    Args:
        sums: Weighted sums of the differences over blocks, and of the weights.
        mirrored: Whether hidden texels may take the differences of their mirror images.
    """
    weight = sums[..., 3:] / _BLOCK**2
    difference = sums[..., :3] / sums[..., 3:].clamp_min(_LEAST_WEIGHT)
    if not mirrored:
        continued = extend_smoothly(difference, weight)
        return torch.cat((torch.zeros_like(continued), continued), dim=-1).contiguous()
    # Where both sides are seen they differ in light, smoothly, and in detail, which is not to be shifted.
    seen_on_both = weight * weight.flip(1)
    shift = extend_smoothly(difference - difference.flip(1), seen_on_both, detail=1 / _SHIFT_BLOCKS)
    other, other_weight = difference.flip(1) + shift, weight.flip(1)
    either = weight + (1 - weight) * other_weight
    blended = weight * difference + (1 - weight) * other_weight * other
    continued = extend_smoothly(blended / either.clamp_min(_LEAST_WEIGHT), either)
    return torch.cat((shift, continued), dim=-1).contiguous()


def extend_smoothly(
    values: Float[Tensor, "height width channels"],
    weight: Float[Tensor, "height width 1"],
    detail: float = 1.0,
) -> Float[Tensor, "height width channels"]:
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
    size = values.shape[:2]
    weighted, weight = (values * weight).movedim(-1, 0)[None], weight.movedim(-1, 0)[None]
    for _ in range(round(-math.log2(detail))):
        weighted, weight = _halve(weighted, weight)
    smooth = _push_pull(weighted, weight)
    if smooth.shape[-2:] != size:
        smooth = torch.nn.functional.interpolate(smooth, size=size, mode="bicubic", align_corners=False)
    return smooth[0].movedim(0, -1)


def _push_pull(weighted: Tensor, weight: Tensor) -> Tensor:
    if max(weight.shape[-2:]) == 1:
        return weighted / weight.clamp_min(_LEAST_WEIGHT)
    coarse = _push_pull(*_halve(weighted, weight))
    up = torch.nn.functional.interpolate(coarse, size=weight.shape[-2:], mode="bilinear", align_corners=False)
    return weighted + (1 - weight) * up


def _halve(weighted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    down = torch.nn.functional.avg_pool2d(torch.cat((weighted, weight), dim=1), 2, ceil_mode=True)
    # Weights saturate: a quarter of the area seen well determines the coarser value.
    saturated = (4 * down[:, -1:]).clamp_max(1)
    return down[:, :-1] * (saturated / down[:, -1:].clamp_min(_LEAST_WEIGHT)), saturated
