"""The first training: landmarks, coefficients and priors, no rendering."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from monoface.data.batches import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel, LandmarkSet, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.facemodel.modes import vertex_areas
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.losses.coefficients import gaussian_prior, mean_squared, range_excess, rotation_distance
from monoface.losses.landmarks import landmark_distance
from monoface.methods.contract import StepResult
from monoface.methods.pretrain.config import PretrainConfig
from monoface.networks import Regressor, RegressorConfig


@dataclass(frozen=True)
class _Prediction:
    raw_expression: Tensor
    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera


class Pretrain:
    """Regressor of identity, expression and weak-perspective pose.

    Samples with annotated landmarks pull their projections; samples whose coefficients are known pull
    points of the whole face, posed and un-posed, the rotation and the coefficients themselves.

    Args:
        model: The face model; has the sets of `config.set_weights` and `ibug68`.
        config: Weights.
    """

    def __init__(self, model: FaceModel, config: PretrainConfig | None = None) -> None:
        self.config = config or PretrainConfig()
        self.layout = CoefficientLayout.of(model)
        regressor = RegressorConfig(self.layout.size, self.config.crop_px, self.config.backbone)
        self.regressor = Regressor(regressor)
        self._sets = {name: model.subset(model.landmarks(name)) for name in self.config.set_weights}
        self._landmarks68 = model.subset(model.landmarks("ibug68"))
        self._dense = model.subset(spread_points(model, self.config.dense_points))

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor alone."""
        return {"regressor": self.regressor}

    def to(self, device: torch.device) -> "Pretrain":
        """Move the networks and the face model's points to a device."""
        for module in (self.regressor, *self._sets.values(), self._landmarks68, self._dense):
            module.to(device)
        return self

    def step(self, batch: TrainingBatch) -> StepResult:
        """Losses of one batch."""
        output, log_error = self.regressor(batch.image)
        # The eight bits of precision that autocast keeps are too few for geometry.
        with torch.autocast(output.device.type, enabled=False):
            return self._losses(output, log_error, batch)

    def _losses(self, output: Tensor, log_error: Tensor, batch: TrainingBatch) -> StepResult:
        predicted = self._decode(output)
        known = self.layout.decode(batch.outputs, self.config.crop_px)
        labelled = batch.labelled.to(output)

        terms, error_px, annotated = self._landmark_terms(predicted, batch)
        terms |= self._label_terms(predicted, known, labelled)
        unknown = 1 - labelled
        terms["identity_prior"] = gaussian_prior(predicted.coefficients.identity) * unknown
        terms["expression_prior"] = predicted.coefficients.expression.mean(dim=-1) * unknown
        if self.layout.bounded:
            terms["range"] = range_excess(predicted.raw_expression, 0.0, 1.0)

        posed68 = landmark_distance_all(self._landmarks68, (predicted.coefficients, predicted.camera), known)
        error_px = torch.where(batch.labelled, posed68, error_px).detach()
        measured = (error_px / self._face_px).clamp_min(1e-3).log()
        # A sample without any landmark says nothing about the error.
        terms["log_error"] = (log_error - measured).abs() * (annotated | batch.labelled)
        weights = self._weights()
        total = sum((weights[name] * value for name, value in terms.items()), torch.zeros_like(log_error))
        return StepResult(
            {"regressor": total.mean()}, {name: float(value.detach().mean()) for name, value in terms.items()}
        )

    @property
    def _face_px(self) -> float:
        """Size of a face in its crop: the crop's side over sqrt(2)."""
        return self.config.crop_px / 2**0.5

    def _weights(self) -> dict[str, float]:
        config = self.config
        return {f"landmarks_{name}": weight for name, weight in config.set_weights.items()} | {
            "dense": config.dense_weight,
            "shape": config.shape_weight,
            "rotation": config.rotation_weight,
            "identity": config.identity_weight,
            "expression": config.expression_weight,
            "identity_prior": config.identity_prior,
            "expression_prior": config.expression_prior,
            "range": config.range_weight,
            "log_error": 0.1,
        }

    def _decode(self, output: Tensor) -> _Prediction:
        coefficients, camera = self.layout.decode(output, self.config.crop_px)
        return _Prediction(self.layout.split(output)[1], coefficients, camera)

    def _landmark_terms(
        self, predicted: _Prediction, batch: TrainingBatch
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Terms by name, mean distance in pixels over the sets of a sample, and whether it has any."""
        terms: dict[str, Tensor] = {}
        total, count = torch.zeros_like(batch.outputs[:, 0]), torch.zeros_like(batch.outputs[:, 0])
        for name, basis in self._sets.items():
            target = batch.points_px[name]
            seen = target.isfinite().all(dim=-1)
            projected = project_points(basis, predicted.coefficients, predicted.camera)
            distance_px = landmark_distance(
                projected, torch.where(seen[..., None], target, 0.0), seen.to(projected)
            )
            terms[f"landmarks_{name}"] = 100 * distance_px / self.config.crop_px
            total, count = total + distance_px, count + seen.any(dim=-1).to(count)
        return terms, total / count.clamp_min(1), count > 0

    def _label_terms(
        self, predicted: _Prediction, known: tuple[FaceCoefficients, WeakPerspectiveCamera], labelled: Tensor
    ) -> dict[str, Tensor]:
        posed = (predicted.coefficients, predicted.camera)
        dense_px = landmark_distance_all(self._landmarks68, posed, known)
        dense_px = dense_px + landmark_distance_all(self._dense, posed, known)
        found, truth = predicted.coefficients, known[0]
        shape = self._dense(found.identity, found.expression) - self._dense(truth.identity, truth.expression)
        terms = {
            "dense": 50 * dense_px / self.config.crop_px,
            "shape": (shape.square().sum(dim=-1) + 0.25).sqrt().mean(dim=-1) - 0.5,
            "rotation": rotation_distance(found.rotation, truth.rotation),
            "identity": mean_squared(found.identity, truth.identity),
            "expression": mean_squared(predicted.raw_expression, truth.expression),
        }
        return {name: value * labelled for name, value in terms.items()}


def landmark_distance_all(
    basis: PointBasis,
    predicted: tuple[FaceCoefficients, WeakPerspectiveCamera],
    known: tuple[FaceCoefficients, WeakPerspectiveCamera],
) -> Tensor:
    """Mean distance in pixels of a basis's points under two posed faces; one value per sample."""
    target = project_points(basis, *known)
    return landmark_distance(project_points(basis, *predicted), target, torch.ones_like(target[..., 0]))


def spread_points(model: FaceModel, count: int) -> LandmarkSet:
    """Vertices of the face spread evenly over its area: the same ones every time."""
    mask = model.data.regions["face"]
    areas = vertex_areas(model.mean_mm, model.faces, model.weld) * mask
    chosen = torch.multinomial(areas, count, generator=torch.Generator().manual_seed(0))
    return LandmarkSet.from_vertices(chosen.sort().values.numpy())
