"""What regressors are told: annotated landmarks, known coefficients, and what faces are usually like.

Methods share this; what they add to it is their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from monoface.core.errors import ConfigError
from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel, LandmarkSet, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.facemodel.modes import vertex_areas
from monoface.geometry.cameras import AnyCamera
from monoface.losses.coefficients import (
    expression_prior,
    gaussian_prior,
    mean_robust,
    mean_squared,
    range_excess,
    rotation_distance,
)
from monoface.losses.landmarks import landmark_distance


@dataclass(frozen=True)
class SupervisionConfig:
    """What is weighed how.

    Attributes:
        set_weights: Weight of each annotated landmark set; the error is in percent of the crop.
            Known coefficients of a second round agree with them already; a first round had weights of 1.
        dense_weight: Weight of projected points whose true place is known, same unit.
        dense_points: How many points, beside the 68, stand for the whole face.
        shape_weight: Weight of the un-posed points' distance, in millimetres.
        absolute_scale: Whether that distance counts where faces are in the model frame, and how large. No
            photo shows it, and what it does show weighs more if they are laid on each other first.
        rotation_weight: Weight of the rotation's error, in radians.
        identity_weight: Weight of the squared error of identity coefficients.
        expression_weight: Weight of the squared error of expression weights.
        expression_robust: Error of an expression weight from which on it counts linearly, so that strong
            expressions that a label has wrong do not outweigh all others; 0 has squares throughout.
        photo_shape_weight: How much the terms on shape and identity count where labels were found in photos,
            which hardly know who is seen, as synthetic heads do. 1 counts them alike.
        identity_prior: Weight of the squared identity where it is not known.
        expression_prior: Weight of the mean expression weight, or of the mean of the squares in Gaussian
            spaces, where it is not known.
        range_weight: Weight of squared expression weights outside [0, 1].
    """

    set_weights: Mapping[str, float] = field(
        default_factory=lambda: {"aflw21": 0.5, "facemesh468": 0.3, "ibug68_contour": 0.5}
    )
    dense_weight: float = 2.0
    dense_points: int = 256
    shape_weight: float = 0.3
    absolute_scale: bool = True
    rotation_weight: float = 5.0
    identity_weight: float = 0.2
    expression_weight: float = 2.0
    expression_robust: float = 0.0
    photo_shape_weight: float = 1.0
    identity_prior: float = 0.05
    expression_prior: float = 0.2
    range_weight: float = 10.0

    def __post_init__(self) -> None:
        if self.dense_points < 1:
            raise ConfigError(f"dense_points: expected at least 1, got {self.dense_points}.")

    @classmethod
    def nothing(cls) -> "SupervisionConfig":
        """No weight at all."""
        return SupervisionConfig(
            set_weights={},
            dense_weight=0.0,
            shape_weight=0.0,
            rotation_weight=0.0,
            identity_weight=0.0,
            expression_weight=0.0,
            identity_prior=0.0,
            expression_prior=0.0,
            range_weight=0.0,
        )

    @property
    def term_weights(self) -> dict[str, float]:
        """Weight of each term by its name."""
        return {f"landmarks_{name}": weight for name, weight in self.set_weights.items()} | {
            "dense": self.dense_weight,
            "shape": self.shape_weight,
            "rotation": self.rotation_weight,
            "identity": self.identity_weight,
            "expression": self.expression_weight,
            "identity_prior": self.identity_prior,
            "expression_prior": self.expression_prior,
            "range": self.range_weight,
            "log_error": 0.1,
        }


@dataclass(frozen=True)
class PosedPrediction:
    """What a network's outputs mean.

    Attributes:
        raw_expression: Expression weights before they are clamped.
        coefficients: Shape, expression and pose.
        camera: Camera of the crop.
    """

    raw_expression: Float[Tensor, "batch expressions"]
    coefficients: FaceCoefficients
    camera: AnyCamera

    @property
    def posed(self) -> tuple[FaceCoefficients, AnyCamera]:
        """What projects points."""
        return self.coefficients, self.camera


@dataclass(frozen=True)
class KnownFaces:
    """What is known about labelled samples.

    Attributes:
        coefficients: Shape, expression and pose.
        camera: Camera of the crop.
        identity: Of the person, for the terms without pose: several photos may tell it better than one.
    """

    coefficients: FaceCoefficients
    camera: AnyCamera
    identity: Float[Tensor, "batch identity"]

    @property
    def posed(self) -> tuple[FaceCoefficients, AnyCamera]:
        """What projects points."""
        return self.coefficients, self.camera


class Supervision(nn.Module):
    """Terms of the loss that compare outputs with what is known about a batch.

    Samples with annotated landmarks pull their projections; samples whose coefficients are known pull
    points of the whole face, posed and un-posed, the rotation and the coefficients themselves.

    Args:
        model: The face model; has the sets of `config.set_weights` and `ibug68`.
        crop_px: Side of the crops.
        config: Weights.
        layout: What outputs mean; the model's geometry under weak perspective by default. What is known about
            samples always is of that kind, whatever follows it.
    """

    def __init__(
        self,
        model: FaceModel,
        crop_px: int,
        config: SupervisionConfig,
        layout: CoefficientLayout | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.crop_px = crop_px
        self.layout = layout or CoefficientLayout.of(model)
        self.sets = nn.ModuleDict({name: model.subset(model.landmarks(name)) for name in config.set_weights})
        self.landmarks68 = model.subset(model.landmarks("ibug68"))
        self.dense = model.subset(spread_points(model, config.dense_points))

    def decode(
        self, output: Float[Tensor, "batch outputs"], focal_per_size: Float[Tensor, " batch"] | None = None
    ) -> PosedPrediction:
        """Posed faces that outputs stand for; cameras are of the layout's focal length, or of given ones."""
        coefficients, camera = self.layout.decode(output, self.crop_px, focal_per_size)
        return PosedPrediction(self.layout.split(output)[1], coefficients, camera)

    def known(self, batch: TrainingBatch) -> KnownFaces:
        """What the known outputs of a batch mean."""
        coefficients, camera = self.layout.geometry.decode(batch.outputs, self.crop_px)
        return KnownFaces(coefficients, camera, coefficients.identity)

    def terms(
        self,
        predicted: PosedPrediction,
        log_error: Float[Tensor, " batch"],
        batch: TrainingBatch,
        known: KnownFaces | None = None,
    ) -> dict[str, Float[Tensor, " batch"]]:
        """Every term by name, before weighting; zero for samples that it does not concern.

        Args:
            predicted: What outputs mean.
            log_error: The expected error.
            batch: What is known.
            known: What its known outputs mean, where that is more than the layout's geometry says.
        """
        known = known or self.known(batch)
        labelled = batch.labelled.to(log_error)
        terms, error_px, annotated = self.landmark_terms(predicted, batch)
        terms |= self._posed_terms(predicted, known, labelled)
        identified = labelled * torch.where(
            batch.synthetic, 1.0, self.config.photo_shape_weight * batch.trust
        )
        terms |= self._unposed_terms(predicted, known, labelled, identified)
        terms["identity_prior"] = gaussian_prior(predicted.coefficients.identity) * (1 - identified)
        amount = expression_prior(predicted.coefficients.expression, bounded=self.layout.bounded)
        terms["expression_prior"] = amount * (1 - labelled)
        if self.layout.bounded:
            terms["range"] = range_excess(predicted.raw_expression, 0.0, 1.0)

        posed68 = landmark_distance_all(self.landmarks68, predicted.posed, known.posed)
        error_px = torch.where(batch.labelled, posed68, error_px).detach()
        # The size of a face in its crop is the crop's side over sqrt(2).
        measured = (error_px / (self.crop_px / 2**0.5)).clamp_min(1e-3).log()
        # A sample without any landmark says nothing about the error.
        terms["log_error"] = (log_error - measured).abs() * (annotated | batch.labelled)
        return terms

    def weighted(self, terms: Mapping[str, Float[Tensor, " batch"]]) -> Float[Tensor, " batch"]:
        """Sum of terms under the weights of the configuration."""
        weights = self.config.term_weights
        return torch.stack([weights[name] * value for name, value in terms.items()]).sum(dim=0)

    def landmark_terms(
        self, predicted: PosedPrediction, batch: TrainingBatch
    ) -> tuple[dict[str, Float[Tensor, " batch"]], Float[Tensor, " batch"], Bool[Tensor, " batch"]]:
        """Terms by name, mean distance in pixels over the sets of a sample, and whether it has any."""
        terms: dict[str, Tensor] = {}
        total, count = torch.zeros_like(batch.outputs[:, 0]), torch.zeros_like(batch.outputs[:, 0])
        for name, basis in self.sets.items():
            assert isinstance(basis, PointBasis)
            target = batch.points_px[name]
            seen = target.isfinite().all(dim=-1)
            projected = project_points(basis, predicted.coefficients, predicted.camera)
            distance_px = landmark_distance(
                projected, torch.where(seen[..., None], target, 0.0), seen.to(projected)
            )
            terms[f"landmarks_{name}"] = 100 * distance_px / self.crop_px
            total, count = total + distance_px, count + seen.any(dim=-1).to(count)
        return terms, total / count.clamp_min(1), count > 0

    def _posed_terms(
        self, predicted: PosedPrediction, known: KnownFaces, labelled: Tensor
    ) -> dict[str, Tensor]:
        dense_px = landmark_distance_all(self.landmarks68, predicted.posed, known.posed)
        dense_px = dense_px + landmark_distance_all(self.dense, predicted.posed, known.posed)
        turn = rotation_distance(predicted.coefficients.rotation, known.coefficients.rotation)
        return {"dense": 50 * dense_px / self.crop_px * labelled, "rotation": turn * labelled}

    def _unposed_terms(
        self, predicted: PosedPrediction, known: KnownFaces, labelled: Tensor, identified: Tensor
    ) -> dict[str, Tensor]:
        found, true_expression = predicted.coefficients, known.coefficients.expression
        shape = self.dense(found.identity, found.expression)
        true_shape = self.dense(known.identity, true_expression)
        if not self.config.absolute_scale:
            shape, true_shape = scale_aligned(shape, true_shape)
        off = shape - true_shape
        distance = (off.square().sum(dim=-1) + 0.25).sqrt().mean(dim=-1) - 0.5
        return {
            "shape": distance * identified,
            "identity": mean_squared(found.identity, known.identity) * identified,
            "expression": self._expression_error(predicted.raw_expression, true_expression) * labelled,
        }

    def _expression_error(self, found: Tensor, known: Tensor) -> Float[Tensor, " batch"]:
        robust = self.config.expression_robust
        return mean_robust(found, known, robust) if robust else mean_squared(found, known)


