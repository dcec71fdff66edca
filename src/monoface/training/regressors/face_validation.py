"""Validation of likeness: openings of eyes and mouth against marked points, identities against labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.arrays import in_torch
from monoface.core.progress import track_batches
from monoface.data.packs.photo_pack import Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.facemodel import CoefficientLayout, FaceModel, PointBasis
from monoface.facemodel.landmarks import FLM18
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.losses.closure import IBUG68_GAPS
from monoface.methods.monoface.face_terms import NEUTRAL_REGION, NeutralShape
from monoface.networks import Regressor
from monoface.regression import CropPredictor, Passes, regress_crops

_SET = "ibug68_reannotated"
_BATCH = 100
_NEUTRAL_POINTS = 300
# Faces that look aside by more have lids and lips that hide each other.
_FRONTAL_YAW_DEG = 45.0
_LIDS, _LIPS = slice(0, 4), slice(4, 7)


@dataclass(frozen=True)
class FaceValidationSet:
    """Crops of people of whom more is known than landmarks.

    Attributes:
        name: What is reported.
        crops: RGB crops.
        points_px: The 68 points as marked, in crop pixels; NaN where there is none.
        identity: Identity coefficients of the person; NaN where unknown.
    """

    name: str
    crops: np.ndarray
    points_px: Float[np.ndarray, "photos 68 2"]
    identity: Float[np.ndarray, "photos identity"]


def face_validation_sets(folders: Sequence[Path], model: FaceModel, crop_px: int) -> list[FaceValidationSet]:
    """One set of each prepared folder whose photos kept for validation have marked points or known people."""
    sets = []
    for folder in map(PreparedFolder, folders):
        packs = [pack for pack in folder.validation_packs() if len(pack)]
        if packs:
            one = _joined(folder.name, packs, model, crop_px)
            if np.isfinite(one.points_px).any() or np.isfinite(one.identity).any():
                sets.append(one)
    return sets


def make_face_evaluate(
    model: FaceModel, sets: Sequence[FaceValidationSet], layout: CoefficientLayout
) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: what it says of each set, after a second look where networks have maps.

    `lids`, `lips`: correlation and slope of openings over the face's size, found against marked ones;
    `identity mm`: distance of neutral faces from their labels, and of the mean face from them (`mean mm`);
    `spread mm`: how far found neutral faces are from their own mean.
    """
    neutral = NeutralShape(model, NEUTRAL_REGION, _NEUTRAL_POINTS)
    points = model.subset(model.landmarks(_SET)) if sets else None
    mapped = model.subset(model.landmarks(FLM18))

    @torch.no_grad()
    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        regressor = networks["regressor"]
        assert isinstance(regressor, Regressor)
        results: dict[str, float] = {}
        for one in sets:
            assert points is not None
            identity, found_px, yaw = _seen(regressor, layout, one.crops, mapped, points)
            results |= _of_openings(one, found_px.numpy(), yaw.numpy())
            results |= _of_identities(one, identity, neutral)
        return results

    return evaluate


def openings_over_size(points_px: Float[np.ndarray, "photos 68 2"]) -> Float[np.ndarray, "photos 2"]:
    """Mean gap of lids and of lips over the longer side of the points' box; NaN where points are missing.

    Gaps are distances: what marked points tell, whoever turns the head.
    """
    upper, lower = points_px[:, list(IBUG68_GAPS.upper)], points_px[:, list(IBUG68_GAPS.lower)]
    apart = np.linalg.norm(upper - lower, axis=-1)
    seen = np.isfinite(points_px).all(axis=-1)
    low = np.where(seen[..., None], points_px, np.inf).min(axis=1)
    high = np.where(seen[..., None], points_px, -np.inf).max(axis=1)
    size = np.maximum((high - low).max(axis=-1), 1e-6)
    both = np.stack((apart[:, _LIDS].mean(axis=1), apart[:, _LIPS].mean(axis=1)), axis=1)
    result: np.ndarray = both / size[:, None]
    return result


def _seen(
    regressor: Regressor, layout: CoefficientLayout, crops: np.ndarray, mapped: PointBasis, points: PointBasis
) -> tuple[Tensor, Tensor, Tensor]:
    """Identities, the 68 points, and yaw in degrees."""
    predictor = CropPredictor.of_network(regressor, layout)
    passes = Passes(2 if predictor.sees_landmarks else 1, mapped=mapped)
    parts = []
    for start in track_batches(len(crops), _BATCH, "validating faces", "photos"):
        found = in_torch(regress_crops(predictor, crops[start : start + _BATCH], passes))
        forward = found.coefficients.rotation[:, :, 2]
        yaw = torch.rad2deg(torch.atan2(forward[:, 0], -forward[:, 2]))
        parts.append((found.coefficients.identity, found.landmarks_px(points), yaw))
    identity, found_px, yaw = (torch.cat(part) for part in zip(*parts, strict=True))
    return identity, found_px, yaw


def _of_openings(
    one: FaceValidationSet, found_px: Float[np.ndarray, "photos 68 2"], yaw_deg: Float[np.ndarray, " photos"]
) -> dict[str, float]:
    marked = openings_over_size(one.points_px)
    # Points that are not marked say nothing of the face's size either.
    found = openings_over_size(np.where(np.isfinite(one.points_px), found_px, np.nan))
    results = {}
    for column, what in enumerate(("lids", "lips")):
        x, y = marked[:, column], found[:, column]
        rows = np.isfinite(x) & np.isfinite(y) & (np.abs(yaw_deg) <= _FRONTAL_YAW_DEG)
        if rows.sum() >= 3 and x[rows].std() > 0:
            results[f"{one.name} {what} correlation"] = _correlation(x[rows], y[rows])
            results[f"{one.name} {what} slope"] = float(np.polyfit(x[rows], y[rows], 1)[0])
    return results


def _of_identities(one: FaceValidationSet, identity: Tensor, neutral: NeutralShape) -> dict[str, float]:
    known = torch.from_numpy(one.identity)
    rows = known.isfinite().all(dim=1)
    if not rows.any():
        return {}
    found, known = identity[rows], known[rows].to(identity)
    centre = found.mean(dim=0, keepdim=True).expand_as(found)
    return {
        f"{one.name} identity mm": float(neutral(found, known).mean()),
        f"{one.name} mean mm": float(neutral(torch.zeros_like(known), known).mean()),
        f"{one.name} spread mm": float(neutral(found, centre).mean()),
    }


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    return 0.0 if y.std() == 0 else float(np.corrcoef(x, y)[0, 1])


def _joined(name: str, packs: Sequence[Pack], model: FaceModel, crop_px: int) -> FaceValidationSet:
    side, face = packs[0].canvas_px, packs[0].face_px
    margin = (side - face) / 2
    canvases = np.concatenate([pack.canvases for pack in packs])
    points = np.concatenate(
        [pack.points_px.get(_SET, np.full((len(pack), 68, 2), np.nan, np.float32)) for pack in packs]
    )
    boxes = np.tile((margin, margin, side - margin, side - margin), (len(canvases), 1))
    crops = np.stack([crop_and_resize(one, box, crop_px) for one, box in zip(canvases, boxes, strict=True)])
    in_crop = photo_to_crop(points.astype(np.float64), boxes, crop_px)
    identity = np.concatenate([pack.outputs[:, : model.identity_size] for pack in packs])
    return FaceValidationSet(name, crops, in_crop, identity.astype(np.float32))
