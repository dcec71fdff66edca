"""Skin as a face parser sees it."""

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate
from torch.nn.utils import convert_conv2d_weight_memory_format

from monoface.core.assets import sha256_of
from monoface.networks import FaceParser, fold_batch_norm, load_parser, skin_probability
from monoface.networks.weights_arrays import asset_or_path


class ParsedSkin:
    """Finds skin in crops of any size by a parser, which sees them at the size that it was trained on.

    At 224 pixels the shipped parser, trained on crops of 128, takes shirts and walls for skin.

    Args:
        parser: In evaluation mode.
        digest: Identifies its weights.
    """

    def __init__(self, parser: FaceParser, digest: str) -> None:
        self._size_px, self._digest = parser.config.size_px, digest
        # In this form torch takes three fifths of the time, as little as ONNX Runtime does.
        self._run = convert_conv2d_weight_memory_format(fold_batch_norm(parser), torch.channels_last)

    @classmethod
    def load(cls, name_or_path: str) -> Self:
        """With the weights of a shipped asset, or of a file.

        Raises:
            AssetError: If no asset has that name, or its file is damaged.
            ModelFileError: If the file is missing, damaged, or no parser.
        """
        # Reading first tells about a missing file in words of ours.
        parser = load_parser(name_or_path)
        return cls(parser, sha256_of(asset_or_path(name_or_path)))

    @property
    def digest(self) -> str:
        """Identifies how skin is found: SHA-256 of the weights."""
        return self._digest

    @torch.no_grad()
    def __call__(self, image: Float[Tensor, "batch 3 side side"]) -> Float[Tensor, "batch side side"]:
        """How probably each pixel shows skin with nothing before it; crops are sRGB in [0, 1]."""
        own, side = self._size_px, image.shape[-1]
        seen = interpolate(image, size=(own, own), mode="bilinear", antialias=True)
        skin = skin_probability(self._run(seen.contiguous(memory_format=torch.channels_last)))
        return interpolate(skin[:, None], size=(side, side), mode="bilinear")[:, 0]
