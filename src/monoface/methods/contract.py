"""What training needs to know about a method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
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

    def to(self, device: torch.device) -> object:
        """Move the networks, and all tensors that the losses need, to a device.

        The training loop calls it once, before the first step; batches then come on that device. A method
        that is an `nn.Module` with its tensors in buffers has it already. The face model that it was made
        from is shared with others and stays where it is.
        """
        ...

    def step(self, batch: Any) -> StepResult:
        """Losses of one batch, with gradients to the networks.

        What a batch is, the method and the source of its batches agree on: `TrainingBatch`, for instance.
        """
        ...
