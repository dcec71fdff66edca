"""The method: a vector for each person that is trained on, and an encoder whose vectors lie near them."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from monoface.data.batches.identity_batch import IdentityBatch
from monoface.losses.margin_softmax import margin_softmax
from monoface.methods.contract import StepResult
from monoface.methods.identity.config import IdentityConfig
from monoface.networks import IdentityNetwork


class IdentityClassifier(nn.Module):
    """The encoder, and a direction for each person, which is of no use after training."""

    def __init__(self, encoder: IdentityNetwork, people: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.people = nn.Parameter(torch.randn(people, encoder.config.features) * 0.01)

    def forward(self, image: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch people"]:
        """Cosines between faces and people."""
        return linear(self.encoder.embed(image), normalize(self.people.float(), dim=-1)).float()


class Identity(nn.Module):
    """Classification with a margin.

    Args:
        people: How many people there are.
        config: The network and its loss.
    """

    def __init__(self, people: int, config: IdentityConfig) -> None:
        super().__init__()
        self.config = config
        self.classifier = IdentityClassifier(IdentityNetwork(config.network), people)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The encoder with its classifier."""
        return {"identity": self.classifier}

    def step(self, batch: IdentityBatch) -> StepResult:
        """Losses of one batch."""
        cosines = self.classifier(batch.image)
        loss = margin_softmax(cosines, batch.person, self.config.margin).mean()
        right = (cosines.argmax(dim=1) == batch.person).float().mean()
        terms = {"margin_softmax": float(loss.detach()), "right": float(right)}
        return StepResult({"identity": loss}, terms)
