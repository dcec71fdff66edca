"""What views of one person have in common when they are drawn."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.methods.mgcnet.config import Shared

TARGET = 1
"""The target among the views of a sample, as published: the one in the middle."""


def shared_over_views(
    values: Float[Tensor, "batch views coeffs"], together: Bool[Tensor, " batch"], shared: Shared
) -> Float[Tensor, "batch views coeffs"]:
    """Coefficients of which the views of one person have the same, in samples that show one person."""
    if shared == "none":
        return values
    chosen = values[:, TARGET : TARGET + 1] if shared == "target" else values.mean(dim=1, keepdim=True)
    return torch.where(together[:, None, None], chosen.expand_as(values), values)
