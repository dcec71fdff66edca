"""The face of one person in one of several photos, with what the photos have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from monoface.pipeline.face import Face
from monoface.pipeline.face_skin import FaceSkin
from monoface.texturing.appearance import Appearance, fit_shared_appearance
from monoface.texturing.merging import SeenTexture, merge_textures
from monoface.texturing.texturer import PlacedMesh

MOST_MERGED = 24
"""Photos that a texture is merged from: each takes 36 bytes a texel while that is done."""

# Finer photos than this show no more than the texture can hold.
_FINEST_PX_PER_MM = 2.0


class SharedAppearance:
    """Albedo, lights and texture of one face in several photos, computed when first asked for.

    Args:
        skins: The face in each photo.
        reference: The photo whose light and exposure the texture has.
    """

    def __init__(self, skins: Sequence[FaceSkin], reference: int) -> None:
        self._skins = skins
        self.reference = reference

    @cached_property
    def appearances(self) -> list[Appearance]:
        """One albedo, and a light for each photo."""
        assets = self._skins[0].assets
        seen = []
        for skin in self._skins:
            seen.append(assets.texturer.seen_skin(skin.placed_mesh, skin.bare_skin))
            skin.forget_mesh()
        return fit_shared_appearance(assets.model, seen)

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """What any photo shows, from where it is seen best; the rest filled as for the reference photo."""
        texturer = self._skins[0].assets.texturer
        seen, fills = [], []
        chosen = self.textured
        for row in chosen:
            skin, appearance = self._skins[row], self.appearances[row]
            mesh = skin.placed_mesh
            skin.forget_mesh()
            shown, fill = texturer.shown(mesh, appearance, skin.bare_skin, skin.own_skin)
            facing = texturer.layout().from_vertices(-mesh.normals[:, 2:])[..., 0].clip(0, 1)
            confidence = np.float32(skin.posed.confidence)
            quality = shown.weight * np.square(facing) * confidence * _fineness(mesh)
            seen.append(SeenTexture(shown, quality, appearance.light[0]))
            fills.append(fill)
        reference = chosen.index(self.reference)
        merged = merge_textures(seen, reference)
        bare = np.stack([self._skins[row].bare_skin for row in chosen]).min(axis=0)
        return texturer.completed(merged, fills[reference], bare)

    @cached_property
    def textured(self) -> list[int]:
        """Rows of the photos that the texture is merged from: all, or so many as `MOST_MERGED`.

        Of too many the reference photo is taken first, and then, one by one, the photo that shows most of the
        face better than those before.
        """
        if len(self._skins) <= MOST_MERGED:
            return list(range(len(self._skins)))
        seen = np.stack([_seen(skin) for skin in self._skins])
        chosen = [self.reference]
        while len(chosen) < MOST_MERGED:
            gain = (seen - seen[chosen].max(axis=0)).clip(0).sum(axis=1)
            gain[chosen] = -1
            chosen.append(int(gain.argmax()))
        return sorted(chosen)

    def __getstate__(self) -> dict[str, Any]:
        kept = {"_skins": self._skins, "reference": self.reference}
        return kept | ({"texture": self.texture} if "texture" in self.__dict__ else {})


@dataclass(frozen=True, eq=False, repr=False)
class SharedSkin(FaceSkin):
    """Surface of a person's face in one of several photos. Albedo and texture are those of all photos.

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


@dataclass(frozen=True, eq=False, repr=False)
class SharedFace(Face):
    """A person's face in one of several photos. Shape, albedo and texture are those of all photos."""

    skin: SharedSkin


def _seen(skin: FaceSkin) -> Float[np.ndarray, " verts"]:
    """How well a photo shows each vertex, 0 to 1."""
    mesh = skin.placed_mesh
    skin.forget_mesh()
    return (-mesh.normals[:, 2]).clip(0, 1) * mesh.visible * skin.posed.confidence


def _fineness(mesh: PlacedMesh) -> float:
    """How finely the photo shows the face, 0 to 1."""
    extent_px, extent_mm = (
        float(np.ptp(points, axis=0).max()) for points in (mesh.verts_px[:, :2], mesh.verts_camera[:, :2])
    )
    return min(1.0, extent_px / max(extent_mm, 1e-6) / _FINEST_PX_PER_MM)
