"""Weights of the first training's terms."""

from dataclasses import dataclass, field

from monoface.methods.supervision import SupervisionConfig
from monoface.networks import ResNetConfig


@dataclass(frozen=True)
class PretrainConfig(SupervisionConfig):
    """What the first training weighs how; see `SupervisionConfig`.

    Attributes:
        backbone: The regressor's network.
        crop_px: Side of its crops.
    """

    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    crop_px: int = 120
