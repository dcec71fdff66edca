"""The command `monoface train twodasl`: packs to a regressor that sees landmarks, with its card."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from monoface.facemodel import load_default_model
from monoface.methods.twodasl import TwoDasl, TwoDaslConfig
from monoface.training.regressors import TrainRegressorConfig, train_regressor


@dataclass(frozen=True)
class TrainTwoDaslConfig(TrainRegressorConfig):
    """Train 2DASL, best from the weights of `pretrain`; see `TrainRegressorConfig`.

    Attributes:
        method: Weights of the losses.
    """

    METHOD: ClassVar[str] = "twodasl"

    method: TwoDaslConfig = field(default_factory=TwoDaslConfig)


def train_twodasl(config: TrainTwoDaslConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_regressor`."""
    model = load_default_model()
    method = TwoDasl(model, config.method)
    return train_regressor(config, method, method.set_names, model, report)
