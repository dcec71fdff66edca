"""How alike two faces look to a network that tells people apart."""

import torch
from jaxtyping import Float
from torch import Tensor


def cosine_distance(
    first: Float[Tensor, "batch features"], second: Float[Tensor, "batch features"]
) -> Float[Tensor, " batch"]:
    """One less the cosine of the angle between feature vectors of any length: 0 for the same person.

    One, with zero gradient, where a vector is zero.
    """
    return 1 - (_unit_or_zero(first) * _unit_or_zero(second)).sum(dim=-1)


def _unit_or_zero(vectors: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
    squared = vectors.square().sum(dim=-1, keepdim=True)
    known = squared > 1e-24
    return torch.where(known, vectors / torch.where(known, squared, 1.0).sqrt(), 0.0)
