"""A regressor as an ONNX model, for ONNX Runtime, which runs it more than twice as fast as torch on a CPU.

`networks.onnx.graph` says why it is written here.
"""

from collections.abc import Mapping

import numpy as np

from monoface.networks.configs import RegressorConfig
from monoface.networks.onnx.layers import LayerGraph, Weights, backbone_layers, squeeze_layer


def regressor_to_onnx(
    config: RegressorConfig, weights: Weights, metadata: Mapping[str, str] | None = None
) -> bytes:
    """The network with its batch norms folded, as a serialised ONNX model.

    Input `image`: float32 (batch, channels, size, size) in [0, 1], the batch of any size. Outputs
    `output` (batch, outputs) and `log_error` (batch, 1), and of networks with points `points`
    (batch, 3 points): x, y and log deviation of the first, then of the others. Agrees with the module up to
    rounding.
    """
    graph = LayerGraph(weights)
    two, one = graph.constant("two", np.float32(2.0)), graph.constant("one", np.float32(1.0))
    x = graph.node("Sub", [graph.node("Mul", ["image", two]), one])
    stem, blocks = backbone_layers(config.backbone)
    x = graph.convolution(stem, x, relu=True)
    x = graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for block in blocks:
        x = graph.block(block, x)
    features = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], axis=1)
    graph.linear("head", features, "output")
    graph.linear("error_head", features, "log_error")
    outputs = [("output", (config.outputs,)), ("log_error", (1,))]
    if config.points:
        squeezed = graph.convolution(squeeze_layer(config), x, relu=True)
        graph.linear("point_head.place", graph.node("Flatten", [squeezed], axis=1), "points")
        outputs.append(("points", (3 * config.points,)))
    image = ("image", (config.backbone.in_channels, config.size_px, config.size_px))
    return graph.model("regressor", image, tuple(outputs), metadata)
