"""ONNX models under construction, for ONNX Runtime, without torch.

Written here, byte by byte, rather than through `onnx` or torch's exporter: those are large, take seconds,
and would have to be installed by everybody or a second file of weights shipped for each network. A model
of convolutions needs few of the format's messages.

Reference:
    The ONNX format, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), opset 17.
"""

import struct
from collections.abc import Mapping

import numpy as np

_OPSET, _IR_VERSION = 17, 8
_FLOAT, _INT64, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 7, 2, 7


class OnnxGraph:
    """Nodes and weights of a graph under construction, already in wire format."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: int | list[int]) -> str:
        """Add a node; returns the name of its value."""
        output = output or f"value{len(self._nodes)}"
        content = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)
        for name, value in attributes.items():
            numbers = value if isinstance(value, list) else [value]
            listed = isinstance(value, list)
            body = _text(1, name) + b"".join(_number(8 if listed else 3, number) for number in numbers)
            content += _message(5, body + _number(20, _ATTRIBUTE_INTS if listed else _ATTRIBUTE_INT))
        self._nodes.append(_message(1, content))
        return output

    def constant(self, name: str, value: np.ndarray | np.float32) -> str:
        """Add numbers, 64-bit integers as such and all others as float32; returns their name."""
        integers = np.asarray(value).dtype == np.int64
        array = np.ascontiguousarray(value, dtype="<i8" if integers else "<f4").reshape(np.shape(value))
        dims = b"".join(_number(1, extent) for extent in array.shape)
        kind = _number(2, _INT64 if integers else _FLOAT)
        self._tensors.append(_message(5, dims + kind + _text(8, name) + _message(9, array.tobytes())))
        return name

    def model(
        self,
        name: str,
        image: tuple[str, tuple[int, ...]],
        outputs: tuple[tuple[str, tuple[int, ...]], ...],
        metadata: Mapping[str, str] | None = None,
    ) -> bytes:
        """The serialised model.

        Args:
            name: Of the graph.
            image: Name of the input and its shape without the batch; float32.
            outputs: Likewise.
            metadata: What the file says of itself, as `metadata_props`.
        """
        graph = b"".join(self._nodes) + _text(2, name) + b"".join(self._tensors)
        graph += _message(11, _value_info(*image))
        graph += b"".join(_message(12, _value_info(*one)) for one in outputs)
        opset = _message(8, _text(1, "") + _number(2, _OPSET))
        said = (metadata or {}).items()
        entries = b"".join(_message(14, _text(1, key) + _text(2, value)) for key, value in said)
        return _number(1, _IR_VERSION) + _text(2, "monoface") + _message(7, graph) + opset + entries


def _value_info(name: str, extents: tuple[int, ...]) -> bytes:
    batch = _message(1, _text(2, "batch"))
    shape = batch + b"".join(_message(1, _number(1, extent)) for extent in extents)
    return _text(1, name) + _message(2, _message(1, _number(1, _FLOAT) + _message(2, shape)))


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    """Length-delimited field of the protocol-buffer wire format."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, least significant first; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return struct.pack(f"{len(groups) + 1}B", *groups, value)
