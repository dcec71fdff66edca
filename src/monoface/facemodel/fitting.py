"""Fit a face model to 2D landmarks of many photos at once, under a weak-perspective camera."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel.coefficients import CoefficientLayout, FaceCoefficients
from monoface.facemodel.coefficients import project_points as project_points
from monoface.facemodel.point_basis import PointBasis
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.rotations import camera_to_head, matrix_to_6d


@dataclass(frozen=True)
class FitConfig:
    """How a fit weighs landmarks against what faces usually look like.

    Attributes:
        steps: Adam steps; the pose starts from its closed-form solution.
        learning_rate: Of Adam, for all unknowns; decays to a tenth along a cosine.
        identity_weight: Penalty on the squared identity coefficients, a coefficient.
        expression_weight: Penalty on the squared expression weights, a coefficient, and on bounded weights
            themselves.
        robust_percent: Residual, in percent of the face's size, from which a landmark pulls less.
    """

    steps: int = 120
    learning_rate: float = 0.05
    identity_weight: float = 3e-3
    expression_weight: float = 1e-2
    robust_percent: float = 4.0


@dataclass(frozen=True)
class CorrectionConfig:
    """How a good guess, a network's for instance, is weighed against landmarks.

    Attributes:
        steps: Adam steps.
        learning_rate: Of Adam, for all unknowns; decays to a tenth along a cosine.
        identity_weight: Penalty on the squared change of each identity coefficient.
        expression_weight: The same of each expression weight.
        pose_weight: The same of each of the nine numbers of the pose.
        robust_percent: Residual, in percent of the face's size, from which a landmark pulls less.
    """

    steps: int = 100
    learning_rate: float = 0.02
    identity_weight: float = 0.3
    expression_weight: float = 10.0
    pose_weight: float = 300.0
    robust_percent: float = 3.0


@dataclass(frozen=True)
class LandmarkFit:
    """Result of a fit.

    Attributes:
        coefficients: Identity, expression and pose.
        camera: Weak-perspective camera of each photo.
        output: The same as a vector of a `CoefficientLayout` for a square picture of `size_px`.
        error_percent: Weighted mean distance of the landmarks, in percent of the face's size, the
            root of the area of the landmarks' bounding box.
        layout: What the numbers of `output` mean.
    """

    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera
    output: Float[Tensor, "batch outputs"]
    error_percent: Float[Tensor, " batch"]
    layout: CoefficientLayout


def fit_landmarks(
    basis: PointBasis,
    points_px: Float[Tensor, "batch points 2"],
    weights: Float[Tensor, "batch points"],
    size_px: int,
    config: FitConfig | None = None,
) -> LandmarkFit:
    """Coefficients whose projected points lie on given landmarks.

    Args:
        basis: The face model at the landmarks.
        points_px: Landmarks; NaN counts as weight zero.
        weights: How much each landmark counts, not negative.
        size_px: Side of the square picture, to which `output` refers.
        config: Priors and effort.

    Returns:
        The fit. A photo with fewer than four weighted landmarks gets a finite but arbitrary pose and
        an error of infinity.
    """
    config = config or FitConfig()
    valid = points_px.isfinite().all(dim=-1)
    weights = torch.where(valid, weights, 0.0)
    points_px = torch.where(valid[..., None], points_px, 0.0)
    share = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    face_px = _face_size(points_px, weights)

    layout = CoefficientLayout.of(basis)
    start = _starting_pose(basis, points_px, share, layout, size_px)

    def loss(output: Tensor) -> Tensor:
        error = _percent_errors(basis, output, points_px, face_px, layout, size_px)
        return _robust(share, error, config.robust_percent) + _prior(output, layout, config)

    output = _minimised(start, loss, config.steps, config.learning_rate)
    return _measured(basis, output, points_px, weights, face_px, layout, size_px)


def correct_fit(
    basis: PointBasis,
    start: Float[Tensor, "batch outputs"],
    points_px: Float[Tensor, "batch points 2"],
    weights: Float[Tensor, "batch points"],
    size_px: int,
    config: CorrectionConfig | None = None,
) -> LandmarkFit:
    """Coefficients near a good guess, drawn towards landmarks.

    Args:
        basis: The face model at the landmarks.
        start: The guess, as a vector of a `CoefficientLayout`.
        points_px: Landmarks; NaN counts as weight zero.
        weights: How much each landmark counts against the guess, not negative. They are not normalised:
            one landmark of weight 1 pulls as hard as twenty of weight 0.05.
        size_px: Side of the square picture, to which `start` and `output` refer.
        config: How much the guess counts.

    Returns:
        The fit. Without a weighted landmark it is the guess. The error is infinite where fewer than four
        landmarks are weighted.
    """
    config = config or CorrectionConfig()
    valid = points_px.isfinite().all(dim=-1)
    weights = torch.where(valid, weights, 0.0)
    points_px = torch.where(valid[..., None], points_px, 0.0)
    layout = CoefficientLayout.of(basis)
    # The guess's own points, hidden ones too, tell a face's size better than a few visible landmarks.
    guessed = project_points(basis, *layout.decode(start, size_px))
    face_px = _face_size(guessed, torch.ones_like(weights))
    kept = torch.cat(
        (
            start.new_full((layout.identity,), config.identity_weight),
            start.new_full((layout.expression,), config.expression_weight),
            start.new_full((9,), config.pose_weight),
        )
    )

    def loss(output: Tensor) -> Tensor:
        error = _percent_errors(basis, output, points_px, face_px, layout, size_px)
        return _robust(weights, error, config.robust_percent) + (kept * (output - start).square()).sum(dim=-1)

    output = _minimised(start, loss, config.steps, config.learning_rate)
    return _measured(basis, output, points_px, weights, face_px, layout, size_px)


def _minimised(
    start: Tensor, loss: Callable[[Tensor], Tensor], steps: int, learning_rate: float
) -> Float[Tensor, "batch outputs"]:
    """Where Adam comes to from a start; every row for itself."""
    output = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([output], lr=learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps, learning_rate / 10)
    with torch.enable_grad():
        for _ in range(steps):
            total = loss(output).sum()
            adam.zero_grad()
            total.backward()
            adam.step()
            schedule.step()
    return output.detach()


def _robust(weights: Tensor, error_percent: Tensor, robust_percent: float) -> Tensor:
    """Weighted sum of errors that grows like their squares up to the robust radius, then ever more slowly."""
    squared = (error_percent / robust_percent).square()
    return (weights * torch.log1p(squared)).sum(dim=-1) * robust_percent**2


@torch.no_grad()
def _measured(
    basis: PointBasis,
    output: Tensor,
    points_px: Tensor,
    weights: Tensor,
    face_px: Tensor,
    layout: CoefficientLayout,
    size_px: int,
) -> LandmarkFit:
    share = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    error = (share * _percent_errors(basis, output, points_px, face_px, layout, size_px)).sum(dim=-1)
    error = torch.where((weights > 0).sum(dim=-1) >= 4, error, torch.inf)
    coefficients, camera = layout.decode_weak(output, size_px)
    return LandmarkFit(coefficients, camera, output, error, layout)


def _percent_errors(
    basis: PointBasis,
    output: Tensor,
    points_px: Tensor,
    face_px: Tensor,
    layout: CoefficientLayout,
    size_px: int,
) -> Tensor:
    coefficients, camera = layout.decode(output, size_px)
    squared = (project_points(basis, coefficients, camera) - points_px).square().sum(dim=-1)
    return 100 * (squared + 1e-6).sqrt() / face_px[:, None]


def _prior(output: Tensor, layout: CoefficientLayout, config: FitConfig) -> Tensor:
    identity, raw_expression, *_ = layout.split(output)
    known = config.identity_weight * identity.square().sum(dim=-1)
    if not layout.bounded:
        return known + config.expression_weight * raw_expression.square().sum(dim=-1)
    inside = raw_expression.clamp(0, 1)
    outside = (raw_expression - inside).square().sum(dim=-1)
    expression = (inside + inside.square()).sum(dim=-1)
    return known + config.expression_weight * expression + outside


def _face_size(points_px: Tensor, weights: Tensor) -> Tensor:
    seen = (weights > 0)[..., None]
    low = torch.where(seen, points_px, torch.inf).amin(dim=1)
    high = torch.where(seen, points_px, -torch.inf).amax(dim=1)
    extent = torch.where(high > low, high - low, 1.0)
    return extent.prod(dim=-1).sqrt().clamp_min(1.0)


def _starting_pose(
    basis: PointBasis, points_px: Tensor, share: Tensor, layout: CoefficientLayout, size_px: int
) -> Tensor:
    """Output vector of the mean face in the pose whose affine projection fits best."""
    batch = len(points_px)
    mean = basis.mean_mm.expand(batch, -1, -1)
    centre_mm = (share[..., None] * mean).sum(dim=1, keepdim=True)
    centre_px = (share[..., None] * points_px).sum(dim=1, keepdim=True)
    a, b = (mean - centre_mm) * share[..., None].sqrt(), (points_px - centre_px) * share[..., None].sqrt()
    # A little of the identity keeps coplanar or few landmarks solvable.
    gram = a.transpose(1, 2) @ a + torch.eye(3).to(a)
    affine = torch.linalg.solve(gram, a.transpose(1, 2) @ b).transpose(1, 2)
    u, singular, vh = torch.linalg.svd(affine, full_matrices=False)
    scale = singular.mean(dim=-1).clamp_min(1e-4)
    rows = u @ vh
    rotation = torch.cat((rows, torch.linalg.cross(rows[:, 0], rows[:, 1], dim=-1)[:, None]), dim=1)
    origin_px = centre_px[:, 0] - scale[:, None] * (rows @ centre_mm.transpose(1, 2))[..., 0]

    output = points_px.new_zeros(batch, layout.size)
    neutral = layout.decode(output, size_px)[0].rotation
    head = camera_to_head(rotation)
    upright = matrix_to_6d(camera_to_head(neutral))
    pose = torch.cat(
        (
            matrix_to_6d(head) - upright,
            (scale / (layout.SCALE_PER_SIZE * size_px)).log()[:, None],
            (origin_px - size_px / 2) / (layout.SHIFT_PER_SIZE * size_px),
        ),
        dim=-1,
    )
    output[:, layout.identity + layout.expression :] = pose
    return output
