"""2DASL: a regressor that sees landmarks, and learns from looking twice at faces of which little is known."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import FaceCoefficients, FaceModel, PointBasis
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.losses.consistency import vertex_distance
from monoface.methods.contract import StepResult
from monoface.methods.supervision import PosedPrediction, Supervision
from monoface.methods.twodasl.config import TwoDaslConfig
from monoface.methods.twodasl.gaps import GapSupervision
from monoface.methods.twodasl.maps import KnownLandmarks
from monoface.methods.twodasl.self_terms import SECOND, SelfTerms, running_statistics
from monoface.networks import Critic, Regressor, RegressorConfig, with_landmark_map

MAP_SETS = ("aflw21", "ibug68_contour", "facemesh468")
"""Landmark sets that batches should carry, beside those of the supervision."""


@dataclass(frozen=True)
class _Look:
    """What the network says about crops with a landmark map."""

    image: Float[Tensor, "batch 4 size size"]
    output: Float[Tensor, "batch outputs"]
    log_error: Float[Tensor, " batch"]


class TwoDasl(nn.Module):
    """Regressor of crops with landmark maps, and the critic of its coefficients.

    A step looks at every sample with a map of its known landmarks, drawn inexactly or not at all, and at
    some again with the landmarks found first as map.

    Args:
        model: The face model; has the sets of the supervision, `ibug68`, and `aflw21` or `flm18`.
        config: Weights.
    """

    def __init__(self, model: FaceModel, config: TwoDaslConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TwoDaslConfig()
        self.supervision = Supervision(model, config.crop_px, config.supervision)
        self.layout = self.supervision.layout
        self._gaps = GapSupervision(model, config.crop_px) if config.gaps else None
        network = RegressorConfig(self.layout.size, config.crop_px, config.backbone, config.flm)
        self.regressor = Regressor(network)
        judged = self._full and config.self_critic != 0
        points = config.supervision.dense_points
        self._self_terms = SelfTerms(model, config.crop_px, config, points, judged=judged)

    @property
    def known_landmarks(self) -> KnownLandmarks:
        """What maps show."""
        return self._self_terms.known_landmarks

    @property
    def critic(self) -> Critic | None:
        """The critic, if it has a weight."""
        return self._self_terms.critic

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor, and the critic if it has a weight."""
        networks: dict[str, nn.Module] = {"regressor": self.regressor}
        return networks if self.critic is None else networks | {"critic": self.critic}

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""
        return tuple(dict.fromkeys((*self.config.supervision.set_weights, *MAP_SETS)))

    def step(self, batch: TrainingBatch) -> StepResult:
        """Losses of one batch."""
        config = self.config
        # The eight bits of precision that autocast keeps are too few for geometry.
        exact = torch.autocast(batch.image.device.type, enabled=False)
        with exact:
            known_px, shown_px = self._self_terms.landmarks(batch)
        first = self._look(batch.image, shown_px)
        with exact:
            one = self.supervision.decode(first.output)
            found_px = self._self_terms.found(one)
            terms = self._terms_of_look(first, one, batch)
            if self._full:
                terms["consistency_2d"] = self._self_terms.squared_px(found_px, known_px)
        if config.cycle_share:
            rows = self._self_terms.rows_to_look_at_twice(batch)
            with running_statistics(self.regressor):
                second = self._look(batch.image[rows], found_px.detach()[rows])
            with exact:
                terms |= self._second_terms(second, one.coefficients[rows], batch[rows], known_px[rows])
        return self._result(terms, first, one, batch)

    def _result(
        self, terms: dict[str, Tensor], look: _Look, posed: PosedPrediction, batch: TrainingBatch
    ) -> StepResult:
        """Totals of the networks, the critic's after those whose gradients pass through it."""
        totals = {}
        if self.critic is not None:
            play = self._self_terms.play(self.critic, look.image, posed, batch)
            terms["self_critic"], totals["critic"] = play
        count, weights = len(batch.labelled), self.term_weights
        means = {name: self._self_terms.mean(name, value, count) for name, value in terms.items()}
        total = torch.stack([weights[name] * value for name, value in means.items()]).sum()
        # Together, for each number that is fetched alone would make a GPU wait.
        logged = torch.stack(list((means | totals).values())).tolist()
        return StepResult({"regressor": total} | totals, dict(zip(means | totals, logged, strict=True)))

    @property
    def term_weights(self) -> dict[str, float]:
        """Weight of each term by its name."""
        config = self.config
        of_look = config.supervision.term_weights | {
            "coefficients": config.coefficients,
            "gaps": config.gaps,
            "vdc": config.vdc,
        }
        second = {f"{SECOND}{name}": config.second_pass * weight for name, weight in of_look.items()}
        return of_look | second | config.self_weights

    @property
    def _full(self) -> bool:
        return self.config.stage == "full"

    def _look(self, image: Tensor, points_px: Tensor) -> _Look:
        stacked = with_landmark_map(image, points_px, self.config.flm)
        return _Look(stacked, *self.regressor(stacked))

    def _terms_of_look(
        self, look: _Look, posed: PosedPrediction, batch: TrainingBatch
    ) -> dict[str, Float[Tensor, " batch"]]:
        """Terms that compare one look with what is known."""
        terms = self.supervision.terms(posed, look.log_error, batch)
        if not self._full:
            return {"vdc": self._vdc(posed, batch), "log_error": terms["log_error"]}
        labelled = batch.labelled.to(look.output)
        if self.config.coefficients:
            weighted = self._self_terms.weighted_coefficients(look.output, batch.outputs)
            terms["coefficients"] = weighted * labelled
        if self._gaps is not None:
            terms["gaps"] = self._gaps(posed, batch)
        return terms

    def _vdc(self, posed: PosedPrediction, batch: TrainingBatch) -> Float[Tensor, " batch"]:
        known = self.layout.decode(batch.outputs, self.config.crop_px)
        points = self._self_terms.points
        found = _points_in_pixels(points, posed.coefficients, posed.camera)
        return vertex_distance(found, _points_in_pixels(points, *known)) * batch.labelled

    def _second_terms(
        self, look: _Look, found_first: FaceCoefficients, batch: TrainingBatch, known_px: Tensor
    ) -> dict[str, Float[Tensor, " rows"]]:
        """Terms of the second look, and those that compare it with the first."""
        posed = self.supervision.decode(look.output)
        known = self._terms_of_look(look, posed, batch)
        terms = {f"{SECOND}{name}": value for name, value in known.items()}
        if not self._full:
            return terms
        return terms | self._self_terms.of_two_looks(found_first, posed, known_px)


def _points_in_pixels(
    basis: PointBasis, coefficients: FaceCoefficients, camera: AnyCamera
) -> Float[Tensor, "batch points 3"]:
    """Posed points in the scale of the picture; depth is counted from the model's origin."""
    points = transform_points(
        coefficients.rotation,
        coefficients.translation_mm,
        basis(coefficients.identity, coefficients.expression),
    )
    plane, depth_mm = camera.project(points)
    origin_mm = coefficients.translation_mm[:, 2]
    scale = camera.scale_at(origin_mm)[:, None]
    return torch.cat((plane, (scale * (depth_mm - origin_mm[:, None]))[..., None]), dim=-1)
