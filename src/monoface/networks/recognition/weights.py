"""Weights of the recognition network in one file, without torch: both of its forms are made from them.

Each convolution's weights are 16-bit integers with a scale for each of its outputs. That takes the room of
float16 and keeps vectors five times nearer to those of the original.

Reference:
    King, "High Quality Face Recognition with Deep Metric Learning" (dlib's blog, 2017), whose network it is;
    `tools/convert_recognition.py` reads it. He et al., "Deep Residual Learning for Image Recognition", CVPR
    2016, for the blocks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from monoface.core.assets import asset_path
from monoface.core.errors import ModelFileError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.geometry.face_chips import CHIP_PX

DESCRIPTOR_SIZE = 128
"""Length of the vectors."""

RECOGNITION_FORMAT = "monoface-recognition-1"
RECOGNITION_ASSET = "recognition"
MEAN_RGB = (122.782, 117.001, 104.298)
"""Subtracted from pixels of 0 to 255, which are then divided by 256."""

STEM_CHANNELS = 32
BLOCKS = (
    *3 * ((32, False),), (64, True), *3 * ((64, False),), (128, True), *2 * ((128, False),),
    (256, True), *2 * ((256, False),), (256, True),
)  # fmt: skip
"""Channels of each residual block, and whether it halves the picture."""

_LARGEST = 2**15 - 1


@dataclass(frozen=True)
class Convolution:
    """A convolution with the fixed norm that follows it multiplied in."""

    weight: Float[np.ndarray, "outputs inputs side side"]
    bias: Float[np.ndarray, " outputs"]


@dataclass(frozen=True)
class RecognitionWeights:
    """All that was learned.

    Attributes:
        convolutions: The stem's, then two for each of `BLOCKS`. The stem's takes pixels from which
            `MEAN_RGB` was subtracted, over 256.
        projection: From averaged features to vectors.
        centre: The mean vector of many people, from which directions tell people apart.
    """

    convolutions: tuple[Convolution, ...]
    projection: Float[np.ndarray, "256 128"]
    centre: Float[np.ndarray, " 128"]


def convolution_shapes() -> tuple[tuple[int, int, int, int], ...]:
    """Shapes of the convolutions' weights, in the order of `RecognitionWeights`."""
    shapes, incoming = [(STEM_CHANNELS, 3, 7, 7)], STEM_CHANNELS
    for channels, _ in BLOCKS:
        shapes += [(channels, incoming, 3, 3), (channels, channels, 3, 3)]
        incoming = channels
    return tuple(shapes)


def save_recognition_weights(weights: RecognitionWeights, path: Path) -> None:
    """Write weights, rounded to 16 bits for each output; replaces the file if there is one."""
    tensors = {"centre": np.asarray(weights.centre, np.float32)}
    for number, layer in enumerate(weights.convolutions):
        tensors |= _rounded(f"convolution{number}", layer.weight)
        tensors[f"convolution{number}.bias"] = np.asarray(layer.bias, np.float32)
    tensors |= _rounded("projection", weights.projection.T)
    header = {"format": RECOGNITION_FORMAT, "size_px": CHIP_PX}
    content = save(tensors, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_recognition_weights(path: Path | None = None) -> RecognitionWeights:
    """Read what `save_recognition_weights` wrote, in float32.

    Args:
        path: The file; the shipped one by default.

    Raises:
        AssetError: If the shipped file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    path = path or asset_path(f"{RECOGNITION_ASSET}.safetensors")
    try:
        with safe_open(path, framework="np") as file:
            header = parse_json((file.metadata() or {}).get("monoface", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("format") != RECOGNITION_FORMAT:
            raise ModelFileError(
                f"{path.name}: expected format {RECOGNITION_FORMAT}, got {header.get('format')}."
            )
        return _assembled(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(
            f"{path.name}: cannot be read as weights of the recognition network ({error})."
        ) from error


def _assembled(tensors: Mapping[str, np.ndarray]) -> RecognitionWeights:
    layers = []
    for number, shape in enumerate(convolution_shapes()):
        weight = _restored(tensors, f"convolution{number}", shape)
        layers.append(Convolution(weight, tensors[f"convolution{number}.bias"].reshape(shape[0])))
    projection = _restored(tensors, "projection", (DESCRIPTOR_SIZE, BLOCKS[-1][0]))
    return RecognitionWeights(
        tuple(layers), np.ascontiguousarray(projection.T), tensors["centre"].reshape(DESCRIPTOR_SIZE)
    )


def _rounded(name: str, weight: Float[np.ndarray, "..."]) -> dict[str, np.ndarray]:
    """Weights as integers, and for each output what one of their steps is worth."""
    flat = np.asarray(weight, np.float64).reshape(len(weight), -1)
    largest = np.abs(flat).max(axis=1)
    scale = (np.where(largest > 0, largest, 1.0) / _LARGEST).astype(np.float32)
    steps = np.rint(flat / scale[:, None]).clip(-_LARGEST, _LARGEST).astype(np.int16)
    # Files take numbers as they lie in memory.
    return {f"{name}.weight": np.ascontiguousarray(steps.reshape(weight.shape)), f"{name}.scale": scale}


def _restored(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    steps, scale = tensors[f"{name}.weight"], tensors[f"{name}.scale"]
    if steps.shape != shape or scale.shape != shape[:1]:
        raise ValueError(f"{name}: expected shape {shape}, got {steps.shape} with {scale.shape} scales")
    return steps.astype(np.float32) * scale.reshape(-1, *(1,) * (len(shape) - 1))
