"""The gaps between lids and between lips of posed faces, against annotated and known ones."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet
from monoface.facemodel.fitting import project_points
from monoface.losses.closure import FACE_MESH_GAPS, gap_distance, gap_widths, gaps
from monoface.methods.supervision import PosedPrediction

_SET = "facemesh468"
# Eyes seen from the side are narrow, and pixels against them large: no width counts as less than this part
# of the crop.
_LEAST_WIDTH = 0.06


class GapSupervision(nn.Module):
    """Distance of gaps, as a fraction of the width of eye or mouth.

    Annotated points are compared in the picture; they show most directly what is closed. Labelled samples
    without such points, as turned photos are, are compared in the model frame.

    Args:
        model: The face model; has the set `facemesh468`.
        crop_px: Side of the crops.
    """

    mean_widths_mm: Tensor

    def __init__(self, model: FaceModel, crop_px: int) -> None:
        super().__init__()
        self.crop_px = crop_px
        self.layout = CoefficientLayout.of(model)
        points = model.landmarks(_SET)
        rows = [*FACE_MESH_GAPS.upper, *FACE_MESH_GAPS.lower]
        self.basis = model.subset(LandmarkSet(points.index[rows], points.weight[rows]))
        widths_mm = gap_widths(points.points(model.mean_mm[None]), FACE_MESH_GAPS)
        self.register_buffer("mean_widths_mm", widths_mm, persistent=False)

    def forward(self, predicted: PosedPrediction, batch: TrainingBatch) -> Float[Tensor, " batch"]:
        """Mean distance of each sample's gaps; zero where nothing is known of them."""
        in_model = self._in_model_frame(predicted, batch) * batch.labelled
        annotated = batch.points_px.get(_SET)
        if annotated is None:
            return in_model
        in_picture, seen = self._in_picture(predicted, annotated)
        return torch.where(seen, in_picture, in_model)

    def _in_picture(self, predicted: PosedPrediction, points_px: Tensor) -> tuple[Tensor, Tensor]:
        """Distances to annotated gaps, and which samples have any."""
        projected = project_points(self.basis, predicted.coefficients, predicted.camera)
        true, widths = gaps(points_px, FACE_MESH_GAPS), gap_widths(points_px, FACE_MESH_GAPS)
        seen = true.isfinite().all(dim=-1) & widths.isfinite()
        widths = torch.where(seen, widths, 1.0).clamp_min(_LEAST_WIDTH * self.crop_px)
        true = torch.where(seen[..., None], true, 0.0)
        return gap_distance(_apart(projected), true, widths, seen.to(projected)), seen.any(dim=-1)

    def _in_model_frame(self, predicted: PosedPrediction, batch: TrainingBatch) -> Tensor:
        known = self.layout.decode(batch.outputs, self.crop_px)[0]
        found = predicted.coefficients
        first, second = (_apart(self.basis(one.identity, one.expression)) for one in (found, known))
        return gap_distance(first, second, self.mean_widths_mm, torch.ones_like(first[..., 0]))


def _apart(points: Tensor) -> Tensor:
    """Gaps of the basis's points: upper ones first, then lower ones."""
    upper, lower = points.chunk(2, dim=1)
    return upper - lower
