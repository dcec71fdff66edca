"""How alike the people in several photos are, as an identity encoder sees them."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from monoface.core.on_demand import require_torch
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.pipeline.face import Face

if TYPE_CHECKING:
    from torch import Tensor

    from monoface.networks import IdentityEncoder

# The cut that faces are aligned from: in sides of the box around the 68 points, so that nothing is missing,
# and in sides of what the encoder sees, so that nothing aliases.
_CUT_PER_FACE, _CUT_PER_SIZE = 2.0, 2


class IdentityLikeness:
    """Cosines of the vectors that an identity encoder gives the people in photos.

    Args:
        encoder: By default the shipped one, read when it is first needed.
    """

    def __init__(self, encoder: "IdentityEncoder | None" = None) -> None:
        self._given = encoder

    def __call__(self, faces: Sequence[Face]) -> Float[np.ndarray, "faces faces"]:
        """How alike any two of the faces are: 1 for the same picture, about 0 for any two people."""
        require_torch("telling whether photos show one person")
        import torch

        with torch.no_grad():
            vectors = self._encoder.embed(torch.cat([_aligned(face, self._encoder) for face in faces]))
            return (vectors @ vectors.mT).double().numpy()

    @cached_property
    def _encoder(self) -> "IdentityEncoder":
        from monoface.networks.storage import load_identity_encoder

        return self._given or load_identity_encoder()


def _aligned(face: Face, encoder: "IdentityEncoder") -> "Tensor":
    """The face as an encoder expects it, as a batch of one."""
    import torch

    from monoface.geometry.face_template import align_faces

    size_px = encoder.size_px
    points_px = face.landmarks68_px * face.photo.scale
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    centre, half = (low + high) / 2, _CUT_PER_FACE / 2 * (high - low).max()
    box = np.concatenate((centre - half, centre + half)).astype(np.float64)
    cut = crop_and_resize(face.photo.image_srgb, box, _CUT_PER_SIZE * size_px)
    landmarks_px = photo_to_crop(points_px[None], box[None], _CUT_PER_SIZE * size_px)
    picture = torch.from_numpy(cut).permute(2, 0, 1)[None].float() / 255
    return align_faces(picture, torch.from_numpy(landmarks_px).float(), size_px, encoder.template)
