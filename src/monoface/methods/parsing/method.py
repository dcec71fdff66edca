"""Training of the face parser: cross-entropy at every pixel whose class is known."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from monoface.data.batches.parsing_batch import ParsingBatch
from monoface.losses.segmentation import class_error
from monoface.methods.contract import StepResult
from monoface.methods.parsing.config import ParsingConfig
from monoface.networks import PARSING_CLASSES, FaceParser


class Parsing(nn.Module):
    """The face parser and the loss that it learns from.

    Args:
        config: What it looks like.
    """

    _weights: Tensor

    def __init__(self, config: ParsingConfig) -> None:
        super().__init__()
        self.parser = FaceParser(config.network)
        weights = torch.tensor([config.class_weights.get(name, 1.0) for name in PARSING_CLASSES])
        self.register_buffer("_weights", weights, persistent=False)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The parser alone."""
        return {"parser": self.parser}

    def step(self, batch: ParsingBatch) -> StepResult:
        """Losses of one batch, with gradients to the network."""
        logits = self.parser(batch.image.contiguous(memory_format=torch.channels_last))
        error = class_error(logits, batch.classes, self._weights.to(logits)).mean()
        return StepResult(total={"parser": error}, terms={"class_error": float(error.detach())})
