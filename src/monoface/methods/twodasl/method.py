"""2DASL: a regressor that sees landmarks, and learns from looking twice at faces of which little is known."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from monoface.core.draws import uniform_draws
from monoface.data.batches import TrainingBatch
from monoface.facemodel import FaceCoefficients, FaceModel, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.losses.adversarial import critic_loss, deception_loss
from monoface.losses.consistency import landmark_consistency, vertex_distance
from monoface.losses.weighted_coefficients import output_displacements, weighted_squares
from monoface.methods.contract import StepResult
from monoface.methods.supervision import PosedPrediction, Supervision
from monoface.methods.twodasl.config import LANDMARK_WEIGHTS, TwoDaslConfig
from monoface.methods.twodasl.gaps import GapSupervision
from monoface.methods.twodasl.maps import KnownLandmarks, inexact_points
from monoface.networks import Critic, Regressor, RegressorConfig, with_landmark_map

MAP_SETS = ("aflw21", "ibug68_contour", "facemesh468")
"""Landmark sets that batches should carry, beside those of the supervision."""

# Purposes of the draws that decide which samples are looked at twice, and judged; maps use lower ones.
_CYCLE, _CRITIC = 100, 101

_SECOND = "second_"
_OF_CYCLE = ("consistency_3d", "cycle")


@dataclass(frozen=True)
class _Look:
    """What the network says about crops with a landmark map."""

    image: Float[Tensor, "batch 4 size size"]
    output: Float[Tensor, "batch outputs"]
    log_error: Float[Tensor, " batch"]


class TwoDasl:
    """Regressor of crops with landmark maps, and the critic of its coefficients.

    A step looks at every sample with a map of its known landmarks, drawn inexactly or not at all, and at
    some again with the landmarks found first as map.

    Args:
        model: The face model; has the sets of the supervision, `ibug68`, and `aflw21` or `flm18`.
        config: Weights.
    """

    def __init__(self, model: FaceModel, config: TwoDaslConfig | None = None) -> None:
        self.config = config = config or TwoDaslConfig()
        self.supervision = Supervision(model, config.crop_px, config.supervision)
        self.layout = self.supervision.layout
        self.known_landmarks = KnownLandmarks(model, config.crop_px)
        self._gaps = GapSupervision(model, config.crop_px) if config.gaps else None
        self._points = _joined(self.supervision.landmarks68, self.supervision.dense)
        self._landmark_weights = torch.tensor(LANDMARK_WEIGHTS, dtype=torch.float32)
        network = RegressorConfig(self.layout.size, config.crop_px, config.backbone, config.flm)
        self.regressor = Regressor(network)
        self.critic = Critic(self.layout.size, config.critic) if self._full and config.self_critic else None

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor, and the critic if it has a weight."""
        networks: dict[str, nn.Module] = {"regressor": self.regressor}
        return networks if self.critic is None else networks | {"critic": self.critic}

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""
        return tuple(dict.fromkeys((*self.config.supervision.set_weights, *MAP_SETS)))

    def to(self, device: torch.device) -> "TwoDasl":
        """Move the networks and the face model's points to a device."""
        parts = (*self.networks.values(), self.supervision, self.known_landmarks, self._points)
        for module in parts if self._gaps is None else (*parts, self._gaps):
            module.to(device)
        self._landmark_weights = self._landmark_weights.to(device)
        return self

    def step(self, batch: TrainingBatch) -> StepResult:
        """Losses of one batch."""
        config = self.config
        # The eight bits of precision that autocast keeps are too few for geometry.
        exact = torch.autocast(batch.image.device.type, enabled=False)
        with exact:
            known_px = self.known_landmarks(batch)
            shown_px = inexact_points(known_px, batch.seeds, config.crop_px, config.maps)
        first = self._look(batch.image, shown_px)
        with exact:
            one = self.supervision.decode(first.output)
            found_px = project_points(self.known_landmarks.basis, one.coefficients, one.camera)
            terms = self._terms_of_look(first, one, batch)
            if self._full:
                terms["consistency_2d"] = self._squared_px(found_px, known_px)
        if config.cycle_share:
            rows = _drawn_rows(batch, config.cycle_share, _CYCLE)
            # Running statistics, as at inference: the few samples of the second look, all of which have
            # maps, have others than the batch, and would spoil them for samples without.
            with _running_statistics(self.regressor):
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
            terms["self_critic"], totals["critic"] = self._play(self.critic, look, posed, batch)
        means, weights = self._means(terms, len(batch.labelled)), self.term_weights
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
        return (
            of_look
            | {f"{_SECOND}{name}": config.second_pass * weight for name, weight in of_look.items()}
            | {
                "consistency_2d": config.consistency_2d,
                "consistency_3d": config.consistency_3d,
                "cycle": config.cycle,
                "self_critic": config.self_critic,
            }
        )

    @property
    def _full(self) -> bool:
        return self.config.stage == "full"

    def _means(self, terms: Mapping[str, Tensor], batch: int) -> dict[str, Float[Tensor, ""]]:
        """Mean of each term over the samples it is meant for.

        For the second look and the critic that is the number of samples expected, not the one drawn: so
        means over the parts of a divided batch have the mean over the whole as theirs.
        """
        config = self.config

        def share(name: str) -> float:
            if name in _OF_CYCLE or name.startswith(_SECOND):
                return config.cycle_share
            return config.critic_share if name == "self_critic" else 1.0

        return {name: value.sum() / max(share(name) * batch, 1e-6) for name, value in terms.items()}

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
            terms["coefficients"] = self._weighted_coefficients(look.output, batch.outputs) * labelled
        if self._gaps is not None:
            terms["gaps"] = self._gaps(posed, batch)
        return terms

    def _weighted_coefficients(self, output: Tensor, true: Tensor) -> Float[Tensor, " batch"]:
        config = self.config
        with torch.no_grad():
            displacements = output_displacements(
                self.layout, self._points, output, true, config.crop_px, depth=config.coefficient_depth
            )
        return weighted_squares(output, true, displacements, config.coefficient_norm)

    def _vdc(self, posed: PosedPrediction, batch: TrainingBatch) -> Float[Tensor, " batch"]:
        known = self.layout.decode(batch.outputs, self.config.crop_px)
        found = _points_in_pixels(self._points, posed.coefficients, posed.camera)
        return vertex_distance(found, _points_in_pixels(self._points, *known)) * batch.labelled

    def _squared_px(self, found_px: Tensor, known_px: Tensor) -> Float[Tensor, " batch"]:
        seen = known_px.isfinite().all(dim=-1)
        return landmark_consistency(found_px, known_px, self._landmark_weights, seen)

    def _second_terms(
        self, look: _Look, found_first: FaceCoefficients, batch: TrainingBatch, known_px: Tensor
    ) -> dict[str, Float[Tensor, " rows"]]:
        """Terms of the second look, and those that compare it with the first."""
        posed = self.supervision.decode(look.output)
        known = self._terms_of_look(look, posed, batch)
        terms = {f"{_SECOND}{name}": value for name, value in known.items()}
        if not self._full:
            return terms
        basis, found = self.known_landmarks.basis, posed.coefficients
        shapes = (basis(one.identity, one.expression) for one in (found_first, found))
        terms["consistency_3d"] = vertex_distance(*shapes)
        terms["cycle"] = self._squared_px(project_points(basis, found, posed.camera), known_px)
        return terms

    def _play(
        self, critic: Critic, look: _Look, posed: PosedPrediction, batch: TrainingBatch
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, ""]]:
        """What the regressor has to answer for, and the critic's own loss.

        Both see coefficients as decoding understands them: a critic that sees six numbers for a rotation
        would tell the network's from true ones by their lengths.
        """
        rows = _drawn_rows(batch, self.config.critic_share, _CRITIC)
        share = max(self.config.critic_share * len(batch.labelled), 1e-6)
        with torch.autocast(look.output.device.type, enabled=False):
            found = self.layout.encode(posed.coefficients, posed.camera, self.config.crop_px)[rows]
        code = critic.encode(look.image[rows])
        true = batch.labelled[rows].float()
        judged = torch.ones_like(true) if self.config.critic_on_labelled else 1 - true
        says_true = critic_loss(critic(code, batch.outputs[rows]).float(), torch.ones_like(true)) * true
        says_found = critic_loss(critic(code, found.detach()).float(), torch.zeros_like(true)) * judged
        with _frozen(critic):
            deception = deception_loss(critic(code.detach(), found).float(), self.config.game) * judged
        return deception, (says_true + says_found).sum() / share


def _drawn_rows(batch: TrainingBatch, share: float, purpose: int) -> Int[Tensor, " rows"]:
    """About a share of a batch's samples, in order."""
    return (uniform_draws(batch.seeds, 1, purpose)[:, 0] < share).nonzero()[:, 0]


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


def _joined(first: PointBasis, second: PointBasis) -> PointBasis:
    return PointBasis(
        torch.cat((first.mean_mm, second.mean_mm)),
        torch.cat((first.identity_mm, second.identity_mm), dim=1),
        torch.cat((first.expression_mm, second.expression_mm), dim=1),
        first.corrected,
        torch.cat((first.corrective_mm, second.corrective_mm), dim=2),
    )


@contextmanager
def _running_statistics(network: nn.Module) -> Iterator[None]:
    """Let norms use what they have gathered, and gather nothing."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without reaching its weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
