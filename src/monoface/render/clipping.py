"""Clipping at the near plane, which a pinhole camera needs before its picture is rasterised."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

DEFAULT_NEAR_MM = 1.0


@dataclass(frozen=True)
class NearClip:
    """A mesh cut off at the near plane, in a form that the pictures of a batch share.

    Triangles that reach behind the plane in any picture give way to two new ones each, at the end of
    `faces`; in pictures where such a triangle is whole, the new ones cover just it.

    Attributes:
        faces: Kept triangles, then the new ones; their vertices are appended to those of the mesh.
        source_face: The row of the original faces that each row of `faces` is a part of.
        corners: Original vertices of the cut triangles.
        weights: What each of a cut triangle's four new vertices takes of its three corners.
    """

    faces: Int[Tensor, "clipped 3"]
    source_face: Int[Tensor, " clipped"]
    corners: Int[Tensor, "cut 3"]
    weights: Float[Tensor, "batch cut 4 3"]

    def extend(
        self, attributes: Float[Tensor, "batch verts channels"]
    ) -> Float[Tensor, "batch extended channels"]:
        """Attributes of the mesh's vertices, followed by those of the new vertices."""
        if len(self.corners) == 0:
            return attributes
        new = self.weights @ attributes[:, self.corners]
        return torch.cat((attributes, new.flatten(1, 2)), dim=1)


def clip_near(
    verts_camera: Float[Tensor, "batch verts 3"],
    faces: Int[Tensor, "faces 3"],
    near_mm: float = DEFAULT_NEAR_MM,
) -> NearClip:
    """Cuts triangles where they come nearer to the camera than `near_mm`, and drops what lies behind.

    Differentiable through `NearClip.extend`.

    Args:
        verts_camera: Vertices in the camera frame, millimetres.
        faces: Vertex indices.
        near_mm: Distance of the near plane along the viewing axis, above zero.

    Raises:
        ValueError: If `near_mm` is not positive.
    """
    if near_mm <= 0:
        raise ValueError(f"near_mm: expected a distance above 0, got {near_mm}")

    depth = verts_camera[..., 2]
    cut = (depth < near_mm).any(dim=0)[faces].any(dim=-1)
    corners = faces[cut]
    points, inside = _cut_edges(depth[:, corners], near_mm)
    # The inside points in their order round the triangle: none, three or four. Missing ones repeat the
    # first, which makes triangles without area.
    order = (~inside).to(torch.uint8).sort(dim=-1, stable=True).indices[..., :4]
    count = inside.sum(dim=-1, keepdim=True)
    order = torch.where(torch.arange(4, device=faces.device) < count, order, order[..., :1])
    weights = points.gather(-2, order[..., None].expand(*order.shape, 3))

    quads = verts_camera.shape[1] + torch.arange(4 * len(corners), device=faces.device).reshape(-1, 4)
    kept = (~cut).nonzero().squeeze(1)
    cut_rows = cut.nonzero().squeeze(1)
    return NearClip(
        faces=torch.cat((faces[kept], quads[:, [0, 1, 2]], quads[:, [0, 2, 3]])),
        source_face=torch.cat((kept, cut_rows, cut_rows)),
        corners=corners,
        weights=weights,
    )


def _cut_edges(depth: Tensor, near_mm: float) -> tuple[Tensor, Tensor]:
    """Corner weights of the three corners and the three cuts of the edges, in turn, and which count."""
    following = depth.roll(-1, dims=-1)
    inside, inside_next = depth >= near_mm, following >= near_mm
    crosses = inside != inside_next
    step = torch.where(crosses, following - depth, torch.ones_like(depth))
    along = torch.where(crosses, (near_mm - depth) / step, torch.zeros_like(depth))
    corner = torch.eye(3, dtype=depth.dtype, device=depth.device).expand(*depth.shape[:-1], 3, 3)
    on_edge = (1 - along)[..., None] * corner + along[..., None] * corner.roll(-1, dims=-2)
    points = torch.stack((corner, on_edge), dim=-2).flatten(-3, -2)
    return points, torch.stack((inside, crosses), dim=-1).flatten(-2)
