"""The eye network: what a crop of one eye says of its lids, its iris and its expression."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.eyes.outputs import SHAPES, EyeNetworkConfig


class EyeNetwork(nn.Module):
    """A few convolutions and two linear layers."""

    def __init__(self, config: EyeNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or EyeNetworkConfig()
        incoming = 3
        layers: list[nn.Module] = []
        for outgoing, stride in self.config.strided:
            layers += [
                nn.Conv2d(incoming, outgoing, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outgoing),
                nn.ReLU(inplace=True),
            ]
            incoming = outgoing
        self.convolutions = nn.Sequential(*layers)
        self.squeeze = nn.Linear(self.config.flat, self.config.features)
        self.head = nn.Linear(self.config.features, SHAPES.stop)

    def forward(self, image: Float[Tensor, "batch 3 28 40"]) -> Float[Tensor, "batch 33"]:
        """Outputs of crops.

        Args:
            image: sRGB in [0, 1].
        """
        seen = self.convolutions(image * 2 - 1).flatten(1)
        found: Tensor = self.head(torch.relu(self.squeeze(seen)))
        return found.float()
