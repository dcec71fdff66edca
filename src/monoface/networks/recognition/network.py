"""The face recognition network as a module of torch, for losses; inference has `recognizer`."""

from pathlib import Path
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, normalize, pad, relu

from monoface.geometry.face_chips import CHIP_PX
from monoface.geometry.face_template import CHIP_FACE, FaceTemplate
from monoface.networks.recognition.weights import (
    BLOCKS,
    DESCRIPTOR_SIZE,
    MEAN_RGB,
    STEM_CHANNELS,
    Convolution,
    RecognitionWeights,
    load_recognition_weights,
)


class RecognitionNetwork(nn.Module):
    """An identity encoder that has seen very many people: a residual network of 29 convolutions.

    It pads nothing where it halves a picture, and the path past such a block is an average of 2 x 2 pixels.
    Where the two differ in channels or in size, what is missing is zero.

    Attributes:
        mixed: Whether `embed` computes in bfloat16.

    Reference:
        See `networks.recognition.weights`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mixed = False
        self.stem = nn.Conv2d(3, STEM_CHANNELS, 7, 2)
        incoming, blocks = STEM_CHANNELS, []
        for channels, halves in BLOCKS:
            blocks.append(_Block(incoming, channels, halves))
            incoming = channels
        self.blocks = nn.Sequential(*blocks)
        self.projection = nn.Linear(incoming, DESCRIPTOR_SIZE, bias=False)
        self.register_buffer("centre", torch.zeros(DESCRIPTOR_SIZE))
        self.register_buffer("mean_rgb", torch.tensor(MEAN_RGB)[:, None, None] / 255, persistent=False)

    @classmethod
    def from_weights(cls, weights: RecognitionWeights) -> Self:
        """The network with weights that were read: in evaluation mode, without gradients to them."""
        network = cls()
        _fill(network.stem, weights.convolutions[0])
        pairs = zip(weights.convolutions[1::2], weights.convolutions[2::2], strict=True)
        for block, (first, second) in zip(network.blocks, pairs, strict=True):
            _fill(block.get_submodule("first"), first)
            _fill(block.get_submodule("second"), second)
        network.projection.weight.data.copy_(torch.from_numpy(weights.projection.T))
        network.get_buffer("centre").copy_(torch.from_numpy(weights.centre))
        return network.eval().requires_grad_(False)

    @property
    def size_px(self) -> int:
        """Side of the pictures it expects."""
        return CHIP_PX

    @property
    def template(self) -> FaceTemplate:
        """Where it expects the parts of a face."""
        return CHIP_FACE

    def forward(self, image: Float[Tensor, "batch 3 150 150"]) -> Float[Tensor, "batch 128"]:
        """Vectors of aligned faces in [0, 1], sRGB; two of one person are nearer than 0.6 or so."""
        x = (image - self.get_buffer("mean_rgb")) * (255 / 256)
        x = max_pool2d(relu(self.stem(x)), 3, 2)
        return self.projection(self.blocks(x).mean(dim=(-2, -1)))

    def embed(self, image: Float[Tensor, "batch 3 150 150"]) -> Float[Tensor, "batch 128"]:
        """Unit vectors; see `IdentityEncoder`. They are directions from the mean of many people."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.mixed):
            vectors = self(image).float()
        return normalize(vectors - self.get_buffer("centre"), dim=-1)


def load_recognition_network(path: Path | None = None, *, mixed: bool = False) -> RecognitionNetwork:
    """The network with the weights of a file, the shipped one by default; see `load_recognition_weights`.

    Raises:
        AssetError: If the shipped file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    network = RecognitionNetwork.from_weights(load_recognition_weights(path))
    network.mixed = mixed
    return network


class _Block(nn.Module):
    def __init__(self, incoming: int, channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = nn.Conv2d(incoming, channels, 3, *((2, 0) if halves else (1, 1)))
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(relu(self.first(x)))
        past = avg_pool2d(x, 2) if self.halves else x
        extents = [max(sizes) for sizes in zip(inner.shape[1:], past.shape[1:], strict=True)]
        return relu(_extended(inner, extents) + _extended(past, extents))


def _extended(x: Tensor, extents: list[int]) -> Tensor:
    """With zeros after the last channel, row and column, as many as are missing."""
    missing = [wanted - got for wanted, got in zip(extents, x.shape[1:], strict=True)]
    return pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


def _fill(layer: nn.Module, weights: Convolution) -> None:
    layer.get_parameter("weight").data.copy_(torch.from_numpy(weights.weight))
    layer.get_parameter("bias").data.copy_(torch.from_numpy(weights.bias))
