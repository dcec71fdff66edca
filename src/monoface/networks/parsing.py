"""The face parser: which part of a face, if any, each pixel of a crop shows."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.backbones import ResidualBlock, convolution
from monoface.networks.configs import PARSING_CLASSES as PARSING_CLASSES
from monoface.networks.configs import SKIN_CLASSES
from monoface.networks.configs import ParserConfig as ParserConfig


class FaceParser(nn.Module):
    """Small U-Net whose last layer puts four sub-pixels into the channels of each half-size pixel.

    Reference:
        Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015;
        we halve the size before the first full convolutions and add skipped features rather than append
        them, both for speed. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
        Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016, for the last layer.
    """

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, deep = config.widths
        self.stem = nn.Sequential(
            *convolution(3, half, 5, 2),
            nn.ReLU(inplace=True),
            *convolution(half, half, 3, 1),
            nn.ReLU(inplace=True),
        )
        self.down = nn.ModuleList(
            (
                ResidualBlock(half, quarter, 2, bottleneck=False),
                ResidualBlock(quarter, eighth, 2, bottleneck=False),
                nn.Sequential(
                    ResidualBlock(eighth, deep, 2, bottleneck=False),
                    *(ResidualBlock(deep, deep, 1, bottleneck=False) for _ in range(config.deep_blocks - 1)),
                ),
            )
        )
        self.narrow = nn.ModuleList(
            nn.Sequential(*convolution(incoming, outgoing, 1, 1))
            for incoming, outgoing in ((deep, eighth), (eighth, quarter), (quarter, half))
        )
        self.fuse = nn.ModuleList(
            nn.Sequential(*convolution(width, width, 3, 1), nn.ReLU(inplace=True))
            for width in (eighth, quarter, half)
        )
        self.head = nn.Sequential(nn.Conv2d(half, 4 * len(PARSING_CLASSES), 3, padding=1), nn.PixelShuffle(2))

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 7 height width"]:
        """Logits of `PARSING_CLASSES` at each pixel.

        Args:
            image: Crops around the face as the regressor sees them (`roi_from_points`), sRGB in [0, 1];
                height and width are multiples of 16.
        """
        features = self.stem(image * 2 - 1)
        skipped = []
        for stage in self.down:
            skipped.append(features)
            features = stage(features)
        for narrow, fuse in zip(self.narrow, self.fuse, strict=True):
            # Narrowing first is the same as narrowing the enlarged features, at a quarter of the cost.
            enlarged = nn.functional.interpolate(narrow(features), scale_factor=2.0, mode="nearest")
            features = fuse(nn.functional.relu(enlarged + skipped.pop()))
        logits: Tensor = self.head(features)
        return logits.float()


def skin_probability(logits: Float[Tensor, "batch 7 height width"]) -> Float[Tensor, "batch height width"]:
    """Probability that a pixel shows bare, unoccluded skin: the classes skin and nose.

    Brows, eyes, lips, hair and whatever covers the face are out; the neck and the ears are in.
    """
    return torch.softmax(logits, dim=1)[:, SKIN_CLASSES].sum(dim=1)
