"""What the flagship is told beyond `Supervision`: who is seen, how far eyes and mouth are open, and where."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import FaceCoefficients, FaceModel, LandmarkSet
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.fitting import project_points
from monoface.facemodel.mirroring import PointSets
from monoface.losses.closure import FACE_MESH_GAPS, IBUG68_GAPS, openings
from monoface.losses.point_likelihood import point_surprise
from monoface.methods.monoface.config import OpeningConfig
from monoface.methods.supervision import KnownFaces, PosedPrediction, scale_aligned, spread_points

# Points that lids and lips are measured by, of each set.
NEUTRAL_REGION = "narrow_face"
"""What neutral shapes are compared on: the face without ears and what is under the chin."""
_GAPS = {"ibug68_reannotated": IBUG68_GAPS, "facemesh468": FACE_MESH_GAPS}
_MOUTH_PAIRS = 3
# Distances below so many millimetres count like squares.
_SMOOTH_MM = 0.3


class NeutralShape(nn.Module):
    """Distance of neutral faces in millimetres: what likeness is measured by.

    Args:
        model: The face model.
        region: Its region that counts.
        count: How many points stand for it, spread evenly over its area.
    """

    def __init__(self, model: FaceModel, region: str, count: int) -> None:
        super().__init__()
        self.basis = model.subset(spread_points(model, count, region))

    def forward(
        self, found: Float[Tensor, "batch identity"], known: Float[Tensor, "batch identity"]
    ) -> Float[Tensor, " batch"]:
        """Mean distance of points around their centres, the found ones scaled to fit the known ones."""
        calm = found.new_zeros(len(found), len(self.basis.expression_mm))
        shape, true = scale_aligned(self.basis(found, calm), self.basis(known, calm))
        squared = (shape - true).square().sum(dim=-1)
        return ((squared + _SMOOTH_MM**2).sqrt() - _SMOOTH_MM).mean(dim=-1)


class Openings(nn.Module):
    """How far eyes and mouth are open in the picture, against marked points, else against known faces.

    Args:
        model: The face model; has `ibug68_reannotated` and `facemesh468`.
        crop_px: Side of the crops.
        config: How openings are compared.
    """

    is_mouth: Tensor

    def __init__(self, model: FaceModel, crop_px: int, config: OpeningConfig) -> None:
        super().__init__()
        self.config = config
        # The size of a face in its crop is the crop's side over sqrt(2).
        self._percent = 100 * 2**0.5 / crop_px
        uppers, lowers, mouths = [], [], []
        for name, pairs in _GAPS.items():
            points = model.landmarks(name)
            uppers.append(_rows(points, pairs.upper))
            lowers.append(_rows(points, pairs.lower))
            count = len(pairs.upper)
            mouths.append(torch.arange(count) >= count - _MOUTH_PAIRS)
        self.basis = model.subset(LandmarkSet.joined(*uppers, *lowers))
        self.register_buffer("is_mouth", torch.cat(mouths), persistent=False)

    def forward(
        self, predicted: PosedPrediction, known: KnownFaces, batch: TrainingBatch
    ) -> Float[Tensor, " batch"]:
        """Mean error in percent of the face's size; zero where nothing is known.

        Shut eyes and wide open mouths count more, for there are few of them.
        """
        config = self.config
        down = _down(predicted.coefficients)
        found = self._open(project_points(self.basis, *predicted.posed), down)
        told = self._open(project_points(self.basis, *known.posed), down)
        marked = self._open(self._marked(batch), down)
        seen = marked.isfinite()
        true = torch.where(seen, marked, told)
        weight = (seen | batch.labelled[:, None]).to(found)
        true = torch.where(weight > 0, true, 0.0)
        shut = (1 - true / config.closed).clamp(0, 1)
        wide = (true / config.wide - 1).clamp(0, 1)
        rare = 1 + config.rare * torch.where(self.is_mouth, wide, shut)
        smooth = config.smooth
        error = ((found - true).square() + smooth**2).sqrt() - smooth
        return (weight * rare * error).sum(dim=-1) / weight.sum(dim=-1).clamp_min(1.0)

    def _open(self, points_px: Tensor, down: Tensor) -> Float[Tensor, "batch pairs"]:
        upper, lower = points_px.chunk(2, dim=1)
        return self._percent * openings(upper, lower, down)

    def _marked(self, batch: TrainingBatch) -> Float[Tensor, "batch twice 2"]:
        """Marked points in the order of the basis; NaN where there is none."""
        none = batch.outputs.new_full((len(batch.outputs), 1, 2), torch.nan)
        sides: tuple[list[Tensor], list[Tensor]] = ([], [])
        for name, pairs in _GAPS.items():
            points = batch.points_px.get(name)
            for side, rows in zip(sides, (pairs.upper, pairs.lower), strict=True):
                side.append(none.expand(-1, len(rows), 2) if points is None else points[:, list(rows)])
        return torch.cat((*sides[0], *sides[1]), dim=1)


class PointSurprise(nn.Module):
    """How surprising marked points are, and those of known faces, given the points that a network finds.

    Args:
        model: The face model.
        crop_px: Side of the crops.
        sets: Landmark sets of the points.
    """

    def __init__(self, model: FaceModel, crop_px: int, sets: PointSets) -> None:
        super().__init__()
        self.points = DensePoints.of(model, sets)
        self.basis = model.subset(self.points.landmarks)
        self._crop_px = crop_px

    def forward(
        self, found: Float[Tensor, "batch points 3"], known: KnownFaces, batch: TrainingBatch
    ) -> Float[Tensor, " batch"]:
        """Mean over the points that are known; zero where none is."""
        told_px = project_points(self.basis, *known.posed)
        marked_px = self.points.gathered(batch.points_px)
        known_px = told_px if marked_px is None else marked_px.where(marked_px.isfinite(), told_px)
        weight = batch.labelled[:, None].expand(known_px.shape[:2])
        if marked_px is not None:
            weight = weight | marked_px.isfinite().all(dim=-1)
        places = torch.where(weight[..., None], known_px / self._crop_px, 0.0)
        return point_surprise(found[..., :2], found[..., 2], places, weight.to(found))


def _rows(points: LandmarkSet, rows: tuple[int, ...]) -> LandmarkSet:
    return LandmarkSet(points.index[list(rows)], points.weight[list(rows)])


def _down(coefficients: FaceCoefficients) -> Float[Tensor, "batch 2"]:
    """From forehead to chin in the picture; no gradient, or turning the head would open its mouth."""
    down = -coefficients.rotation[:, :2, 1].detach()
    return down / down.square().sum(dim=-1, keepdim=True).sqrt().clamp_min(1e-3)
