"""How far one picture is from another one where both show the same thing."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Mask = Float[Tensor, "batch height width"] | Bool[Tensor, "batch height width"]

# Colour differences well below this grow like squares: about a quarter of a step of 8-bit pictures.
_SMOOTH = 1e-3


def photometric_distance(
    predicted: Float[Tensor, "batch channels height width"],
    target: Float[Tensor, "batch channels height width"],
    mask: Mask,
) -> Float[Tensor, " batch"]:
    """Weighted mean over pixels of the Euclidean distance of colours, in the space of the pictures.

    Zero, with zero gradient, for a sample whose mask is zero. What is not masked must be finite.

    Args:
        predicted: A picture.
        target: What it should be.
        mask: Weight of each pixel: where the face was drawn, times where the photo shows its skin.

    Reference:
        Shang et al., "Self-Supervised Monocular 3D Face Reconstruction by Occlusion-Aware Multi-view
        Geometry Consistency", ECCV 2020. Their code adds 1e-6 under the root, as we do, but not our
        subtraction of 1e-3, which makes the distance of equal pictures zero.
    """
    weight = mask.to(predicted.dtype)
    squared = (predicted - target).square().sum(dim=1)
    distance = (squared + _SMOOTH**2).sqrt() - _SMOOTH
    return masked_mean(distance, weight)


def masked_mean(
    values: Float[Tensor, "batch height width"], weight: Float[Tensor, "batch height width"]
) -> Float[Tensor, " batch"]:
    """Weighted mean of each sample; zero, with zero gradient, where all weights are zero."""
    total = torch.linalg.vecdot(weight.flatten(1), values.flatten(1))
    return total / weight.sum(dim=(1, 2)).clamp_min(1e-8)


def confident(
    probability: Float[Tensor, "batch height width"], threshold: float = 0.5
) -> Float[Tensor, "batch height width"]:
    """Weights from the probability of skin, as published: 1 above the threshold, else the probability."""
    return torch.where(probability > threshold, 1.0, probability)