def scale_aligned(
    points: Float[Tensor, "batch points 3"], target: Float[Tensor, "batch points 3"]
) -> tuple[Float[Tensor, "batch points 3"], Float[Tensor, "batch points 3"]]:
    """Both point sets around their centres, the first scaled to fit the second in least squares."""
    points = points - points.mean(dim=1, keepdim=True)
    target = target - target.mean(dim=1, keepdim=True)
    scale = (points * target).sum(dim=(1, 2)) / points.square().sum(dim=(1, 2))
    return scale[:, None, None] * points, target


def landmark_distance_all(
    basis: PointBasis,
    predicted: tuple[FaceCoefficients, AnyCamera],
    known: tuple[FaceCoefficients, AnyCamera],
) -> Float[Tensor, " batch"]:
    """Mean distance in pixels of a basis's points under two posed faces; one value per sample."""
    target = project_points(basis, *known)
    return landmark_distance(project_points(basis, *predicted), target, torch.ones_like(target[..., 0]))


def spread_points(model: FaceModel, count: int, region: str = "face") -> LandmarkSet:
    """Vertices of a region spread evenly over its area: the same ones every time."""
    mask = model.data.regions[region]
    areas = vertex_areas(model.mean_mm, model.faces, model.weld) * mask
    chosen = torch.multinomial(areas, count, generator=torch.Generator().manual_seed(0))
    return LandmarkSet.from_vertices(chosen.sort().values.numpy())
