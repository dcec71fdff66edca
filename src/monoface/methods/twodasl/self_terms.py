"""What 2DASL learns without labels: from landmark maps, from looking twice, and from a critic.

Methods share this that learn from it among other things.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from monoface.core.seeded_sampling import sample_rows
from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel, LandmarkSet
from monoface.facemodel.fitting import project_points
from monoface.losses.adversarial import critic_loss, deception_loss
from monoface.losses.consistency import landmark_consistency, vertex_distance
from monoface.losses.weighted_coefficients import output_displacements, weighted_squares
from monoface.methods.supervision import PosedPrediction, spread_points
from monoface.methods.twodasl.config import LANDMARK_WEIGHTS, SelfTermsConfig
from monoface.methods.twodasl.maps import KnownLandmarks, inexact_points
from monoface.networks import Critic

SECOND = "second_"
"""What terms of the second look are called by, before the name that they have of the first."""

# Purposes of the draws that decide which samples are looked at twice, and judged; maps use lower ones.
_CYCLE, _CRITIC = 100, 101
_OF_CYCLE = ("consistency_3d", "cycle")


class SelfTerms(nn.Module):
    """Landmark maps, comparisons of two looks at the same faces, and the critic of coefficients.

    Args:
        model: The face model; has the sets `ibug68`, and `aflw21` or `flm18`.
        crop_px: Side of the crops.
        config: Weights and shares.
        dense_points: How many points, beside the 68, stand for the whole face where coefficients are weighed.
        judged: Whether there is a critic.
    """

    _landmark_weights: Tensor

    def __init__(
        self, model: FaceModel, crop_px: int, config: SelfTermsConfig, dense_points: int, *, judged: bool
    ) -> None:
        super().__init__()
        self.config = config
        self.layout = CoefficientLayout.of(model)
        self.known_landmarks = KnownLandmarks(model, crop_px)
        self.critic = Critic(self.layout.size, config.critic) if judged else None
        self._crop_px = crop_px
        points = LandmarkSet.joined(model.landmarks("ibug68"), spread_points(model, dense_points))
        self.points = model.subset(points)
        weights = torch.tensor(LANDMARK_WEIGHTS, dtype=torch.float32)
        self.register_buffer("_landmark_weights", weights, persistent=False)

    def landmarks(
        self, batch: TrainingBatch
    ) -> tuple[Float[Tensor, "batch 18 2"], Float[Tensor, "batch 18 2"]]:
        """The 18 points as they are known, and as the maps of the first look show them."""
        known_px = self.known_landmarks(batch)
        return known_px, inexact_points(known_px, batch.seeds, self._crop_px, self.config.maps)

    def found(self, posed: PosedPrediction) -> Float[Tensor, "batch 18 2"]:
        """The 18 points of predicted faces."""
        return project_points(self.known_landmarks.basis, *posed.posed)

    def squared_px(
        self, found_px: Float[Tensor, "batch 18 2"], known_px: Float[Tensor, "batch 18 2"]
    ) -> Float[Tensor, " batch"]:
        """Weighted mean of squared distances of the points that are known."""
        seen = known_px.isfinite().all(dim=-1)
        return landmark_consistency(found_px, known_px, self._landmark_weights, seen)

    def weighted_coefficients(
        self, output: Float[Tensor, "batch outputs"], true: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, " batch"]:
        """Squared errors of a geometry's outputs, weighed by how far each one moves the face."""
        config = self.config
        with torch.no_grad():
            displacements = output_displacements(
                self.layout, self.points, output, true, self._crop_px, depth=config.coefficient_depth
            )
        return weighted_squares(output, true, displacements, config.coefficient_norm)

    def rows_to_look_at_twice(self, batch: TrainingBatch) -> Int[Tensor, " rows"]:
        """About a share of a batch's samples, in order."""
        return sample_rows(batch.seeds, self.config.cycle_share, _CYCLE)

    def of_two_looks(
        self,
        first: FaceCoefficients,
        second: PosedPrediction,
        known_px: Float[Tensor, "rows 18 2"],
    ) -> dict[str, Float[Tensor, " rows"]]:
        """How far the second look is from the first, without pose, and from what is known."""
        basis, found = self.known_landmarks.basis, second.coefficients
        shapes = (basis(one.identity, one.expression) for one in (first, found))
        return {
            "consistency_3d": vertex_distance(*shapes),
            "cycle": self.squared_px(self.found(second), known_px),
        }

    def play(
        self,
        critic: Critic,
        image: Float[Tensor, "batch 4 size size"],
        posed: PosedPrediction,
        batch: TrainingBatch,
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, ""]]:
        """What the regressor has to answer for, and the critic's own loss.

        Both see coefficients as decoding understands them: a critic that sees six numbers for a rotation
        would tell the network's from true ones by their lengths.
        """
        rows = sample_rows(batch.seeds, self.config.critic_share, _CRITIC)
        share = max(self.config.critic_share * len(batch.labelled), 1e-6)
        with torch.autocast(image.device.type, enabled=False):
            found = self.layout.encode(posed.coefficients, posed.camera, self._crop_px)[rows]
        code = critic.encode(image[rows])
        true = batch.labelled[rows].float()
        judged = torch.ones_like(true) if self.config.critic_on_labelled else 1 - true
        says_true = critic_loss(critic(code, batch.outputs[rows]).float(), torch.ones_like(true)) * true
        says_found = critic_loss(critic(code, found.detach()).float(), torch.zeros_like(true)) * judged
        with _frozen(critic):
            deception = deception_loss(critic(code.detach(), found).float(), self.config.game) * judged
        return deception, (says_true + says_found).sum() / share

    def mean(self, name: str, values: Float[Tensor, " samples"], batch: int) -> Float[Tensor, ""]:
        """Mean of a term over the samples it is meant for.

        For the second look and the critic that is the number of samples expected, not the one drawn: so
        means over the parts of a divided batch have the mean over the whole as theirs.
        """
        share = 1.0
        if name in _OF_CYCLE or name.startswith(SECOND):
            share = self.config.cycle_share
        elif name == "self_critic":
            share = self.config.critic_share
        return values.sum() / max(share * batch, 1e-6)


@contextmanager
def running_statistics(network: nn.Module) -> Iterator[None]:
    """Let norms use what they have gathered, and gather nothing.

    The few samples of a second look, all of which have maps, have other statistics than the batch, and would
    spoil them for samples without.
    """
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
