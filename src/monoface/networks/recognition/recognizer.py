"""Who a face in a photo is: the recognition network run by ONNX Runtime. numpy in, numpy out."""

from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.sessions import Session, open_session
from monoface.geometry.face_chips import CHIP_PX, face_chip
from monoface.networks.onnx.graph import OnnxGraph
from monoface.networks.recognition.weights import (
    BLOCKS,
    DESCRIPTOR_SIZE,
    MEAN_RGB,
    RecognitionWeights,
    load_recognition_weights,
)

# So many chips are looked at in one call: more take memory and no less time for each.
_BATCH = 16


class Recognizer:
    """Gives each face 128 numbers, which are near to each other for photos of one person.

    The distance of two of one person is below 0.6 or so, that of strangers above, as its makers have it; see
    `networks.verification` for a judgement that knows about turned faces. The numbers are biometric: they
    stay in memory, and nothing of monoface writes them unless it is asked to.

    Args:
        threads: Threads of one call.
        weights: A file to read; the shipped one by default, when it is first needed.
    """

    def __init__(self, threads: int = 1, weights: Path | None = None) -> None:
        self._threads = threads
        self._path = weights

    def __call__(
        self, photo: UInt8[np.ndarray, "height width 3"], landmarks68_px: Float[np.ndarray, "faces 68 2"]
    ) -> Float[np.ndarray, "faces 128"]:
        """Descriptors of the faces in a photo.

        Args:
            photo: In RGB.
            landmarks68_px: The 68 points of each face, in its pixels.

        Raises:
            ValueError: If a corner of an eye or the nose base is not finite.
        """
        chips = [face_chip(photo, points) for points in landmarks68_px]
        return self.describe(np.array(chips, np.uint8).reshape(-1, CHIP_PX, CHIP_PX, 3))

    def describe(self, chips: UInt8[np.ndarray, "faces 150 150 3"]) -> Float[np.ndarray, "faces 128"]:
        """Descriptors of faces that `geometry.face_chips.face_chip` cut."""
        vectors = np.empty((len(chips), DESCRIPTOR_SIZE), np.float32)
        for start in range(0, len(chips), _BATCH):
            part = np.ascontiguousarray(chips[start : start + _BATCH].transpose(0, 3, 1, 2), np.float32)
            (vectors[start : start + _BATCH],) = self._session.run(None, {"chip": part})
        return vectors

    @cached_property
    def _session(self) -> Session:
        return open_session(lambda: recognition_to_onnx(load_recognition_weights(self._path)), self._threads)


def recognition_to_onnx(weights: RecognitionWeights) -> bytes:
    """The network as a serialised ONNX model.

    Input `chip`: float32 (batch, 3, 150, 150), RGB of 0 to 255, the batch of any size. Output `descriptor`
    (batch, 128).
    """
    graph = OnnxGraph()
    mean, scale = np.array(MEAN_RGB, np.float32)[:, None, None], np.float32(256)
    centred = graph.node("Sub", ["chip", graph.constant("mean_rgb", mean)])
    x = graph.node("Div", [centred, graph.constant("scale", scale)])
    x = _convolution(graph, weights, 0, x, stride=2, padding=0)
    x = graph.node("MaxPool", [graph.node("Relu", [x])], kernel_shape=[3, 3], strides=[2, 2])
    side = ((CHIP_PX - 7) // 2 + 1 - 3) // 2 + 1
    incoming = len(weights.convolutions[0].bias)
    for number, (channels, halves) in enumerate(BLOCKS):
        stride, padding = (2, 0) if halves else (1, 1)
        inner = _convolution(graph, weights, 2 * number + 1, x, stride, padding)
        inner = _convolution(graph, weights, 2 * number + 2, graph.node("Relu", [inner]), 1, 1)
        if halves:
            x = graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
            inner_side, side = (side - 3) // 2 + 1, side // 2
            x = _extended(graph, f"past{number}", x, channels - incoming, 0)
            inner = _extended(graph, f"inner{number}", inner, 0, side - inner_side)
        x = graph.node("Relu", [graph.node("Add", [inner, x])])
        incoming = channels
    features = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], axis=1)
    graph.node("MatMul", [features, graph.constant("projection", weights.projection)], "descriptor")
    chip = ("chip", (3, CHIP_PX, CHIP_PX))
    return graph.model("recognition", chip, (("descriptor", (DESCRIPTOR_SIZE,)),))


def _convolution(
    graph: OnnxGraph, weights: RecognitionWeights, number: int, x: str, stride: int, padding: int
) -> str:
    layer = weights.convolutions[number]
    names = [
        graph.constant(f"convolution{number}.weight", layer.weight),
        graph.constant(f"convolution{number}.bias", layer.bias),
    ]
    return graph.node("Conv", [x, *names], strides=[stride] * 2, pads=[padding] * 4)


def _extended(graph: OnnxGraph, name: str, x: str, channels: int, edge: int) -> str:
    """With so many channels of zeros after the last one, and so many rows and columns."""
    if not channels and not edge:
        return x
    ends = np.array([0, 0, 0, 0, 0, channels, edge, edge], np.int64)
    return graph.node("Pad", [x, graph.constant(f"{name}.pads", ends)])
