"""Best rigid or similarity transform between corresponding points."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Similarity:
    """The map x -> scale * rotation @ x + translation."""

    scale: Float[Tensor, " batch"]
    rotation: Float[Tensor, "batch 3 3"]
    translation: Float[Tensor, "batch 3"]

    def apply(self, points: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch points 3"]:
        """Moved points."""
        turned = points @ self.rotation.transpose(-1, -2)
        return self.scale[:, None, None] * turned + self.translation[:, None]


def fit_similarity(
    source: Float[Tensor, "batch points 3"],
    target: Float[Tensor, "batch points 3"],
    weights: Float[Tensor, "batch points"] | None = None,
    *,
    with_scale: bool = True,
) -> Similarity:
    """Similarity that brings `source` on to `target` with the least weighted squared distance.

    Never mirrors. Collinear points leave the turn about their line arbitrary; a single place, or
    weights that are all zero, give scale 0 or 1 as `with_scale` says and a finite rotation.

    Args:
        source: Points to move.
        target: Where they should come, in the unit of the result's translation.
        weights: Not negative; equal weights if absent.
        with_scale: Whether the scale is free; otherwise it is 1.

    Reference:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
        PAMI 1991.
    """
    if weights is None:
        weights = torch.ones_like(source[..., 0])
    share = (weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-12))[..., None]
    source_mean = (share * source).sum(dim=-2)
    target_mean = (share * target).sum(dim=-2)
    source_rel, target_rel = source - source_mean[:, None], target - target_mean[:, None]

    covariance = (share * target_rel).transpose(-1, -2) @ source_rel
    u, singular, vh = torch.linalg.svd(covariance)
    sign = torch.ones_like(singular)
    sign[..., 2] = torch.where(torch.linalg.det(u @ vh) < 0, -1.0, 1.0).to(sign)
    rotation = (u * sign[..., None, :]) @ vh
    if with_scale:
        spread = (share * source_rel.square()).sum(dim=(-1, -2)).clamp_min(1e-12)
        scale = (singular * sign).sum(dim=-1) / spread
    else:
        scale = torch.ones_like(singular[..., 0])
    translation = target_mean - scale[:, None] * (rotation @ source_mean[..., None])[..., 0]
    return Similarity(scale, rotation, translation)
