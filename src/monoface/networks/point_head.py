"""The part of a regressor that finds points of the face in the picture, and says how sure it is of each."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.onnx.layers import POINT_CHANNELS

# What every point is thought to be off by at the beginning, in parts of the crop's side.
_FIRST_DEVIATION = 0.03


class PointHead(nn.Module):
    """A feature map, squeezed and flattened, to points: so each may depend on any place of the picture.

    Args:
        features: Channels of the map.
        side: Its rows and columns.
        points: How many points.
    """

    def __init__(self, features: int, side: int, points: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(
            nn.Conv2d(features, POINT_CHANNELS, 1, bias=False),
            nn.BatchNorm2d(POINT_CHANNELS),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Linear(POINT_CHANNELS * side * side, 3 * points)
        nn.init.normal_(self.place.weight, std=1e-3)
        self.begin_at(torch.full((points, 2), 0.5))

    @torch.no_grad()
    def begin_at(self, layout: Float[Tensor, "points 2"]) -> None:
        """Let points of an untrained network lie as given, in parts of the crop's side."""
        deviation = layout.new_full((len(layout), 1), math.log(_FIRST_DEVIATION))
        self.place.bias.copy_(torch.cat((layout, deviation), dim=1).flatten())

    def forward(
        self, features: Float[Tensor, "batch features rows columns"]
    ) -> Float[Tensor, "batch points 3"]:
        """Places, in parts of the crop's side, and the logarithm of their deviation, in float32."""
        seen = self.squeeze(features)
        # The eight bits of precision that autocast keeps are half a pixel.
        with torch.autocast(features.device.type, enabled=False):
            return self.place(seen.float().flatten(1)).unflatten(1, (-1, 3))
