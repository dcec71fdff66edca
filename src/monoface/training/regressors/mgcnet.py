"""The command `monoface train mgcnet`: packs of views to a regressor of geometry, albedo and light."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from monoface.facemodel import FaceModel, open_face_model
from monoface.methods.mgcnet import Mgcnet, MgcnetConfig
from monoface.networks.identity import IdentityEncoder
from monoface.training.regressors.view_runs import ViewRunConfig, train_on_views


@dataclass(frozen=True)
class TrainMgcnetConfig(ViewRunConfig):
    """Train MGCNet, best from the weights of `pretrain`.

    Attributes:
        method: Network and weights of the losses.
        published: Take those of the paper in place of `method`, except for `multi_view`.
    """

    METHOD: ClassVar[str] = "mgcnet"

    method: MgcnetConfig = field(default_factory=MgcnetConfig)
    published: bool = False

    @property
    def trained_method(self) -> MgcnetConfig:
        """What is trained: `method`, or the paper's."""
        if not self.published:
            return self.method
        return replace(MgcnetConfig.published(), multi_view=self.method.multi_view)


def train_mgcnet(config: TrainMgcnetConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_on_views`."""

    def make(model: FaceModel, encoder: IdentityEncoder | None) -> Mgcnet:
        return Mgcnet(model, config.trained_method, encoder)

    return train_on_views(config, make, open_face_model(config.face_model), report)
