"""Do several views of one face agree? On colours, depths and landmarks of what both of two views show.

One view is the target. `geometry.reprojection` finds where its surface lies in the other, the source, and
samples that picture; `render.covisibility` tells which of it both show. The terms get the results.

Shang et al., "Self-Supervised Monocular 3D Face Reconstruction by Occlusion-Aware Multi-view Geometry
Consistency", ECCV 2020. Where the published code does something else than what it is meant to, that is an
option or a function of its own, named so.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.geometry.epipolar import epipolar_distance
from monoface.losses.photometric import Mask, masked_mean, photometric_distance

Gating = Literal["per_sample", "outer_product"]

# Of the structural similarity index, for pictures in [0, 1].
_SSIM_MEAN, _SSIM_VARIANCE = 0.01**2, 0.03**2


def pixel_consistency(
    sampled: Float[Tensor, "batch channels height width"],
    target: Float[Tensor, "batch channels height width"],
    mask: Mask,
    *,
    match_gain: bool = False,
) -> Float[Tensor, " batch"]:
    """Mean colour distance of the source, sampled where the target's surface lies, and the target.

    Args:
        sampled: The source, warped into the target.
        target: The target itself.
        mask: Where both show the same surface; see `photometric.photometric_distance`.
        match_gain: Whether to take off one factor a channel first, which no gradient reaches: photos of
            one person may differ in exposure and white balance. Not published.
    """
    if match_gain:
        sampled = sampled * _channel_gain(sampled.detach(), target, mask)[..., None, None]
    return photometric_distance(sampled, target, mask)


def ssim_consistency(
    sampled: Float[Tensor, "batch channels height width"],
    target: Float[Tensor, "batch channels height width"],
    mask: Mask,
) -> Float[Tensor, " batch"]:
    """Mean structural dissimilarity of 3 x 3 windows, 0 to 1, weighted by the share of them that is masked.

    Published is the same divided by the number of windows of the picture instead of the sum of weights:
    about a third of ours for a face that fills the picture.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004;
        with box windows, as in Godard et al., CVPR 2017.
    """
    stacked = torch.cat((sampled, target, sampled * sampled, target * target, sampled * target), dim=1)
    means = torch.nn.functional.avg_pool2d(stacked, 3, 1)
    mean_s, mean_t, square_s, square_t, product = means.chunk(5, dim=1)
    both, squares = mean_s * mean_t, mean_s.square() + mean_t.square()
    likeness = (2 * both + _SSIM_MEAN) * (2 * (product - both) + _SSIM_VARIANCE)
    scale = (squares + _SSIM_MEAN) * (square_s + square_t - squares + _SSIM_VARIANCE)
    dissimilarity = ((1 - likeness / scale) / 2).clamp(0, 1).mean(dim=1)
    weight = torch.nn.functional.avg_pool2d(mask.to(sampled.dtype)[:, None], 3, 1)[:, 0]
    return masked_mean(dissimilarity, weight)


def depth_consistency(
    warped_mm: Float[Tensor, "batch height width"],
    sampled_mm: Float[Tensor, "batch height width"],
    mask: Mask,
) -> Float[Tensor, " batch"]:
    """Mean absolute difference of depths in the source's camera frame, in millimetres.

    Args:
        warped_mm: Depth of the target's surface, moved into that frame (`reprojection.reproject`).
        sampled_mm: Depth that the source shows there; differences may have any size outside the mask.
        mask: Where both show the same surface.
    """
    weight = mask.to(warped_mm.dtype)
    return masked_mean(torch.where(weight > 0, (warped_mm - sampled_mm).abs(), 0.0), weight)


def published_depth_consistency(
    target_mm: Float[Tensor, "batch height width"],
    sampled_mm: Float[Tensor, "batch height width"],
    mask: Mask,
) -> Float[Tensor, " batch"]:
    """The published depth term: the source's depths, scaled to the target's mean, against the target's.

    The depths belong to different camera frames, so the right geometry of a turned head has an error.
    It is divided by the number of pixels of the picture, not by those that are masked.

    Args:
        target_mm: Depth of the target, in the target's frame.
        sampled_mm: Depth of the source where the target's surface lies, in the source's frame.
        mask: Where both show the same surface.
    """
    weight = mask.to(target_mm.dtype)
    target_mm, sampled_mm = torch.where(weight > 0, torch.stack((target_mm, sampled_mm)), 0.0)
    mean_target, mean_sampled = masked_mean(target_mm, weight), masked_mean(sampled_mm, weight)
    known = mean_sampled > 0
    ratio = torch.where(known, mean_target / torch.where(known, mean_sampled, 1.0), 0.0)
    difference = (ratio[:, None, None] * sampled_mm - target_mm).abs() * weight.square()
    return difference.mean(dim=(1, 2))


def epipolar_consistency(
    target_px: Float[Tensor, "batch landmarks 2"],
    source_px: Float[Tensor, "batch landmarks 2"],
    fundamental: Float[Tensor, "batch 3 3"],
) -> Float[Tensor, " batch"]:
    """Mean distance in pixels of detected landmarks from their epipolar lines: a term for the pose only.

    Args:
        target_px: In the target; NaN where it is not known.
        source_px: The same landmarks in the source.
        fundamental: From the predicted relative pose (`epipolar.fundamental_between`).

    Returns:
        Zero, with zero gradient, for a sample without a landmark known in both views.
    """
    seen = (target_px.isfinite() & source_px.isfinite()).all(dim=-1)
    target_px, source_px = (torch.where(seen[..., None], points, 0.0) for points in (target_px, source_px))
    distance_px = torch.where(seen, epipolar_distance(target_px, source_px, fundamental), 0.0)
    return distance_px.sum(dim=-1) / seen.sum(dim=-1).clamp_min(1)


def gate_samples(
    errors: Float[Tensor, " batch"], active: Bool[Tensor, " batch"], gating: Gating = "per_sample"
) -> Float[Tensor, " batch"]:
    """Errors of the samples that a term concerns; zero for others.

    Args:
        errors: One for each sample.
        active: Whether it has the views that the term needs.
        gating: "outer_product" is published: a column of errors times a row of flags makes a square table,
            so each error counts as often as any sample is active. The rows' means are returned; the
            published depth and epipolar terms sum the table, which is a weight of batch squared.
    """
    if gating == "outer_product":
        return errors * active.to(errors.dtype).mean()
    return torch.where(active, errors, 0.0)


def _channel_gain(sampled: Tensor, target: Tensor, mask: Tensor) -> Float[Tensor, "batch channels"]:
    """Factor that gives the sampled picture the target's mean over the mask, channel by channel."""
    weight = mask.to(sampled.dtype)[:, None]
    means = ((picture * weight).sum(dim=(2, 3)) for picture in (sampled, target))
    mean_sampled, mean_target = means
    known = mean_sampled > 1e-6
    return torch.where(known, mean_target / torch.where(known, mean_sampled, 1.0), 1.0)
