"""A regressor that learns coefficients, and nothing else."""

from dataclasses import dataclass, field

from synthetic_head import synthetic_head

from monoface.facemodel import CoefficientLayout
from monoface.methods.contract import StepResult
from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.training.regressors.runs import TrainRegressorConfig, train_regressor


class Toy:
    """Squared errors of known coefficients."""

    def __init__(self):
        self.layout = CoefficientLayout.of(synthetic_head())
        self.regressor = Regressor(
            RegressorConfig(self.layout.size, 32, ResNetConfig((1, 1, 1, 1), 0.125)),
        )
        self.networks = {"regressor": self.regressor}

    def to(self, device):
        self.regressor.to(device)
        return self

    def step(self, batch):
        known = batch.labelled[:, None]
        error = ((self.regressor(batch.image)[0] - batch.outputs).square() * known).mean()
        return StepResult({"regressor": error}, {"coefficients": float(error.detach())})


@dataclass(frozen=True)
class TrainToyConfig(TrainRegressorConfig):
    """Train the toy.

    Attributes:
        note: Whatever the user wants to keep of it.
    """

    METHOD = "toy"

    note: str = field(default="")


def train_toy(config, report):
    return train_regressor(config, Toy(), ("aflw21",), synthetic_head(), report, needs_labels=True)
