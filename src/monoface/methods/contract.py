"""What training needs to know about a method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class StepResult:
    """Losses of one batch.

    Attributes:
        total: What each optimiser minimises, by the name of its networks.
        terms: Mean of every term before weighting, for the log.
    """

    total: Mapping[str, Float[Tensor, ""]]
    terms: Mapping[str, float]


class Method(Protocol):
    """Networks that learn together, and the losses they learn from."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """Networks by the name of the optimiser that trains them."""
        ...

    def step(self, batch: Any) -> StepResult:
        """Losses of one batch, with gradients to the networks.

        What a batch is, the method and the source of its batches agree on: `TrainingBatch`, for instance.
        """
        ...
