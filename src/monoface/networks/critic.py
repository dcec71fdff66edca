"""The self-critic: does a vector of coefficients fit the face in a crop?"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class CriticConfig:
    """What the critic looks like.

    Attributes:
        sees: What its encoder gets: the crop, its landmark map, or both.
        encoder: Channels of the encoder's six convolutions; the last number is the length of its code.
        layers: Widths of the fully connected layers before the last one.
    """

    sees: Literal["image", "flm", "image+flm"] = "image+flm"
    encoder: tuple[int, int, int, int, int, int] = (8, 16, 32, 64, 64, 64)
    layers: tuple[int, ...] = (512, 1024, 1024)

    def __post_init__(self) -> None:
        if not self.layers or min(*self.encoder, *self.layers) < 1:
            raise ConfigError(
                "critic: expected six widths for the encoder and some for the layers, all positive, "
                f"got {self.encoder} and {self.layers}."
            )

    @property
    def channels(self) -> slice:
        """Which of the channels red, green, blue and map it gets."""
        return {"image": slice(0, 3), "flm": slice(3, 4), "image+flm": slice(0, 4)}[self.sees]


class Critic(nn.Module):
    """Encoder of six convolutions with ReLU and max-pooling, then fully connected layers.

    Args:
        coefficients: Length of the vectors that are judged.
        config: Widths, and what it sees.
    """

    def __init__(self, coefficients: int, config: CriticConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.Sequential(*_convolutions(config))
        widths = (config.encoder[-1] + coefficients, *config.layers)
        layers: list[nn.Module] = []
        for incoming, outgoing in pairwise(widths):
            layers += [nn.Linear(incoming, outgoing), nn.LeakyReLU(0.2, inplace=True)]
        self.judge = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def encode(self, image: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch code"]:
        """Codes of crops in [0, 1] with their landmark maps as fourth channel."""
        return self.encoder(image[:, self.config.channels] * 2 - 1).mean(dim=(2, 3))

    def forward(
        self, code: Float[Tensor, "batch code"], coefficients: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, " batch"]:
        """Logit of the probability that the coefficients were true ones of that face."""
        return self.judge(torch.cat((code, coefficients.to(code)), dim=-1))[:, 0]


def _convolutions(config: CriticConfig) -> list[nn.Module]:
    channels = config.channels
    widths = (channels.stop - channels.start, *config.encoder)
    layers: list[nn.Module] = []
    for incoming, outgoing in pairwise(widths):
        # Rounded up, so that six of them leave something of small crops too.
        pool = nn.MaxPool2d(2, ceil_mode=True)
        layers += [nn.Conv2d(incoming, outgoing, 3, padding=1), nn.ReLU(inplace=True), pool]
    return layers
