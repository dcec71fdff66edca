"""The eye network as an ONNX model, for ONNX Runtime."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from monoface.networks.eyes.outputs import (
    EYE_HEIGHT_PX,
    EYE_WIDTH_PX,
    SHAPES,
    EyeCalibration,
    EyeNetworkConfig,
)
from monoface.networks.onnx.layers import ConvLayer, LayerGraph, Weights, shapes_of

_LINEAR: Final = ("squeeze", "head")


@dataclass(frozen=True, eq=False)
class EyeWeights:
    """An eye network that does not run yet.

    Attributes:
        config: What it looks like.
        calibration: How its answers become true.
        weights: By the names that they have in PyTorch.
    """

    config: EyeNetworkConfig
    calibration: EyeCalibration
    weights: Weights


def eye_network_to_onnx(network: EyeWeights) -> bytes:
    """The network with its batch norms folded, as a serialised ONNX model.

    Input `image`: float32 (batch, 3, 28, 40) in [0, 1], the batch of any size. Output `output` (batch, 33).
    """
    graph = LayerGraph(network.weights)
    two, one = graph.constant("two", np.float32(2.0)), graph.constant("one", np.float32(1.0))
    x = graph.node("Sub", [graph.node("Mul", ["image", two]), one])
    for layer in _convolutions(network.config):
        x = graph.convolution(layer, x, relu=True)
    graph.linear("squeeze", graph.node("Flatten", [x], axis=1), "squeezed")
    graph.linear("head", graph.node("Relu", ["squeezed"]), "output")
    image = ("image", (3, EYE_HEIGHT_PX, EYE_WIDTH_PX))
    return graph.model("eyes", image, (("output", (SHAPES.stop,)),))


def _convolutions(config: EyeNetworkConfig) -> tuple[ConvLayer, ...]:
    layers, incoming = [], 3
    for number, (outgoing, stride) in enumerate(config.strided):
        name, norm = f"convolutions.{3 * number}", f"convolutions.{3 * number + 1}"
        layers.append(ConvLayer(name, norm, incoming, outgoing, 3, stride))
        incoming = outgoing
    return tuple(layers)


def eye_network_shapes(config: EyeNetworkConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of a `networks.eyes.network.EyeNetwork`."""
    sizes = (config.flat, config.features, SHAPES.stop)
    shapes: dict[str, tuple[int, ...]] = shapes_of(_convolutions(config))
    for name, inputs, outputs in zip(_LINEAR, sizes, sizes[1:], strict=False):
        shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    return shapes
