"""Errors of the classes that a network gives to pixels."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

UNKNOWN_CLASS = 255
"""Class index of pixels that do not count."""


def class_error(
    logits: Float[Tensor, "batch classes height width"],
    classes: Int[Tensor, "batch height width"],
    weights: Float[Tensor, " classes"],
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each sample, as the weighted mean over its known pixels.

    Returns zero, with zero gradient, for a sample of which nothing is known.

    Args:
        logits: Of every class at every pixel.
        classes: The true class of each pixel, or `UNKNOWN_CLASS`.
        weights: How much a pixel of each class counts.
    """
    known = classes != UNKNOWN_CLASS
    true = torch.where(known, classes, 0)
    log_probability = torch.log_softmax(logits, dim=1).gather(1, true[:, None])[:, 0]
    weight = torch.where(known, weights[true], 0)
    return -(weight * log_probability).sum(dim=(1, 2)) / weight.sum(dim=(1, 2)).clamp_min(1e-8)
