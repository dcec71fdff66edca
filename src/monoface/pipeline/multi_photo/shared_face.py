"""The face of one person in one of several photos, with what the photos have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.pipeline.results import Face
from monoface.texturing.appearance import Appearance, fit_shared_appearance
from monoface.texturing.merging import SeenTexture, merge_textures
from monoface.texturing.texturer import PlacedMesh, Texturer

# Finer photos than this show no more than the texture can hold.
_FINEST_PX_PER_MM = 2.0


class SharedAppearance:
    """Albedo, lights and texture of one face in several photos, computed when first asked for.

    Args:
        texturer: Of the face model.
        meshes: The face in each photo.
        confidence: Of each photo.
        reference: The photo whose light and exposure the texture has.
    """

    def __init__(
        self,
        texturer: Texturer,
        meshes: Sequence[PlacedMesh],
        confidence: Float[Tensor, " photos"],
        reference: int,
    ) -> None:
        self._texturer = texturer
        self._meshes = meshes
        self._confidence = confidence
        self.reference = reference

    @cached_property
    def appearances(self) -> list[Appearance]:
        """One albedo, and a light for each photo."""
        skin = [self._texturer.seen_skin(mesh) for mesh in self._meshes]
        return fit_shared_appearance(self._texturer.model, skin)

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """What any photo shows, from where it is seen best; the rest filled as for the reference photo."""
        seen, fills = [], []
        for mesh, appearance, confidence in zip(
            self._meshes, self.appearances, self._confidence, strict=True
        ):
            shown, fill = self._texturer.shown(mesh, appearance)
            facing = self._texturer.layout().from_vertices(-mesh.normals[:, 2:])[..., 0].clamp(0, 1)
            quality = shown.weight * facing.square() * confidence * _fineness(mesh)
            seen.append(SeenTexture(shown, quality, appearance.light[0]))
            fills.append(fill)
        merged = merge_textures(seen, self.reference)
        return self._texturer.completed(merged, fills[self.reference])


@dataclass(frozen=True, eq=False, repr=False)
class SharedFace(Face):
    """A person's face in one of several photos. Shape, albedo and texture are those of all photos.

    Attributes:
        shared: What the photos have in common.
        row: Which of the photos that were used this is.
    """

    shared: SharedAppearance
    row: int

    @cached_property
    def appearance(self) -> Appearance:
        """The albedo that all photos share, and the light of this one."""
        return self.shared.appearances[self.row]

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The merged texture, in the light of the reference photo; computed when first asked for."""
        return self.shared.texture


def _fineness(mesh: PlacedMesh) -> float:
    """How finely the photo shows the face, 0 to 1."""
    extent_px, extent_mm = (
        float((points.amax(dim=0) - points.amin(dim=0)).amax())
        for points in (mesh.verts_px[:, :2], mesh.verts_camera[:, :2])
    )
    return min(1.0, extent_px / max(extent_mm, 1e-6) / _FINEST_PX_PER_MM)
