"""Neutral shapes of people, and how far they lie apart once turn, shift and size are taken off."""

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel import FaceModel
from monoface.geometry.alignment import fit_similarity


@torch.no_grad()
def narrow_faces(
    model: FaceModel, identity: Float[Tensor, "people identity"]
) -> Float[Tensor, "people verts 3"]:
    """Narrow faces without expression, in the model frame and millimetres."""
    narrow = model.data.regions["narrow_face"]
    offsets = torch.einsum("pk,kvc->pvc", identity.to(model.mean_mm), model.identity_basis_mm[:, narrow])
    return model.mean_mm[narrow] + offsets


def apart_mm(
    first: Float[Tensor, "pairs verts 3"], second: Float[Tensor, "pairs verts 3"]
) -> Float[Tensor, " pairs"]:
    """Mean distance of corresponding vertices after the best similarity transform of the first one."""
    return (fit_similarity(first, second).apply(first) - second).norm(dim=-1).mean(dim=-1)


def from_mean_mm(shapes: Float[Tensor, "people verts 3"]) -> Float[Tensor, " people"]:
    """How far each shape lies from the mean of all, aligned; their mean is the spread of the shapes."""
    return apart_mm(shapes, shapes.mean(dim=0, keepdim=True).expand_as(shapes))
