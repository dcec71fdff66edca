"""Layers of networks as data: which weights they have and of what shape, and what they become in ONNX.

Names are those of the modules in PyTorch (`networks.backbones` and others), whose weights the files hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.networks.configs import RegressorConfig, ResNetConfig
from monoface.networks.onnx.graph import OnnxGraph

POINT_CHANNELS = 96
"""To which a point head squeezes its features."""

Weights = Mapping[str, np.ndarray]
"""Weights by name."""

_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
# What batch norms add to variances, as PyTorch's do.
_EPSILON = 1e-5


@dataclass(frozen=True)
class ConvLayer:
    """A convolution that keeps the size, but for its stride.

    Attributes:
        name: Of its weights.
        norm: Of the batch norm behind it, which has its bias; empty if it has one itself.
        inputs: Channels.
        outputs: Channels.
        side: Of its kernel.
        stride: Of its kernel.
    """

    name: str
    norm: str
    inputs: int
    outputs: int
    side: int
    stride: int = 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of its weights."""
        own = {f"{self.name}.weight": (self.outputs, self.inputs, self.side, self.side)}
        if not self.norm:
            return own | {f"{self.name}.bias": (self.outputs,)}
        return own | {f"{self.norm}.{part}": (self.outputs,) for part in _NORM_PARTS}

    def folded(
        self, weights: Weights
    ) -> tuple[Float[np.ndarray, "outputs inputs side side"], Float[np.ndarray, " outputs"]]:
        """Kernel and bias that have absorbed the norm."""
        kernel = weights[f"{self.name}.weight"]
        if not self.norm:
            return kernel, weights[f"{self.name}.bias"]
        gain, bias, mean, variance = (weights[f"{self.norm}.{part}"] for part in _NORM_PARTS)
        scale = gain / np.sqrt(variance + np.float32(_EPSILON))
        return kernel * scale[:, None, None, None], bias - mean * scale


@dataclass(frozen=True)
class BlockLayer:
    """A residual block: convolutions with a ReLU between each two, beside a shortcut.

    Attributes:
        body: Its convolutions.
        shortcut: Beside them; None where what comes in is added as it is.
    """

    body: tuple[ConvLayer, ...]
    shortcut: ConvLayer | None

    @classmethod
    def named(cls, name: str, inputs: int, inner: int, stride: int, bottleneck: bool) -> "BlockLayer":
        """The block of that name; see `networks.backbones.ResidualBlock`."""
        outputs = inner * 4 if bottleneck else inner
        sizes = [(inputs, inner, 3, stride), (inner, inner, 3, 1)]
        if bottleneck:
            sizes = [(inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, outputs, 1, 1)]
        body = tuple(
            ConvLayer(f"{name}.body.{3 * place}", f"{name}.body.{3 * place + 1}", *size)
            for place, size in enumerate(sizes)
        )
        if stride == 1 and inputs == outputs:
            return cls(body, None)
        past = ConvLayer(f"{name}.shortcut.0", f"{name}.shortcut.1", inputs, outputs, 1, stride)
        return cls(body, past)

    @property
    def outputs(self) -> int:
        """Channels that it puts out."""
        return self.body[-1].outputs

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of its weights."""
        return shapes_of((*self.body, *([] if self.shortcut is None else [self.shortcut])))


def shapes_of(layers: Iterable[ConvLayer | BlockLayer]) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of several layers."""
    return {name: shape for layer in layers for name, shape in layer.shapes().items()}


def backbone_layers(config: ResNetConfig) -> tuple[ConvLayer, tuple[BlockLayer, ...]]:
    """Stem, behind which a ReLU and a pooling follow, and blocks of a `networks.backbones.ResNet`."""
    channels = config.stage_channels
    stem = ConvLayer("backbone.stem.0", "backbone.stem.1", config.in_channels, channels[0], 7, 2)
    blocks: list[BlockLayer] = []
    incoming = channels[0]
    for inner, count, stride in zip(channels, config.blocks, (1, 2, 2, config.last_stride), strict=True):
        for number in range(count):
            name, step = f"backbone.stages.{len(blocks)}", stride if number == 0 else 1
            blocks.append(BlockLayer.named(name, incoming, inner, step, config.bottleneck))
            incoming = blocks[-1].outputs
    return stem, tuple(blocks)


def squeeze_layer(config: RegressorConfig) -> ConvLayer:
    """First layer of the point head."""
    return ConvLayer(
        "point_head.squeeze.0", "point_head.squeeze.1", config.backbone.features, POINT_CHANNELS, 1
    )


def regressor_shapes(config: RegressorConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of a `networks.regressor.Regressor`."""
    stem, blocks = backbone_layers(config.backbone)
    features = config.backbone.features
    shapes = shapes_of((stem, *blocks))
    for name, outputs in (("head", config.outputs), ("error_head", 1)):
        shapes |= {f"{name}.weight": (outputs, features), f"{name}.bias": (outputs,)}
    if config.points:
        flat = POINT_CHANNELS * config.backbone.map_side(config.size_px) ** 2
        shapes |= squeeze_layer(config).shapes()
        place = {"point_head.place.weight": (3 * config.points, flat)}
        shapes |= place | {"point_head.place.bias": (3 * config.points,)}
    return shapes


class LayerGraph(OnnxGraph):
    """An ONNX graph under construction that takes layers with their weights.

    Args:
        weights: Of all layers.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._weights = weights

    def convolution(self, layer: ConvLayer, x: str, *, relu: bool = False) -> str:
        """A convolution with its norm folded in, from a value's name to a value's name."""
        kernel, bias = layer.folded(self._weights)
        names = [self.constant(f"{layer.name}.weight", kernel), self.constant(f"{layer.name}.bias", bias)]
        edge = layer.side // 2
        x = self.node("Conv", [x, *names], strides=[layer.stride] * 2, pads=[edge] * 4)
        return self.node("Relu", [x]) if relu else x

    def block(self, layer: BlockLayer, x: str) -> str:
        """A residual block and the ReLU behind it."""
        inner = x
        for number, convolution in enumerate(layer.body):
            inner = self.convolution(convolution, inner, relu=number < len(layer.body) - 1)
        past = x if layer.shortcut is None else self.convolution(layer.shortcut, x)
        return self.node("Relu", [self.node("Add", [inner, past])])

    def linear(self, name: str, x: str, output: str) -> None:
        """A linear layer whose value is an output of the model."""
        parts = [
            self.constant(f"{name}.{part}", self._weights[f"{name}.{part}"]) for part in ("weight", "bias")
        ]
        self.node("Gemm", [x, *parts], output, transB=1)
