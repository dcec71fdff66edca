"""Third verb: colours of a texture, at pixels."""

from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from monoface.raster._backends import backend_for
from monoface.raster.fragments import Fragments

if TYPE_CHECKING:
    from torch import Tensor
else:
    # So that the package can be imported without PyTorch.
    Tensor = Any


def texture(
    image: Float[Tensor, "#batch channels rows columns"],
    uv: Float[Tensor, "batch height width 2"],
    uv_derivatives: Float[Tensor, "batch height width 2 2"] | None = None,
) -> Float[Tensor, "batch height width channels"]:
    """Samples a texture at interpolated texture coordinates.

    Bilinear; with derivatives trilinear: between the two halved copies of the texture whose texels are
    about as large as the pixel's longer side, so that drawing a texture smaller neither flickers nor
    leaves texels without a gradient. Differentiable with respect to texture and coordinates; the choice
    of the copies has no gradient. Texel (0, 0) covers the square from (0, 0) to (1 / columns, 1 / rows)
    and has its colour at the middle; outside the texture its border continues.

    Args:
        image: The texture, in any channels; one may serve the whole batch.
        uv: Coordinates in [0, 1], origin at the top left as in glTF.
        uv_derivatives: What `uv_derivatives` returned.

    Raises:
        ValueError: If the types of texture and coordinates differ.
    """
    import torch

    if image.dtype != uv.dtype:
        raise ValueError(f"image: expected {uv.dtype} as the coordinates are, got {image.dtype}")
    if uv_derivatives is None:
        sampled = torch.nn.functional.grid_sample(
            image.expand(len(uv), -1, -1, -1), 2 * uv - 1, padding_mode="border", align_corners=False
        )
        return sampled.movedim(1, -1)
    level = _levels(uv_derivatives, image.shape[-2:])
    copies = _halved_copies(image, int(level.max().ceil()) if level.numel() else 0)
    sizes = [(copy.shape[-2], copy.shape[-1]) for copy in copies]
    # All copies in one array, each texel's channels side by side.
    texels = torch.cat([copy.flatten(2) for copy in copies], dim=2).transpose(1, 2)
    return backend_for(uv).sample(texels.expand(len(uv), -1, -1), sizes, uv, level)


def uv_derivatives(
    uv: Float[Tensor, "batch height width 2"], fragments: Fragments
) -> Float[Tensor, "batch height width 2 2"]:
    """Change of texture coordinates (first) by a step of a pixel to the right and down (second).

    Of the differences to both neighbours the smaller one: across a seam of the texture or a silhouette
    one of them jumps. Zero where neither neighbour shows a surface; without gradient.
    """
    import torch

    with torch.no_grad():
        steps = [_smaller_step(uv, fragments.mask, axis) for axis in (2, 1)]
    return torch.stack(steps, dim=-1)


def _smaller_step(uv: Tensor, mask: Tensor, axis: int) -> Tensor:
    """Of the steps from the pixel before and to the one after, along an axis, the one of lesser length."""
    import torch

    count = uv.shape[axis] - 1
    step = uv.narrow(axis, 1, count) - uv.narrow(axis, 0, count)
    on_surface = mask.narrow(axis, 1, count) & mask.narrow(axis, 0, count)
    length = torch.where(on_surface, step.square().sum(dim=-1), torch.inf)
    before, after = ((1, 0), (0, 1)) if axis == 2 else ((0, 0, 1, 0), (0, 0, 0, 1))
    pad = torch.nn.functional.pad
    length_before, length_after = (pad(length, side, value=torch.inf) for side in (before, after))
    step_before, step_after = (pad(step, (0, 0, *side)) for side in (before, after))
    chosen = torch.where((length_before < length_after)[..., None], step_before, step_after)
    known = torch.minimum(length_before, length_after).isfinite()
    return torch.where(known[..., None], chosen, chosen.new_zeros(()))


def _levels(derivatives: Tensor, size: tuple[int, ...]) -> Tensor:
    """How often to halve the texture for each pixel, with a fraction; 0 where texels are no smaller."""
    rows, columns = size
    texels = derivatives.detach() * derivatives.new_tensor((columns, rows))[:, None]
    squared = texels.square().sum(dim=-2).amax(dim=-1)
    coarsest = (max(rows, columns) - 1).bit_length()
    return (0.5 * squared.nan_to_num().clamp_min(1).log2()).clamp_max(coarsest)


def _halved_copies(image: Tensor, count: int) -> list[Tensor]:
    """The texture, then copies whose texels are means of two by two of the one before."""
    import torch

    copies = [image]
    for _ in range(count):
        copies.append(torch.nn.functional.avg_pool2d(copies[-1], 2, ceil_mode=True, count_include_pad=False))
    return copies
