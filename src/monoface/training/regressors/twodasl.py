"""The command `monoface train twodasl`: packs to a regressor that sees landmarks, with its card."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch

from monoface.facemodel import open_face_model
from monoface.methods.twodasl import TwoDasl, TwoDaslConfig
from monoface.training.regressors.configs import TrainRegressorConfig
from monoface.training.regressors.runs import train_regressor


@dataclass(frozen=True)
class TrainTwoDaslConfig(TrainRegressorConfig):
    """Train 2DASL, best from the weights of `pretrain`.

    Attributes:
        method: Network, maps and weights of the losses.
        published: Take those of the paper in place of `method`, except for its stage.
    """

    METHOD: ClassVar[str] = "twodasl"

    method: TwoDaslConfig = field(default_factory=TwoDaslConfig)
    published: bool = False

    @property
    def trained_method(self) -> TwoDaslConfig:
        """What is trained: `method`, or the paper's."""
        return replace(TwoDaslConfig.published(), stage=self.method.stage) if self.published else self.method


def train_twodasl(config: TrainTwoDaslConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_regressor`."""
    model = open_face_model(config.face_model)
    torch.manual_seed(config.train.seed)
    method = TwoDasl(model, config.trained_method)
    return train_regressor(config, method, method.set_names, model, report, needs_labels=True)
