"""The command `monoface train pretrain`: data to packs to trained weights with their card."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch

from monoface.facemodel import open_face_model
from monoface.methods.pretrain import Pretrain, PretrainConfig
from monoface.training.regressors.configs import TrainRegressorConfig
from monoface.training.regressors.runs import train_regressor


@dataclass(frozen=True)
class TrainPretrainConfig(TrainRegressorConfig):
    """Train the first regressor.

    Attributes:
        method: Weights of the losses.
    """

    METHOD: ClassVar[str] = "pretrain"

    method: PretrainConfig = field(default_factory=PretrainConfig)


def train_pretrain(config: TrainPretrainConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_regressor`."""
    model = open_face_model(config.face_model)
    torch.manual_seed(config.train.seed)
    method = Pretrain(model, config.method)
    return train_regressor(config, method, tuple(config.method.set_weights), model, report)
