"""A face model reduced to the triangles of one of its regions, for losses that draw the face alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ModelFileError
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel
from monoface.facemodel.point_basis import PointBasis


class RegionMesh(nn.Module):
    """Shape and albedo of a region as a mesh of its own, in the model's frame and coordinates.

    Eyeballs, where the region has some, do not turn.

    Args:
        model: The face model.
        region: Name of the region; triangles whose corners all belong to it are kept.

    Raises:
        ModelFileError: If the model has no such region, or no triangle lies in it.
    """

    basis: PointBasis
    albedo_mean: Tensor
    albedo_basis: Tensor
    faces: Tensor
    weld: Tensor

    def __init__(self, model: FaceModel, region: str = "face") -> None:
        super().__init__()
        if region not in model.data.regions:
            raise ModelFileError(f"region {region}: the face model has no such region.")
        inside = model.data.regions[region].to(model.faces.device)
        faces = model.faces[inside[model.faces].all(dim=1)]
        if not len(faces):
            raise ModelFileError(f"region {region}: expected triangles that lie in it, got none.")
        kept, index = faces.unique(return_inverse=True)
        self.basis = model.subset(LandmarkSet.from_vertices(kept.cpu().numpy()))
        # The vertex that stands for others at its place may lie outside: the first of those inside does then.
        places, place = model.weld[kept].unique(return_inverse=True)
        first = torch.full_like(places, len(kept)).scatter_reduce(
            0, place, torch.arange(len(kept), device=place.device), "amin"
        )
        self.register_buffer("faces", index.reshape(-1, 3), persistent=False)
        self.register_buffer("weld", first[place], persistent=False)
        self.register_buffer("albedo_mean", model.albedo_mean[kept], persistent=False)
        self.register_buffer("albedo_basis", model.albedo_basis[:, kept], persistent=False)

    def shape(
        self, identity: Float[Tensor, "batch identity"], expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch verts 3"]:
        """Vertices in the model frame, millimetres."""
        verts: Tensor = self.basis(identity, expression)
        return verts

    def albedo(self, coeffs: Float[Tensor, "batch albedo"]) -> Float[Tensor, "batch verts 3"]:
        """Diffuse reflectance of each vertex in linear RGB, clamped to [0, 1]."""
        offsets = (coeffs @ self.albedo_basis.flatten(1)).unflatten(1, self.albedo_mean.shape)
        return (self.albedo_mean + offsets).clamp(0, 1)
