"""Third verb: colours of a texture, at pixels."""

import torch
from jaxtyping import Float
from torch import Tensor


def texture(
    image: Float[Tensor, "#batch channels rows columns"], uv: Float[Tensor, "batch height width 2"]
) -> Float[Tensor, "batch height width channels"]:
    """Samples a texture bilinearly at interpolated texture coordinates.

    Differentiable with respect to both arguments. Texel (0, 0) covers the square from (0, 0) to
    (1 / columns, 1 / rows) and has its colour at the middle; outside the texture its border continues.
    There are no mip levels: faces are drawn about as large as their textures, or larger.

    Args:
        image: The texture, in any channels; one may serve the whole batch.
        uv: Coordinates in [0, 1], origin at the top left as in glTF.
    """
    sampled = torch.nn.functional.grid_sample(
        image.expand(len(uv), -1, -1, -1), 2 * uv - 1, padding_mode="border", align_corners=False
    )
    return sampled.movedim(1, -1)
