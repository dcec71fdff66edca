"""A regressor as an ONNX model, for ONNX Runtime, which runs it more than twice as fast as torch on a CPU.

`networks.onnx_graph` says why it is written here.
"""

import numpy as np
from torch import Tensor, nn

from monoface.networks.backbones import ResNet
from monoface.networks.onnx_graph import OnnxGraph
from monoface.networks.regressor import Regressor, fold_batch_norm


def regressor_to_onnx(regressor: Regressor) -> bytes:
    """The network with its batch norms folded, as a serialised ONNX model.

    Input `image`: float32 (batch, channels, size, size) in [0, 1], the batch of any size. Outputs
    `output` (batch, outputs) and `log_error` (batch, 1), and of networks with points `points`
    (batch, 3 points): x, y and log deviation of the first, then of the others. Agrees with the module up to
    rounding.
    """
    folded = fold_batch_norm(regressor)
    config = regressor.config
    graph = _Graph()
    two, one = graph.constant("two", np.float32(2.0)), graph.constant("one", np.float32(1.0))
    centred = graph.node("Sub", [graph.node("Mul", ["image", two]), one])
    seen = _feature_map(graph, folded.get_submodule("backbone"), centred)
    features = graph.node("Flatten", [graph.node("GlobalAveragePool", [seen])], axis=1)
    graph.linear(folded.get_submodule("head"), "head", features, "output")
    graph.linear(folded.get_submodule("error_head"), "error_head", features, "log_error")
    outputs = [("output", (config.outputs,)), ("log_error", (1,))]
    if config.points:
        squeezed = graph.sequence(folded.get_submodule("point_head.squeeze"), "squeeze", seen)
        flat = graph.node("Flatten", [squeezed], axis=1)
        graph.linear(folded.get_submodule("point_head.place"), "place", flat, "points")
        outputs.append(("points", (3 * config.points,)))
    image = ("image", (config.backbone.in_channels, config.size_px, config.size_px))
    return graph.model("regressor", image, tuple(outputs))


def _feature_map(graph: "_Graph", backbone: nn.Module, x: str) -> str:
    if not isinstance(backbone, ResNet):
        raise TypeError(f"backbone: expected a ResNet, got {type(backbone).__name__}")
    x = graph.sequence(backbone.stem, "stem", x)
    for number, block in enumerate(backbone.stages):
        body, shortcut = block.get_submodule("body"), block.get_submodule("shortcut")
        inner = graph.sequence(body, f"stage{number}", x)
        past = graph.sequence(shortcut, f"shortcut{number}", x)
        x = graph.node("Relu", [graph.node("Add", [inner, past])])
    return x


class _Graph(OnnxGraph):
    """A graph that takes layers of torch."""

    def sequence(self, module: nn.Module, name: str, x: str) -> str:
        """Layers one after the other, from a value's name to a value's name."""
        layers = list(module) if isinstance(module, nn.Sequential) else [module]
        for number, layer in enumerate(layers):
            if isinstance(layer, nn.Conv2d):
                x = self._convolution(layer, f"{name}.{number}", x)
            elif isinstance(layer, nn.ReLU):
                x = self.node("Relu", [x])
            elif isinstance(layer, nn.MaxPool2d):
                side, step = _pair(layer.kernel_size), _pair(layer.stride)
                x = self.node("MaxPool", [x], kernel_shape=side, strides=step, pads=_pair(layer.padding) * 2)
            elif not isinstance(layer, nn.Identity):
                raise TypeError(
                    f"{name}: expected convolutions, ReLU and pooling, got {type(layer).__name__}"
                )
        return x

    def linear(self, layer: nn.Module, name: str, x: str, output: str) -> None:
        """A linear layer whose value is an output of the model."""
        weight, bias = self.tensor(f"{name}.weight", layer.weight), self.tensor(f"{name}.bias", layer.bias)
        self.node("Gemm", [x, weight, bias], output, transB=1)

    def tensor(self, name: str, value: Tensor | nn.Module) -> str:
        """Add weights; returns their name."""
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
        return self.constant(name, value.detach().float().cpu().numpy())

    def _convolution(self, layer: nn.Conv2d, name: str, x: str) -> str:
        inputs = [x, self.tensor(f"{name}.weight", layer.weight)]
        if layer.bias is not None:
            inputs.append(self.tensor(f"{name}.bias", layer.bias))
        pads = [int(edge) for edge in layer.padding] * 2
        return self.node("Conv", inputs, strides=[int(step) for step in layer.stride], pads=pads)


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
