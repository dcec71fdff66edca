"""Where a face may have wrinkles: the skin, without eyes, brows, lips and nostrils, fading at their edges."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.facemodel.model import FaceModel
from monoface.geometry.triangles import connected_parts

# No skin, or skin whose shape the coarse mesh has and whose colours are no shade.
_CLEAN = ("eyes", "eye_sockets", "mouth", "teeth", "lips", "brows", "ears", "neck")
# Points 32 to 36 of the 68 (here from 0) lie along the base of the nose, the nostrils between them.
_NOSE_BASE = (31, 32, 33, 34, 35)
_NOSTRIL_MM = 9.0
# Middles of the brows: what the face has above them is forehead.
_BROWS = (19, 24)
# Half of the width of the forehead, of that of the whole narrow face.
_TEMPLES = 0.8
# Lid edges: the outer and inner corners and two points on each lid.
_LIDS = tuple(range(36, 48))
_LID_MM = 3.5
_CHUNK = 1024


def detail_weight(model: FaceModel, fade_mm: float = 5.0, border_mm: float = 14.0) -> Float[Tensor, " verts"]:
    """Share of a displacement that each vertex takes, 0 to 1, on the mean face.

    Zero on and beside what stays clean, rising smoothly to one; lids, apart from a few millimetres at their
    edges, and the bridge of the nose are skin like any other.

    Args:
        model: Its regions and its `ibug68` landmarks say where is what.
        fade_mm: Over how many millimetres it rises beside what stays clean.
        border_mm: The same at the border of the narrow face, which has the forehead up to the skull added.
    """
    mean = model.mean_mm
    narrow = model.data.regions["narrow_face"].to(mean.device)
    nothing = torch.zeros_like(narrow)
    clean = nothing.clone()
    for name in _CLEAN:
        clean |= model.data.regions.get(name, nothing.cpu()).to(mean.device)
    points = model.landmarks("ibug68").points(mean[None])[0]
    narrow = narrow | _forehead(model, points[list(_BROWS), 1].mean(), mean[narrow, 0].abs().amax())
    weight = _rise(_distance(mean, mean[clean]), fade_mm)
    weight = weight * _rise(_distance(mean, points[list(_NOSE_BASE)]) - _NOSTRIL_MM, fade_mm)
    weight = weight * _rise(_distance(mean, points[list(_LIDS)]) - _LID_MM, fade_mm)
    weight = weight * _rise(_distance(mean, mean[~narrow & ~clean]), border_mm)
    weight = torch.where(narrow & ~clean, weight, torch.zeros_like(weight))
    # Small charts hold what is turned inwards: insides of lids, lips and nostrils.
    part = connected_parts(model.faces, len(mean))
    held = torch.zeros_like(weight).index_add(0, part, weight)
    return torch.where(part == held.argmax(), weight, torch.zeros_like(weight))


def _forehead(
    model: FaceModel, brows_mm: Float[Tensor, ""], half_width_mm: Float[Tensor, ""]
) -> Bool[Tensor, " verts"]:
    """The face above its brows, up to the temples."""
    mean = model.mean_mm
    face = model.data.regions["face"].to(mean.device)
    return face & (mean[:, 1] > brows_mm) & (mean[:, 0].abs() < _TEMPLES * half_width_mm)


def _distance(points: Tensor, others: Tensor) -> Tensor:
    """To the nearest of some others; infinite if there is none."""
    if not len(others):
        return points.new_full((len(points),), torch.inf)
    return torch.cat([torch.cdist(part, others).amin(dim=1) for part in points.split(_CHUNK)])


def _rise(distance_mm: Tensor, over_mm: float) -> Tensor:
    """From 0 at no distance to 1, level at both ends."""
    share = (distance_mm / over_mm).clamp(0, 1)
    return share * share * (3 - 2 * share)
