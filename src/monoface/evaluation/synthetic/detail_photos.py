"""Scores the fine stage on photos: does it explain them better, and is what it makes still a surface?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.displacement.evidence import Evidence, irradiance
from monoface.geometry.crossing import crossing_triangles
from monoface.geometry.triangles import triangle_normals
from monoface.pipeline import Face
from monoface.pipeline.detailing import Detailer
from monoface.raster import interpolate, rasterize
from monoface.render import project
from monoface.shading import linear_to_srgb, srgb_to_linear
from monoface.texturing.texturer import PlacedMesh

_EIGHT_BITS = 255.0
# Skin that counts: seen well, and far enough from what stays clean.
_LEAST_WEIGHT = 0.3


@dataclass(frozen=True)
class PhotoFigures:
    """Figures of one photo.

    Attributes:
        coarse: Mean absolute difference of the coarse face and the photo, 0 to 255, over pixels of skin.
        fine: The same of the face with its relief.
        painted: The same with what the network takes for paint, too; NaN if it finds no paint.
        height_mm: Mean absolute displacement over skin.
        broken_percent: Share of displaced triangles that are flipped or pass through others, where those of
            the coarse mesh do not.
    """

    coarse: float
    fine: float
    painted: float
    height_mm: float
    broken_percent: float

    def as_errors(self) -> dict[str, float]:
        """Figures by the name of the measure."""
        return {
            "photo_coarse": self.coarse,
            "photo_fine": self.fine,
            "photo_painted": self.painted,
            "photo_height_mm": self.height_mm,
            "broken_percent": self.broken_percent,
        }


class PhotoScorer:
    """Scores photos.

    Args:
        detailer: The fine stage.
    """

    def __init__(self, detailer: Detailer) -> None:
        self._detailer = detailer

    @torch.no_grad()
    def score(self, face: Face) -> PhotoFigures | None:
        """Figures of a face in its photo; None if next to no skin is seen."""
        placed, detailer = face.skin.placed_mesh, self._detailer
        bare = face.skin.parsed.trust()
        evidence = detailer.evidence(placed, face.skin.fitted_appearance, bare)
        mesh = in_torch(placed)
        chosen = evidence.weight[0] > _LEAST_WEIGHT
        if not chosen.any():
            return None
        found = detailer.displacement(evidence)
        height = found.height_mm[0]
        fine = self._fine(evidence, found.height_mm)
        painted = fine * found.residual[:, None].exp()
        flat, relief = (detailer.dense.points(mesh.verts_camera, map_mm) for map_mm in (0 * height, height))
        has_paint = detailer.displacer.config.has_residual
        return PhotoFigures(
            coarse=self._difference(mesh, evidence, flat, srgb_to_linear(evidence.coarse)),
            fine=self._difference(mesh, evidence, relief, fine),
            painted=self._difference(mesh, evidence, relief, painted) if has_paint else float("nan"),
            height_mm=float(height[chosen].abs().mean()),
            broken_percent=self._broken_percent(flat, relief, height),
        )

    def _fine(
        self, evidence: Evidence, height_mm: Float[Tensor, "1 size size"]
    ) -> Float[Tensor, "1 3 size size"]:
        """Linear RGB of the face with its relief."""
        normals = self._detailer.displacer.normals(height_mm, evidence.surface)
        lit = [irradiance(of, evidence.light) for of in (normals, evidence.surface.normals)]
        return srgb_to_linear(evidence.coarse) * (lit[0] / lit[1].clamp_min(1e-6)).movedim(-1, 1)

    def _difference(
        self,
        mesh: PlacedMesh,
        evidence: Evidence,
        points: Float[Tensor, "dense 3"],
        linear: Float[Tensor, "1 3 size size"],
    ) -> float:
        """A render of the dense mesh against the photo, over pixels of skin."""
        dense = self._detailer.dense
        maps = torch.cat((linear[0], evidence.weight), dim=0)
        height, width = mesh.photo.shape[1:]
        shown = rasterize(project(mesh.camera, points[None]), dense.faces, (height, width))
        pixels = interpolate(dense.from_texture(maps)[None], dense.faces, shown)[0]
        skin = shown.mask[0] & (pixels[..., 3] > _LEAST_WEIGHT)
        drawn = linear_to_srgb(pixels[skin][:, :3].clamp(0, 1))
        return _EIGHT_BITS * float((drawn - mesh.photo.permute(1, 2, 0)[skin]).abs().mean())

    def _broken_percent(
        self,
        flat: Float[Tensor, "dense 3"],
        relief: Float[Tensor, "dense 3"],
        height_mm: Float[Tensor, "size size"],
    ) -> float:
        dense = self._detailer.dense
        moved = dense.from_texture(height_mm[None])[:, 0] != 0
        faces = dense.faces[moved[dense.faces].all(dim=1)]
        if not len(faces):
            return 0.0
        before, after = (triangle_normals(points, faces) for points in (flat, relief))
        flipped = ((before * after).sum(dim=-1) < 0).numpy()
        crossing = [crossing_triangles(points.numpy(), faces.numpy()) for points in (flat, relief)]
        return 100 * float((flipped | (crossing[1] & ~crossing[0])).mean())
