"""Similarities of the picture plane, and pictures that are resampled under them with gradients."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample


@dataclass(frozen=True)
class PlanarSimilarity:
    """The map x -> linear @ x + offset of pixels to pixels; `linear` turns and scales, and never mirrors."""

    linear: Float[Tensor, "batch 2 2"]
    offset: Float[Tensor, "batch 2"]

    def apply(self, points_px: Float[Tensor, "batch points 2"]) -> Float[Tensor, "batch points 2"]:
        """Moved points."""
        return points_px @ self.linear.transpose(-1, -2) + self.offset[:, None]

    def inverse(self) -> "PlanarSimilarity":
        """The way back; of a similarity that shrinks all to one place, a map that does not scale."""
        squared = self.linear[:, 0].square().sum(dim=-1)[:, None, None]
        # The inverse of a scaled rotation is its transpose over the squared scale.
        eye = torch.eye(2).to(self.linear).expand_as(self.linear)
        safe = torch.where(squared > 0, squared, 1.0)
        linear = torch.where(squared > 0, self.linear.transpose(-1, -2) / safe, eye)
        return PlanarSimilarity(linear, -(linear @ self.offset[..., None])[..., 0])


def fit_planar_similarity(
    source_px: Float[Tensor, "batch points 2"], target_px: Float[Tensor, "#batch points 2"]
) -> PlanarSimilarity:
    """Similarity that brings `source_px` on to `target_px` with the least squared distance.

    Unlike the solution in space, it has a closed form without a decomposition, so its gradients are exact
    everywhere. Points that are all in one place give a map that does not turn or scale.

    Reference:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
        PAMI 1991. In the plane, points are complex numbers and the map is z -> a z + b.
    """
    source_mean, target_mean = source_px.mean(dim=1), target_px.mean(dim=1)
    source, target = source_px - source_mean[:, None], target_px - target_mean[:, None]
    spread = source.square().sum(dim=(1, 2))
    safe = torch.where(spread > 0, spread, 1.0)
    real = (source * target).sum(dim=(1, 2)) / safe
    imaginary = (source[..., 0] * target[..., 1] - source[..., 1] * target[..., 0]).sum(dim=1) / safe
    real = torch.where(spread > 0, real, 1.0)
    imaginary = torch.where(spread > 0, imaginary, 0.0)
    rows = torch.stack((real, -imaginary, imaginary, real), dim=-1)
    linear = rows.unflatten(-1, (2, 2))
    return PlanarSimilarity(linear, target_mean - (linear @ source_mean[..., None])[..., 0])


def warp_image(
    image: Float[Tensor, "batch channels height width"],
    target_from_image: PlanarSimilarity,
    size: int,
    *,
    samples: int = 2,
) -> Float[Tensor, "batch channels {size} {size}"]:
    """The square picture that a similarity makes of another; what lies beyond the border repeats it.

    Gradients reach the picture and the similarity.

    Args:
        image: Pictures.
        target_from_image: Maps pixels of the picture to pixels of the square.
        size: Side of the square.
        samples: Bilinear samples along each side of a pixel, which are averaged: enough for pictures that
            shrink by at most so many times. Reduce larger ones first.
    """
    height, width = image.shape[-2:]
    steps = (torch.arange(size * samples, device=image.device) + 0.5) / samples
    centres = torch.cartesian_prod(steps, steps).flip(-1).to(image).expand(len(image), -1, -1)
    places = target_from_image.inverse().apply(centres)
    # Edge to edge is -1 to 1, as `align_corners=False` has it.
    grid = places * places.new_tensor([2 / width, 2 / height]) - 1
    grid = grid.unflatten(1, (size * samples, size * samples))
    sampled = grid_sample(image, grid.to(image), mode="bilinear", padding_mode="border", align_corners=False)
    return avg_pool2d(sampled, samples) if samples > 1 else sampled
