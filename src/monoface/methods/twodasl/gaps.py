"""The gaps between lids and between lips of posed faces, against annotated and known ones."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.losses.closure import GAPS, GapPairs, gap_distance, gap_widths, gaps
from monoface.methods.supervision import PosedPrediction

# Eyes seen from the side are narrow, and pixels against them large: no width counts as less than this part
# of the crop.
_LEAST_WIDTH = 0.06
_KNOWN_SET = "facemesh468"


class GapSupervision(nn.Module):
    """Distance of gaps, as a fraction of the width of eye or mouth.

    Annotated points are compared in the picture; they show most directly what is closed. Labelled samples
    without such points, as turned photos are, are compared in the model frame.

    Args:
        model: The face model.
        crop_px: Side of the crops.
    """

    mean_widths_mm: Tensor

    def __init__(self, model: FaceModel, crop_px: int) -> None:
        super().__init__()
        self.crop_px = crop_px
        self.layout = CoefficientLayout.of(model)
        self.sets = nn.ModuleDict(
            {
                name: model.subset(_rows(model.landmarks(name), pairs))
                for name, pairs in GAPS.items()
                if name in model.data.landmarks
            }
        )
        mean = model.landmarks(_KNOWN_SET).points(model.mean_mm[None])
        self.register_buffer("mean_widths_mm", gap_widths(mean, GAPS[_KNOWN_SET]), persistent=False)

    def forward(self, predicted: PosedPrediction, batch: TrainingBatch) -> Float[Tensor, " batch"]:
        """Mean distance of each sample's gaps; zero where nothing is known of them."""
        in_picture = [
            self._in_picture(name, predicted, points)
            for name, points in batch.points_px.items()
            if name in self.sets
        ]
        total = torch.zeros_like(batch.outputs[:, 0])
        seen = torch.zeros_like(batch.labelled)
        for distance, annotated in in_picture:
            total, seen = total + distance, seen | annotated
        known_only = batch.labelled & ~seen
        return total + torch.where(known_only, self._in_model_frame(predicted, batch), 0.0)

    def _in_picture(self, name: str, predicted: PosedPrediction, points_px: Tensor) -> tuple[Tensor, Tensor]:
        """Distances to annotated gaps, and which samples have any."""
        pairs, basis = GAPS[name], self.sets[name]
        assert isinstance(basis, PointBasis)
        projected = project_points(basis, predicted.coefficients, predicted.camera)
        true, widths = gaps(points_px, pairs), gap_widths(points_px, pairs)
        seen = true.isfinite().all(dim=-1) & widths.isfinite()
        widths = torch.where(seen, widths, 1.0).clamp_min(_LEAST_WIDTH * self.crop_px)
        true = torch.where(seen[..., None], true, 0.0)
        distance = gap_distance(_halves_apart(projected), true, widths, seen.to(projected))
        return distance, seen.any(dim=-1)

    def _in_model_frame(self, predicted: PosedPrediction, batch: TrainingBatch) -> Tensor:
        known = self.layout.decode(batch.outputs, self.crop_px)[0]
        found, basis = predicted.coefficients, self.sets[_KNOWN_SET]
        first = _halves_apart(basis(found.identity, found.expression))
        second = _halves_apart(basis(known.identity, known.expression))
        return gap_distance(first, second, self.mean_widths_mm, torch.ones_like(first[..., 0]))


def _rows(points: LandmarkSet, pairs: GapPairs) -> LandmarkSet:
    """Upper points, then lower ones."""
    rows = [*pairs.upper, *pairs.lower]
    return LandmarkSet(points.index[rows], points.weight[rows])


def _halves_apart(points: Tensor) -> Tensor:
    upper, lower = points.chunk(2, dim=1)
    return upper - lower
