"""The translator: maps in texture space in, a map of displacement out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ConfigError

# Each size halves the maps, so these are far beyond any use.
_MOST_SIZES, _MOST_REPEATS = 13, 64


@dataclass(frozen=True)
class TranslatorConfig:
    """What a translator looks like.

    Attributes:
        in_channels: Channels of its maps.
        widths: Channels of the encoder. The first layer keeps the size, each further one halves it.
        out_channels: Maps that come out: displacement, and perhaps more.
        upsampling: How the decoder doubles sizes. `transposed`: by transposed convolutions, as published,
            which leave a faint chequered pattern. `bilinear`: a convolution, then linear interpolation.
        fold: Side of the squares of texels that become channels before the first layer, and texels again
            after the last (space to depth): wide layers at full size cost most of the time. 1 does not.
        repeats: Convolutions at each size, on either side; those after the first are residual.
    """

    in_channels: int = 9
    widths: tuple[int, ...] = (48, 64, 96, 128, 160)
    out_channels: int = 2
    upsampling: Literal["transposed", "bilinear"] = "bilinear"
    fold: int = 2
    repeats: int = 1

    def __post_init__(self) -> None:
        if min(self.in_channels, self.out_channels, *self.widths) < 1 or len(self.widths) < 2:
            raise ConfigError(
                "translator: expected at least one channel in and out and two widths, all positive, "
                f"got {self.in_channels}, {self.out_channels} and {self.widths}."
            )
        if len(self.widths) > _MOST_SIZES or max(self.repeats, self.fold) > _MOST_REPEATS:
            raise ConfigError(
                f"translator: expected at most {_MOST_SIZES} widths and a fold and repeats of at most "
                f"{_MOST_REPEATS}, got {len(self.widths)}, {self.fold} and {self.repeats}."
            )
        if min(self.fold, self.repeats) < 1:
            raise ConfigError(
                f"translator: expected fold and repeats of at least 1, got {self.fold} and {self.repeats}."
            )

    @classmethod
    def published(cls, in_channels: int = 3) -> "TranslatorConfig":
        """22 million weights; needs maps whose sides are multiples of 512, of which one texel remains."""
        widths = (16, 32, 64, 128, 256, 512, 512, 512, 512, 512)
        return cls(in_channels, widths, 1, "transposed", fold=1)

    @property
    def multiple(self) -> int:
        """What the sides of maps are multiples of."""
        return self.fold * 2 ** (len(self.widths) - 1)


class Translator(nn.Module):
    """Encoder and decoder of 3 x 3 convolutions with ReLU and without norms; skips are added.

    The last layer begins near zero, so that an untrained network displaces next to nothing.

    Reference:
        Chen et al., "Self-supervised Learning of Detailed 3D Face Reconstruction", IEEE TIP 2020.
    """

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        widths, folded = config.widths, config.fold**2
        first = _convolution(config.in_channels * folded, widths[0])
        encoder = [first, *(_convolution(*pair, stride=2) for pair in pairwise(widths))]
        decoder = [_doubling(*pair, config.upsampling) for pair in pairwise(reversed(widths))]
        self.encoder = _deepened(encoder, widths, config.repeats)
        self.decoder = _deepened(decoder, widths[-2::-1], config.repeats)
        self.last = nn.Conv2d(widths[0], config.out_channels * folded, 3, padding=1)
        nn.init.normal_(self.last.weight, std=1e-3)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(
        self, maps: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch outputs height width"]:
        """Values in -1 to 1.

        Raises:
            ValueError: If a side is no multiple of what the network halves it by.
        """
        multiple = self.config.multiple
        if maps.shape[-1] % multiple or maps.shape[-2] % multiple:
            raise ValueError(f"maps: expected sides that are multiples of {multiple}, got {maps.shape[-2:]}")
        features, skipped = nn.functional.pixel_unshuffle(maps, self.config.fold), []
        for layer in self.encoder:
            features = layer(features)
            skipped.append(features)
        skipped.pop()
        for layer in self.decoder:
            features = layer(features) + skipped.pop()
        return nn.functional.pixel_shuffle(self.last(features), self.config.fold).float().tanh()


class _Repeated(nn.Module):
    """Adds what a convolution makes of features to them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = _convolution(width, width)

    def forward(self, features: Float[Tensor, "batch width height columns"]) -> Tensor:
        return features + self.convolution(features)


def _deepened(layers: list[nn.Module], widths: Sequence[int], repeats: int) -> nn.ModuleList:
    """Layers, each with residual convolutions after it, if there are to be more than one."""
    if repeats == 1:
        return nn.ModuleList(layers)
    return nn.ModuleList(
        nn.Sequential(layer, *(_Repeated(width) for _ in range(repeats - 1)))
        for layer, width in zip(layers, widths, strict=True)
    )


def _convolution(incoming: int, outgoing: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(incoming, outgoing, 3, stride=stride, padding=1), nn.ReLU())


def _doubling(incoming: int, outgoing: int, upsampling: Literal["transposed", "bilinear"]) -> nn.Module:
    if upsampling == "transposed":
        layer = nn.ConvTranspose2d(incoming, outgoing, 3, stride=2, padding=1, output_padding=1)
        return nn.Sequential(layer, nn.ReLU())
    larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(_convolution(incoming, outgoing), larger)
