"""What an identity encoder is: an aligned face in, a unit vector out that says who it is."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from monoface.geometry.face_template import FaceTemplate


@runtime_checkable
class IdentityEncoder(Protocol):
    """Turns aligned faces into vectors that are near to each other for pictures of one person.

    An implementation is an `nn.Module`, in evaluation mode and without gradients to its weights when it
    comes from a file; gradients to the pictures are always there.
    """

    @property
    def size_px(self) -> int:
        """Side of the pictures it expects."""
        ...

    @property
    def template(self) -> FaceTemplate:
        """Where it expects the parts of a face."""
        ...

    def embed(self, image: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch features"]:
        """Unit vectors of faces aligned to `template` by `geometry.face_template.align_faces`, in [0, 1].

        The cosine of two of them says how alike the people are; `losses.perceptual` is one minus it.
        """
        ...
