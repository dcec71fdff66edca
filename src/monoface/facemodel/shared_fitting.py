"""Fit one identity to several photos of a person, each with its own expression and pose."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from monoface.core.arrays import namespace
from monoface.facemodel.coefficients import CoefficientLayout, project_points
from monoface.facemodel.formulas.linear_points import LinearPoints

if TYPE_CHECKING:
    from torch import Tensor
else:
    # So that the configuration needs no PyTorch.
    Tensor = Any

# Residual, in percent of the face's size, from which a landmark pulls less.
_ROBUST_PERCENT = 3.0


@dataclass(frozen=True)
class SharedFitConfig:
    """How landmarks of all photos are weighed against guesses.

    Attributes:
        steps: Adam steps.
        learning_rate: Of Adam, for all unknowns; decays to a tenth along a cosine.
        identity_weight: Penalty on the squared change of each identity coefficient, which all photos share.
        expression_weight: The same of each expression weight of each photo.
        pose_weight: The same of each of the nine numbers of each photo's pose.
    """

    steps: int = 80
    learning_rate: float = 0.02
    identity_weight: float = 0.03
    expression_weight: float = 10.0
    pose_weight: float = 30.0


def fit_shared_identity(
    basis: LinearPoints,
    start: Float[Tensor, "photos outputs"],
    identity: Float[Tensor, " identity"],
    points_px: Float[Tensor, "photos points 2"],
    weights: Float[Tensor, "photos points"],
    size_px: int,
    config: SharedFitConfig | None = None,
) -> Float[Tensor, "photos outputs"]:
    """Posed faces of one identity, near guesses and drawn towards the landmarks of all photos.

    Args:
        basis: The face model at the landmarks.
        start: A guess for each photo, as vectors of a `CoefficientLayout` under weak perspective.
        identity: The guess of the identity that the photos share; that of `start` is ignored.
        points_px: Landmarks in square pictures; NaN counts as weight zero.
        weights: How much each landmark counts against the guesses, not negative and not normalised.
        size_px: Side of the pictures.
        config: How much the guesses count.

    Returns:
        Vectors whose identities are equal. Without a weighted landmark they are the guesses.
    """
    import torch

    config = config or SharedFitConfig()
    layout = CoefficientLayout.of(basis)
    valid = points_px.isfinite().all(dim=-1)
    weights = torch.where(valid, weights, 0.0)
    points_px = torch.where(valid[..., None], points_px, 0.0)
    posed = start[:, layout.identity :]
    face_px = _face_size(project_points(basis, *layout.decode(start, size_px)))
    kept = posed.new_full((posed.shape[1],), config.pose_weight)
    kept[: layout.expression] = config.expression_weight

    def loss(shared: Tensor, own: Tensor) -> Tensor:
        output = _joined(shared, own)
        away_px = project_points(basis, *layout.decode(output, size_px)) - points_px
        squared = away_px.square().sum(dim=-1) / face_px[:, None].square()
        relative = squared * (100 / _ROBUST_PERCENT) ** 2
        pull = (weights * torch.log1p(relative)).sum() * _ROBUST_PERCENT**2
        prior = config.identity_weight * (shared - identity).square().sum()
        return pull + prior + (kept * (own - posed).square()).sum()

    shared, own = (value.detach().clone().requires_grad_() for value in (identity, posed))
    adam = torch.optim.Adam([shared, own], lr=config.learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, config.steps, config.learning_rate / 10)
    with torch.enable_grad():
        for _ in range(config.steps):
            total = loss(shared, own)
            adam.zero_grad()
            total.backward()
            adam.step()
            schedule.step()
    return _joined(shared, own).detach()


def _joined(shared: Float[Tensor, " identity"], own: Float[Tensor, "photos others"]) -> Tensor:
    return namespace(own).concat((shared.expand(len(own), -1), own), 1)


def _face_size(points_px: Float[Tensor, "photos points 2"]) -> Float[Tensor, " photos"]:
    extent = points_px.amax(dim=1) - points_px.amin(dim=1)
    return extent.prod(dim=-1).sqrt().clamp_min(1.0)
