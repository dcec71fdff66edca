"""A face model reduced to a few points of its surface, in PyTorch."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from monoface.facemodel.formulas.linear_points import LinearPoints


class PointBasis(LinearPoints[Tensor], nn.Module):
    """A face model's mean and bases at a few points of its surface, in millimetres.

    Points on the eyeballs do not turn here.

    Args:
        mean_mm: Points of the mean, neutral face.
        identity_mm: Offsets of identity modes.
        expression_mm: Offsets of expressions at weight 1, without correctives.
        corrected: Rows of the expressions that do more, depending on identity (see `Correctives`).
        corrective_mm: What they do besides; without it, nothing.
        bounded: Whether expression weights lie in [0, 1], as of the face model.
    """

    def __init__(
        self,
        mean_mm: Float[Tensor, "points 3"],
        identity_mm: Float[Tensor, "identity points 3"],
        expression_mm: Float[Tensor, "expressions points 3"],
        corrected: Int[Tensor, " corrected"] | None = None,
        corrective_mm: Float[Tensor, "corrected identity points 3"] | None = None,
        *,
        bounded: bool,
    ) -> None:
        super().__init__()
        self.bounded = bounded
        if corrected is None or corrective_mm is None:
            corrected = torch.zeros(0, dtype=torch.long, device=mean_mm.device)
            corrective_mm = mean_mm.new_zeros(0, *identity_mm.shape)
        self.register_buffer("mean_mm", mean_mm, persistent=False)
        self.register_buffer("identity_mm", identity_mm, persistent=False)
        self.register_buffer("expression_mm", expression_mm, persistent=False)
        self.register_buffer("corrected", corrected, persistent=False)
        self.register_buffer("corrective_mm", corrective_mm, persistent=False)

    def moved(self, offset_mm: Float[Tensor, "points 3"]) -> "PointBasis":
        """The same points, each beside its place on the mean face by an offset in the model frame."""
        return PointBasis(
            self.mean_mm + offset_mm,
            self.identity_mm,
            self.expression_mm,
            self.corrected,
            self.corrective_mm,
            bounded=self.bounded,
        )

    def expression_basis_for(
        self, identity: Float[Tensor, "batch identity"]
    ) -> Float[Tensor, "batch expressions points 3"]:
        """Offsets of expressions at weight 1 of given people: the basis with its correctives."""
        basis = self.expression_mm.expand(len(identity), -1, -1, -1)
        if not len(self.corrected):
            return basis
        extra = torch.einsum("bk,ekpc->bepc", identity, self.corrective_mm)
        return basis.index_add(1, self.corrected, extra)

    def identity_basis_for(
        self, expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch identity points 3"]:
        """Offsets of identity modes of faces in given expressions: the basis with its correctives."""
        basis = self.identity_mm.expand(len(expression), -1, -1, -1)
        if not len(self.corrected):
            return basis
        return basis + torch.einsum("be,ekpc->bkpc", expression[:, self.corrected], self.corrective_mm)
