"""The definition of trilinear texture sampling, in plain PyTorch."""

import torch
from torch import Tensor

Sizes = list[tuple[int, int]]
"""Rows and columns of the copies of a texture that stand one after the other in an array of texels."""


def sample(texels: Tensor, sizes: Sizes, uv: Tensor, level: Tensor) -> Tensor:
    """Colours of pixels, between the copies below and above the level.

    Args:
        texels: (batch, texels of all copies, channels).
        sizes: Of the copies.
        uv: (batch, height, width, 2).
        level: (batch, height, width), from 0 to the number of copies less one.
    """
    finer = level.floor()
    coarser = (finer + 1).clamp_max(len(sizes) - 1)
    part = (level - finer)[..., None]
    first = _bilinear(texels, sizes, uv, finer.long())
    second = _bilinear(texels, sizes, uv, coarser.long())
    return first + part * (second - first)


def _bilinear(texels: Tensor, sizes: Sizes, uv: Tensor, level: Tensor) -> Tensor:
    table = torch.tensor(sizes, device=uv.device)
    offset = torch.nn.functional.pad(table.prod(dim=1).cumsum(0), (1, 0))[level]
    rows, columns = table[level].unbind(dim=-1)
    # Copies of odd sizes reach over the border, so their scale is that of the whole texture.
    scale = uv.new_tensor((sizes[0][1], sizes[0][0])) * torch.exp2(-level.to(uv.dtype))[..., None]
    last = torch.stack((columns, rows), dim=-1) - 1
    place = torch.minimum((uv * scale - 0.5).clamp_min(0), last.to(uv.dtype))
    corner = torch.minimum(place.detach().floor().long(), (last - 1).clamp_min(0))
    x, y = (place - corner).unbind(dim=-1)
    (left, top), right, down = corner.unbind(dim=-1), (columns > 1).long(), columns * (rows > 1)
    index = offset + top * columns + left
    batch = torch.arange(len(uv), device=uv.device)[:, None, None]
    upper_left, upper_right, lower_left, lower_right = (
        texels[batch, at] for at in (index, index + right, index + down, index + down + right)
    )
    upper = upper_left + x[..., None] * (upper_right - upper_left)
    lower = lower_left + x[..., None] * (lower_right - lower_left)
    return upper + y[..., None] * (lower - upper)
