"""Faces brought into the place where identity encoders expect them.

Five points are brought on to a template by a similarity, and the picture is resampled under it with
gradients. So a loss on what an encoder sees of a render reaches the render. Which five points, and where
they belong, depends on the encoder's training.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.geometry.face_chips import CHIP_POINTS_OF_68, chip_template
from monoface.geometry.planar import PlanarSimilarity, fit_planar_similarity, warp_image


@dataclass(frozen=True)
class FaceTemplate:
    """Five points of a face, and where they belong in a square picture.

    Attributes:
        groups: For each point, rows of the 68 whose mean it is.
        places: Where it belongs, in sides of the square from its upper left corner.
    """

    groups: tuple[tuple[int, ...], ...]
    places: tuple[tuple[float, float], ...]

    def at(self, size: int) -> Float[Tensor, "5 2"]:
        """Where the points belong, in pixels of a square picture."""
        return torch.tensor(self.places) * size

    def points(self, landmarks68_px: Float[Tensor, "*batch 68 2"]) -> Float[Tensor, "*batch 5 2"]:
        """The five points of faces from their 68."""
        return torch.stack(
            [landmarks68_px[..., list(group), :].mean(dim=-2) for group in self.groups], dim=-2
        )

    def alignment(self, landmarks68_px: Float[Tensor, "batch 68 2"], size: int) -> PlanarSimilarity:
        """Similarity from pixels of pictures to pixels of aligned squares of a given side."""
        five = self.points(landmarks68_px)
        return fit_planar_similarity(five, self.at(size).to(five)[None])


# In pixels of a square of 112, as published with ArcFace (there the first pixel's centre is at 0, 0).
_ARCFACE_SIDE_PX = 112
_ARCFACE_PX = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip

ARCFACE_FACE = FaceTemplate(
    groups=(tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,)),
    places=tuple(((x + 0.5) / _ARCFACE_SIDE_PX, (y + 0.5) / _ARCFACE_SIDE_PX) for x, y in _ARCFACE_PX),
)
"""Centre of the eye at image left, of that at image right, tip of the nose, corners of the mouth.

Reference:
    Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019; the numbers are
    those of its authors' alignment, moved by half a pixel to our convention.
"""

CHIP_FACE = FaceTemplate(
    groups=tuple((row,) for row in CHIP_POINTS_OF_68),
    places=tuple((float(x), float(y)) for x, y in chip_template(1)),
)
"""Corners of the eyes and nose base as dlib's recognition network expects them; see `geometry.face_chips`."""


def align_faces(
    image: Float[Tensor, "batch channels height width"],
    landmarks68_px: Float[Tensor, "batch 68 2"],
    size: int,
    template: FaceTemplate = ARCFACE_FACE,
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
        template: Where the encoder expects the face: its `template`.
        through_landmarks: Whether gradients reach the landmarks.
    """
    landmarks = landmarks68_px if through_landmarks else landmarks68_px.detach()
    return warp_image(image, template.alignment(landmarks, size), size)
