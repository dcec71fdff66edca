"""Which landmarks are known of training samples, and how inexactly the maps show them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from monoface.core.errors import ConfigError
from monoface.core.seeded_sampling import sample_normal, sample_uniform
from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.fitting import project_points
from monoface.facemodel.landmarks import FLM18, FLM18_GROUPS, FLM18_GROUPS_468, FLM18_OF_21
from monoface.methods.twodasl.config import MapTrainingConfig

# What the draws of a sample are for.
_EMPTY, _JITTER_SIZE, _JITTER, _DISPLACED, _DISPLACEMENT, _SPARSE, _MISSING = range(7)


# The 18 points as means of other sets' points, most trusted first.
_GROUPS = {
    "facemesh468": FLM18_GROUPS_468,
    "ibug68_contour": FLM18_GROUPS,
    "ibug68_reannotated": FLM18_GROUPS,
}


class KnownLandmarks(nn.Module):
    """The 18 points of each sample, from the best that is known about it.

    Labelled samples have all points of their true face, hidden ones too; others those of the first of these
    that is annotated at all: AFLW's points, where hidden ones are missing, the face mesh's, the 68.

    Args:
        model: The face model.
        crop_px: Side of the crops.
    """

    def __init__(self, model: FaceModel, crop_px: int) -> None:
        super().__init__()
        self.crop_px = crop_px
        self.layout = CoefficientLayout.of(model)
        self.basis = model.subset(model.landmarks(FLM18))

    def forward(self, batch: TrainingBatch) -> Float[Tensor, "batch 18 2"]:
        """Points in pixels of the crops; NaN where nothing is known."""
        points = torch.full_like(batch.outputs[:, :1, None], torch.nan).expand(-1, len(FLM18_OF_21), 2)
        for annotated in annotated_points(batch):
            unknown = points.isnan().all(dim=(1, 2))
            points = torch.where(unknown[:, None, None], annotated, points)
        true = project_points(self.basis, *self.layout.decode(batch.outputs, self.crop_px))
        return torch.where(batch.labelled[:, None, None], true, points)


def annotated_points(batch: TrainingBatch) -> list[Float[Tensor, "batch 18 2"]]:
    """The 18 points from each landmark set that a batch carries, most trusted first; NaN where missing.

    Raises:
        ConfigError: If it carries none of them.
    """
    found = []
    if (points := batch.points_px.get("aflw21")) is not None:
        found.append(points[:, list(FLM18_OF_21)])
    for name, groups in _GROUPS.items():
        if (points := batch.points_px.get(name)) is not None:
            found.append(torch.stack([points[:, list(group)].mean(dim=1) for group in groups], dim=1))
    if not found:
        raise ConfigError(
            f"landmark maps: expected batches with aflw21, {', '.join(_GROUPS)}, got "
            f"{', '.join(batch.points_px) or 'none'}."
        )
    return found


def inexact_points(
    points_px: Float[Tensor, "batch points 2"],
    seeds: Int[Tensor, " batch"],
    crop_px: int,
    config: MapTrainingConfig,
) -> Float[Tensor, "batch points 2"]:
    """Points as maps of training show them: jittered, displaced together, some missing, or none at all.

    Args:
        points_px: Known points; NaN where unknown.
        seeds: Of the samples' draws.
        crop_px: Side of the crops.
        config: How inexact they are.
    """
    count = points_px.shape[1]
    size = sample_uniform(seeds, 1, _JITTER_SIZE)[..., None] * (config.jitter * crop_px)
    shown = points_px + size * sample_normal(seeds, 2 * count, _JITTER).unflatten(-1, (count, 2))

    displaced = sample_uniform(seeds, 1, _DISPLACED) < config.displaced
    amount = sample_normal(seeds, 3, _DISPLACEMENT) * config.displacement * displaced
    centre = shown.nanmean(dim=1, keepdim=True)
    shown = centre + (shown - centre) * amount[:, None, :1].exp() + crop_px * amount[:, None, 1:]

    sparse = sample_uniform(seeds, 1, _SPARSE) < config.sparse
    lost = sparse & (sample_uniform(seeds, count, _MISSING) < config.missing)
    empty = sample_uniform(seeds, 1, _EMPTY) < config.empty
    return torch.where((lost | empty)[..., None], torch.nan, shown)
