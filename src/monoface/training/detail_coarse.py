"""The command `monoface train detail-coarse`: packs of views to the coarse stage of Detail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch

from monoface.facemodel import load_default_model
from monoface.methods.detail import Coarse, CoarseConfig
from monoface.networks import load_identity_encoder
from monoface.training.view_runs import ViewRunConfig, train_on_views


@dataclass(frozen=True)
class TrainDetailCoarseConfig(ViewRunConfig):
    """Train the coarse stage of Detail, best from the weights of `pretrain` or `mgcnet`.

    Attributes:
        method: Network and weights of the losses.
        published: Take those of the paper in place of `method`.
        encoder: Identity encoder for the perceptual term: name of shipped weights, or path of a file.
    """

    METHOD: ClassVar[str] = "detail-coarse"

    method: CoarseConfig = field(default_factory=CoarseConfig)
    published: bool = False
    encoder: str = "identity"

    @property
    def trained_method(self) -> CoarseConfig:
        """What is trained: `method`, or the paper's."""
        return CoarseConfig.published() if self.published else self.method


def train_detail_coarse(config: TrainDetailCoarseConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_on_views`.

    Raises:
        AssetError: If no identity encoder of that name ships.
        ModelFileError: If its file cannot be read.
    """
    model = load_default_model()
    torch.manual_seed(config.train.seed)
    wanted = config.trained_method
    encoder = load_identity_encoder(config.encoder) if wanted.perceptual else None
    return train_on_views(config, Coarse(model, wanted, encoder), model, report)
