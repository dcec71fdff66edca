"""The command `monoface train detail-coarse`: packs of views to the coarse stage of Detail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from monoface.facemodel import FaceModel, open_face_model
from monoface.methods.detail import Coarse, CoarseConfig
from monoface.networks.identity import IdentityEncoder
from monoface.training.regressors.view_runs import ViewRunConfig, train_on_views


@dataclass(frozen=True)
class TrainDetailCoarseConfig(ViewRunConfig):
    """Train the coarse stage of Detail, best from the weights of `pretrain` or `mgcnet`.

    Attributes:
        method: Network and weights of the losses.
        published: Take those of the paper in place of `method`.
    """

    METHOD: ClassVar[str] = "detail-coarse"

    method: CoarseConfig = field(default_factory=CoarseConfig)
    published: bool = False

    @property
    def trained_method(self) -> CoarseConfig:
        """What is trained: `method`, or the paper's."""
        return CoarseConfig.published() if self.published else self.method


def train_detail_coarse(config: TrainDetailCoarseConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_on_views`."""

    def make(model: FaceModel, encoder: IdentityEncoder | None) -> Coarse:
        return Coarse(model, config.trained_method, encoder)

    return train_on_views(config, make, open_face_model(config.face_model), report)
