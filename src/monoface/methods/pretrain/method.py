"""The first training: landmarks, coefficients and priors, no rendering."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from monoface.data.batches.photo_batch import TrainingBatch
from monoface.facemodel import FaceModel
from monoface.methods.contract import StepResult
from monoface.methods.pretrain.config import PretrainConfig
from monoface.methods.supervision import Supervision
from monoface.networks import Regressor, RegressorConfig


class Pretrain(nn.Module):
    """Regressor of identity, expression and weak-perspective pose, taught by `Supervision` alone.

    Args:
        model: The face model; has the sets of `config.set_weights` and `ibug68`.
        config: Weights.
    """

    def __init__(self, model: FaceModel, config: PretrainConfig | None = None) -> None:
        super().__init__()
        self.config = config or PretrainConfig()
        self.supervision = Supervision(model, self.config.crop_px, self.config)
        self.layout = self.supervision.layout
        regressor = RegressorConfig(self.layout.size, self.config.crop_px, self.config.backbone)
        self.regressor = Regressor(regressor)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor alone."""
        return {"regressor": self.regressor}

    def step(self, batch: TrainingBatch) -> StepResult:
        """Losses of one batch."""
        output, log_error = self.regressor(batch.image)
        # The eight bits of precision that autocast keeps are too few for geometry.
        with torch.autocast(output.device.type, enabled=False):
            return self._losses(output, log_error, batch)

    def _losses(self, output: Tensor, log_error: Tensor, batch: TrainingBatch) -> StepResult:
        terms = self.supervision.terms(self.supervision.decode(output), log_error, batch)
        total = self.supervision.weighted(terms).mean()
        return StepResult(
            {"regressor": total}, {name: float(value.detach().mean()) for name, value in terms.items()}
        )
