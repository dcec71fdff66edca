"""The published losses of the fine stage, on a mesh with one vertex a texel."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.displacement.displacer import Displacer
from monoface.displacement.evidence import Evidence, irradiance
from monoface.geometry.triangles import vertex_normals
from monoface.losses.smoothness import (
    adjacent_triangles,
    adjacent_triangles_difference,
    displacement_size,
    map_roughness,
    masked_mean,
    mesh_edges,
    neighbour_deviation,
    normal_change,
)
from monoface.methods.detail.pixel_terms import DenseFaces, Pictures, pixel_terms
from monoface.render import DenseMesh
from monoface.shading import linear_to_srgb, srgb_to_linear

_EIGHT_BITS = 255.0


class MeshLosses:
    """Terms by name, one value a sample, a mean over what is valid.

    As published, displaced meshes are drawn over the photos, whose pixels they are compared with, and heights
    count once by themselves and twice by how they change the depth of pixels. Without pictures, texels are
    compared with the unwrapped photo, which needs no drawing: a texel's weight stands for its visibility,
    and the difference of depths is that of the heights.

    What differs from the published code: what lies outside the displaced region cannot be displaced, so
    needs no term.
    """

    def __init__(self, displacer: Displacer) -> None:
        self._displacer = displacer
        self._dense = DenseMesh.from_layout(displacer.layout, displacer.model.uv)
        self._edges = mesh_edges(self._dense.faces)
        self._pairs = adjacent_triangles(self._dense.faces)

    def to(self, displacer: Displacer) -> "MeshLosses":
        """The same losses where a moved displacer is."""
        moved, device = copy.copy(self), displacer.region.device
        moved._displacer = displacer
        moved._dense = self._dense.to(device)
        moved._edges, moved._pairs = self._edges.to(device), self._pairs.to(device)
        return moved

    def terms(
        self,
        height_mm: Float[Tensor, "batch size size"],
        evidence: Evidence,
        albedo: Float[Tensor, "batch albedo"],
        rotation: Float[Tensor, "batch 3 3"],
        pictures: Pictures | None,
    ) -> dict[str, Float[Tensor, " batch"]]:
        """All terms.

        Args:
            height_mm: Along the configuration's axis.
            evidence: Of the photos.
            albedo: Coefficients of the coarse faces.
            rotation: From the model frame to that of the evidence.
            pictures: The photos; without them texels are compared.
        """
        surface = evidence.surface
        directions = self._displacer.directions(surface, rotation)
        coarse, moved = (
            self._dense.from_texture(maps.movedim(-1, 1))
            for maps in (surface.points, surface.points + height_mm[..., None] * directions)
        )
        coarse_normals, normals = (vertex_normals(verts, self._dense.faces) for verts in (coarse, moved))
        weight = self._dense.from_texture(evidence.weight[:, None])[..., 0]
        corners = [moved[:, self._dense.faces[:, corner]] for corner in range(3)]
        area_normals = torch.linalg.cross(corners[1] - corners[0], corners[2] - corners[0], dim=-1)
        deviation = neighbour_deviation(normals, self._edges, 1e-3)
        size = displacement_size(height_mm, evidence.weight)
        if pictures is None:
            photo, depth = self._texel_term(normals, evidence), size
        else:
            colours = self._dense.from_vertices(self._displacer.model.albedo(albedo).to(moved))
            faces = DenseFaces(coarse, moved, colours, evidence.light, weight)
            seen = pixel_terms(self._dense, faces, pictures)
            photo, depth = seen["photo"], seen["depth"]
        return {
            "photo": photo,
            "size": size + 2 * depth,
            "normal": normal_change(normals, coarse_normals, weight),
            "smooth_points": neighbour_deviation(moved, self._edges, 0.2),
            "smooth_normals": deviation + adjacent_triangles_difference(area_normals, self._pairs),
            "smooth_map": map_roughness(height_mm),
        }

    def _texel_term(self, normals: Tensor, evidence: Evidence) -> Tensor:
        """Distance of colours in steps of 8 bits, a mean over what is seen."""
        fine = torch.zeros_like(evidence.surface.normals).flatten(1, 2)
        fine = fine.index_copy(1, self._dense.texels, normals).view_as(evidence.surface.normals)
        ratio = irradiance(fine, evidence.light) / irradiance(evidence.surface.normals, evidence.light)
        lit = srgb_to_linear(evidence.coarse) * ratio.movedim(-1, 1)
        difference = _EIGHT_BITS * (linear_to_srgb(lit.clamp(0, 1)) - evidence.photo)
        distance = (difference.square().sum(dim=1) + 1e-8).sqrt()
        return masked_mean(distance, evidence.weight)
