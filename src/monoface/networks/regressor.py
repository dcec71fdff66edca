"""The regressor: a crop in, the output vector of a `CoefficientLayout` and its expected error out."""

import copy
import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.backbones import ResNet, ResNetConfig


@dataclass(frozen=True)
class RegressorConfig:
    """What a regressor looks like.

    Attributes:
        outputs: Length of the output vector: `CoefficientLayout.size`.
        size_px: Side of the square crops it is trained on.
        backbone: The network that computes features.
    """

    outputs: int
    size_px: int = 120
    backbone: ResNetConfig = field(default_factory=ResNetConfig)


class Regressor(nn.Module):
    """Backbone and one linear layer, which begins near zero: a mean face in the middle of the crop.

    A second linear layer estimates the logarithm of the landmark error (as a fraction of the face's
    size). It reads the features without influencing them.
    """

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.head = nn.Linear(config.backbone.features, config.outputs)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        self.error_head = nn.Linear(config.backbone.features, 1)
        nn.init.zeros_(self.error_head.weight)
        nn.init.constant_(self.error_head.bias, math.log(0.05))

    def forward(
        self, image: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch outputs"], Float[Tensor, " batch"]]:
        """Output vectors and log errors of crops in [0, 1], sRGB (further channels as the method says)."""
        features = self.backbone(image * 2 - 1)
        log_error = self.error_head(features.detach())[:, 0]
        return self.head(features).float(), log_error.float()


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Copy of a network in evaluation mode whose convolutions have absorbed their batch norms.

    The result computes the same up to rounding and is faster; it cannot be trained.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, nn.Sequential):
            _fold_sequence(module)
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    for place in range(len(sequence) - 1):
        conv, norm = sequence[place], sequence[place + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            sequence[place] = torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm)
            sequence[place + 1] = nn.Identity()
