"""A face parser as an ONNX model that tells where bare skin is, without PyTorch."""

from dataclasses import dataclass

import numpy as np

from monoface.networks.configs import PARSING_CLASSES, SKIN_CLASSES, ParserConfig
from monoface.networks.onnx.layers import BlockLayer, ConvLayer, LayerGraph, Weights, shapes_of

_CLASSES = len(PARSING_CLASSES)


@dataclass(frozen=True, eq=False)
class ParserWeights:
    """A face parser that does not run yet.

    Attributes:
        config: What it looks like.
        weights: By the names that they have in PyTorch.
    """

    config: ParserConfig
    weights: Weights


@dataclass(frozen=True)
class _Layers:
    """Layers of a `networks.parsing.FaceParser`."""

    stem: tuple[ConvLayer, ConvLayer]
    down: tuple[tuple[BlockLayer, ...], ...]
    narrow: tuple[ConvLayer, ...]
    fuse: tuple[ConvLayer, ...]
    head: ConvLayer

    @classmethod
    def of(cls, config: ParserConfig) -> "_Layers":
        half, quarter, eighth, deep = config.widths
        up = ((deep, eighth), (eighth, quarter), (quarter, half))
        deepest = [BlockLayer.named("down.2.0", eighth, deep, 2, False)]
        deepest += [
            BlockLayer.named(f"down.2.{place}", deep, deep, 1, False)
            for place in range(1, config.deep_blocks)
        ]
        return cls(
            stem=(
                ConvLayer("stem.0", "stem.1", 3, half, 5, 2),
                ConvLayer("stem.3", "stem.4", half, half, 3),
            ),
            down=(
                (BlockLayer.named("down.0", half, quarter, 2, False),),
                (BlockLayer.named("down.1", quarter, eighth, 2, False),),
                tuple(deepest),
            ),
            narrow=tuple(
                ConvLayer(f"narrow.{place}.0", f"narrow.{place}.1", *pair, 1) for place, pair in enumerate(up)
            ),
            fuse=tuple(
                ConvLayer(f"fuse.{place}.0", f"fuse.{place}.1", width, width, 3)
                for place, (_, width) in enumerate(up)
            ),
            head=ConvLayer("head.0", "", half, 4 * _CLASSES, 3),
        )


def parser_shapes(config: ParserConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of a `networks.parsing.FaceParser`."""
    layers = _Layers.of(config)
    down = [block for stage in layers.down for block in stage]
    return shapes_of((*layers.stem, *down, *layers.narrow, *layers.fuse, layers.head))


def skin_to_onnx(parser: ParserWeights, size_px: int) -> bytes:
    """The network with its batch norms folded, as a serialised ONNX model.

    Input `image`: float32 (batch, 3, size, size) in [0, 1]. Output `skin` (batch, 1, size, size): the
    probability of bare skin, as `networks.parsing.skin_probability` has it.
    """
    graph, logits = _logits(parser)
    shares = graph.node("Softmax", [logits], axis=1)
    chosen = np.zeros((1, _CLASSES, 1, 1), np.float32)
    chosen[:, SKIN_CLASSES] = 1
    graph.node("Conv", [shares, graph.constant("skin_classes", chosen)], "skin")
    return graph.model("skin", ("image", (3, size_px, size_px)), (("skin", (1, size_px, size_px)),))


def classes_to_onnx(parser: ParserWeights, size_px: int) -> bytes:
    """As `skin_to_onnx`, but `classes` (batch, 7, size, size) are probabilities of `PARSING_CLASSES`."""
    graph, logits = _logits(parser)
    graph.node("Softmax", [logits], "classes", axis=1)
    shape = (_CLASSES, size_px, size_px)
    return graph.model("classes", ("image", (3, size_px, size_px)), (("classes", shape),))


def _logits(parser: ParserWeights) -> tuple[LayerGraph, str]:
    """The network up to its logits, and their name."""
    layers = _Layers.of(parser.config)
    graph = LayerGraph(_by_places(parser.weights, layers.head.name))
    two, one = graph.constant("two", np.float32(2.0)), graph.constant("one", np.float32(1.0))
    x = graph.node("Sub", [graph.node("Mul", ["image", two]), one])
    for layer in layers.stem:
        x = graph.convolution(layer, x, relu=True)
    skipped = []
    for stage in layers.down:
        skipped.append(x)
        for block in stage:
            x = graph.block(block, x)
    twice = graph.constant("twice", np.array((1.0, 1.0, 2.0, 2.0), np.float32))
    for narrow, fuse in zip(layers.narrow, layers.fuse, strict=True):
        enlarged = graph.node("Resize", [graph.convolution(narrow, x), "", twice])
        x = graph.convolution(
            fuse, graph.node("Relu", [graph.node("Add", [enlarged, skipped.pop()])]), relu=True
        )
    return graph, graph.node("DepthToSpace", [graph.convolution(layers.head, x)], blocksize=2)


def _by_places(weights: Weights, head: str) -> Weights:
    """The head's outputs with the places of a class apart, as ONNX has them; PyTorch has them together."""
    kernel, bias = weights[f"{head}.weight"], weights[f"{head}.bias"]
    order = np.arange(4 * _CLASSES).reshape(_CLASSES, 4).T.ravel()
    return {**weights, f"{head}.weight": kernel[order], f"{head}.bias": bias[order]}
