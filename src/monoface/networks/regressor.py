"""The regressor: a crop in, the output vector of a `CoefficientLayout` and its expected error out."""

import copy
import math
from collections.abc import Mapping
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.backbones import ResNet
from monoface.networks.configs import RegressorConfig as RegressorConfig
from monoface.networks.landmark_map import with_landmark_map
from monoface.networks.point_head import PointHead
from monoface.networks.regressed import Regressed as Regressed

Network = TypeVar("Network", bound=nn.Module)


class Regressor(nn.Module):
    """Backbone and one linear layer, which begins near zero: a mean face in the middle of the crop.

    A second linear layer estimates the logarithm of the landmark error (as a fraction of the face's
    size). It reads the features without influencing them. Networks with points have a third head, which
    reads the features before they are averaged and so works for crops of `size_px` alone.
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
        side = config.backbone.map_side(config.size_px)
        self.point_head = PointHead(config.backbone.features, side, config.points) if config.points else None

    def forward(
        self, image: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch outputs"], Float[Tensor, " batch"]]:
        """Output vectors and log errors of crops in [0, 1], sRGB (further channels as the method says).

        All channels reach the first layer as 2 x - 1, so a landmark map of 0 and 1 arrives as -1 and 1.
        """
        return self._of_features(self.backbone(image * 2 - 1))

    def regress(self, image: Float[Tensor, "batch channels height width"]) -> Regressed:
        """The same with the points, for those who want them."""
        features = self.backbone.feature_map(image * 2 - 1)
        output, log_error = self._of_features(features.mean(dim=(2, 3)))
        if self.point_head is None:
            return Regressed(output, log_error, output.new_zeros(len(output), 0, 3))
        return Regressed(output, log_error, self.point_head(features))

    def _of_features(self, features: Tensor) -> tuple[Tensor, Tensor]:
        log_error = self.error_head(features.detach())[:, 0]
        return self.head(features).float(), log_error.float()

    def look(
        self,
        image: Float[Tensor, "batch 3 height width"],
        landmarks_px: Float[Tensor, "batch 18 2"] | None = None,
    ) -> tuple[Float[Tensor, "batch outputs"], Float[Tensor, " batch"]]:
        """Output vectors and log errors of RGB crops, whether the network has a landmark map or not.

        Args:
            image: Crops in [0, 1].
            landmarks_px: What the map shows; an empty map for None. Networks without a map do not heed it.
        """
        return self(self.as_input(image, landmarks_px))

    def as_input(
        self, image: Float[Tensor, "batch 3 height width"], landmarks_px: Float[Tensor, "batch 18 2"] | None
    ) -> Float[Tensor, "batch channels height width"]:
        """RGB crops with the map that the network has, if it has one; see `look`."""
        drawn = self.config.landmark_map
        return image if drawn is None else with_landmark_map(image, landmarks_px, drawn)


def add_input_channel(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a regressor for one more input channel, which it does not heed yet.

    The new filters of the first layer are zero, so the wider network computes what the other did.
    """
    first = "backbone.stem.0.weight"
    weight = state[first]
    return {**state, first: torch.cat((weight, torch.zeros_like(weight[:, :1])), dim=1)}


def add_outputs(state: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Weights of a regressor that puts out so many more numbers, all of them zero yet."""
    grown = {
        name: torch.cat((state[name], state[name].new_zeros(count, *state[name].shape[1:])))
        for name in ("head.weight", "head.bias")
    }
    return {**state, **grown}


def fold_batch_norm(network: Network) -> Network:
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
