"""Faces brought into the place where identity encoders expect them.

Five points (the eyes' centres, the tip of the nose, the corners of the mouth) are brought on to a template by
a similarity, and the picture is resampled under it with gradients. So a loss on what an encoder sees of a
render reaches the render.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.geometry.planar import PlanarSimilarity, fit_planar_similarity, warp_image

FIVE_OF_68 = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))
"""The five points as means of the 68: eye at image left, eye at image right, nose, corners of the mouth."""

# In pixels of a square of 112, as published with ArcFace (there the first pixel's centre is at 0, 0).
_TEMPLATE_SIDE_PX = 112
_TEMPLATE_PX = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip


def face_template(size: int) -> Float[Tensor, "5 2"]:
    """Where the five points belong, in pixels of a square picture.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019; the
        numbers are those of its authors' alignment, moved by half a pixel to our convention.
    """
    return (torch.tensor(_TEMPLATE_PX) + 0.5) * (size / _TEMPLATE_SIDE_PX)


def five_points(landmarks68_px: Float[Tensor, "*batch 68 2"]) -> Float[Tensor, "*batch 5 2"]:
    """The five points of faces from their 68."""
    return torch.stack([landmarks68_px[..., list(group), :].mean(dim=-2) for group in FIVE_OF_68], dim=-2)


def face_alignment(landmarks68_px: Float[Tensor, "batch 68 2"], size: int) -> PlanarSimilarity:
    """Similarity from pixels of pictures to pixels of aligned squares of a given side."""
    five = five_points(landmarks68_px)
    return fit_planar_similarity(five, face_template(size).to(five)[None])


def align_faces(
    image: Float[Tensor, "batch channels height width"],
    landmarks68_px: Float[Tensor, "batch 68 2"],
    size: int,
    *,
    through_landmarks: bool = False,
) -> Float[Tensor, "batch channels {size} {size}"]:
    """Pictures of faces as identity encoders expect them.

    Gradients reach the pictures, and the landmarks only if asked for: whoever compares a render with a photo
    wants the face to change, not the place where it is looked at.

    Args:
        image: Pictures, each with one face, not more than about twice as large as in the result (larger
            ones alias; reduce them first). What lies beyond the border repeats it.
        landmarks68_px: The 68 points in pixels of the pictures, finite. Only inner points are used.
        size: Side of the result in pixels: the encoder's `size_px`.
        through_landmarks: Whether gradients reach the landmarks.
    """
    landmarks = landmarks68_px if through_landmarks else landmarks68_px.detach()
    return warp_image(image, face_alignment(landmarks, size), size)
