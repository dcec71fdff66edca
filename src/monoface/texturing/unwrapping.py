"""A photo's face in texture space, with the light and albedo that explain it: what the fine stage sees."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, in_torch
from monoface.render import TextureMap, unwrap_photo
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh, Texturer

if TYPE_CHECKING:
    from monoface.displacement.displacer import Displacer
    from monoface.displacement.evidence import Evidence


@dataclass(frozen=True, eq=False)
class UnwrappedFace(Generic[Array]):
    """One face.

    Attributes:
        texture: What the photo shows of it, and how well.
        verts_camera: Vertices in the camera frame, millimetres.
        appearance: Albedo and light, fitted to the photo; nothing of it changes with detail.
    """

    texture: TextureMap
    verts_camera: Float[Array, "verts 3"]
    appearance: Appearance


def unwrap_face(
    mesh: PlacedMesh,
    texturer: Texturer,
    trust: Float[np.ndarray, " verts"] | None = None,
    appearance: Appearance | None = None,
) -> UnwrappedFace:
    """Unwrap a photo at a texturer's size.

    Args:
        mesh: The face in its photo.
        texturer: Of its model.
        trust: How far vertices show the face's skin and nothing before it, 0 to 1; in full, if not given.
        appearance: Albedo and light, if they are known already.
    """
    layout = texturer.layout()
    texture = unwrap_photo(
        mesh.photo, mesh.camera, mesh.verts_camera, layout, weld=mesh.model.weld, trust=trust
    )
    return UnwrappedFace(texture, mesh.verts_camera, appearance or texturer.appearance(mesh, trust))


def evidence_of(face: UnwrappedFace, displacer: "Displacer") -> "Evidence":
    """An unwrapped face against its coarse face in PyTorch, as a batch of one."""
    face = in_torch(face)
    return displacer.evidence(
        face.texture.image.movedim(-1, 0)[None],
        face.texture.weight[None],
        face.verts_camera[None],
        face.appearance.albedo[None],
        face.appearance.light[None],
    )
