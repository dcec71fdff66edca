"""What the parts of a face model are, whatever they are called."""

import torch
from jaxtyping import Bool
from torch import Tensor

from monoface.facemodel.data import FaceModelData
from monoface.facemodel.model import FaceModel

# Eyelids among the 68 landmarks.
_LIDS = slice(36, 48)


def skin_parts(data: FaceModelData) -> tuple[str, ...]:
    """Names of the parts that are skin.

    That is the part called `skin`. Without one it is every part of which a triangle lies in the narrow face,
    but turning eyeballs.
    """
    if "skin" in data.part_names:
        return ("skin",)
    inside = data.regions["narrow_face"][data.faces].all(dim=1)
    numbers = data.face_part[inside].unique().tolist()
    return tuple(
        name for number, name in enumerate(data.part_names) if number in numbers and name not in data.eyes
    )


def skin_triangles(data: FaceModelData) -> Bool[Tensor, " faces"]:
    """Which triangles are skin; see `skin_parts`."""
    numbers = [data.part_names.index(name) for name in skin_parts(data)]
    return torch.isin(data.face_part, torch.tensor(numbers, dtype=data.face_part.dtype))


def skin_verts(data: FaceModelData) -> Bool[Tensor, " verts"]:
    """Which vertices are corners of skin."""
    found = torch.zeros(len(data.mean_mm), dtype=torch.bool)
    found[data.faces[skin_triangles(data)]] = True
    return found


def eye_height_mm(model: FaceModel) -> float:
    """Height of the eyes on the mean face, by the region `eyes`, turning eyeballs, or the lids' landmarks."""
    data = model.data
    height_mm = data.mean_mm[:, 1]
    if "eyes" in data.regions:
        return float(height_mm[data.regions["eyes"]].mean())
    if data.eyes:
        return float(torch.cat([height_mm[eye.ball_index] for eye in data.eyes.values()]).mean())
    return float(model.landmarks("ibug68").points(model.mean_mm[None])[0, _LIDS, 1].mean())
