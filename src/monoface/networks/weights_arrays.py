"""Networks' files without the networks: weights as arrays, checked before they are read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.json_text import parse_json

_SUFFIX = ".safetensors"
# Counters of norms: they are no weights, and files do not have them.
COUNTER = "num_batches_tracked"
_DTYPES = ("F16", "F32", "F64", "I8")
# What names of the scales of 8-bit weights begin with.
SCALE = "scale_of."
_SHOWN = 4

BESIDES = "besides."
"""What names of tensors begin with that lie in a network's file and are none of its weights."""

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each of a network's weights, by name."""


def read_weights(
    path: Path, expected: str, what: str, shapes: Callable[[dict[str, Any]], Shapes]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read weights, and what their file says of them.

    A header may promise a network of any size. So its shapes are compared with those of the file's tensors
    before anything is read.

    Args:
        path: The file.
        expected: Its format.
        what: What it holds, for errors.
        shapes: Of the weights of the network that a header describes; its configuration bounds how many.

    Returns:
        Weights in float32 by name, and the header.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = parse_json((file.metadata() or {}).get("monoface", "{}"))
            if header.get("format") != expected:
                raise ModelFileError(f"{path.name}: expected format {expected}, got {header.get('format')}.")
            names = [name for name in file.keys() if not name.startswith((BESIDES, SCALE))]  # noqa: SIM118
            slices = {name: file.get_slice(name) for name in names}
            told = {name: (tuple(one.get_shape()), one.get_dtype()) for name, one in slices.items()}
            _check_fit(path.name, shapes(header), told)
            return {name: _read(file, name) for name in names}, header
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError,
        ArithmeticError, RuntimeError,
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as {what} ({error}).") from error


def _read(file: Any, name: str) -> Float[np.ndarray, "..."]:
    """A tensor as float32; of 8 bits, times the scale that lies beside it."""
    tensor: np.ndarray = file.get_tensor(name)
    if tensor.dtype != np.int8:
        return tensor.astype(np.float32)
    step = file.get_tensor(SCALE + name).astype(np.float32)
    if step.shape != tensor.shape[:1]:
        raise ModelFileError(
            f"{name}: expected {tensor.shape[0]} scales of its 8-bit weights, got {list(step.shape)}. The "
            "file is damaged or changed; get it anew."
        )
    return tensor.astype(np.float32) * step.reshape(-1, *[1] * (tensor.ndim - 1))


def _check_fit(file: str, shapes: Shapes, told: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Compare shapes that weights should have with the shapes and types of a file's tensors, by name."""
    wrong = [f"{name} is missing" for name in sorted(shapes.keys() - told.keys())]
    wrong += [f"{name} is unknown" for name in sorted(told.keys() - shapes.keys())]
    # In the network's order, for few are shown: files have an order of their own.
    wrong += [
        f"{name}: expected shape {shape}, got {told[name][0]}"
        for name, shape in shapes.items()
        if name in told and told[name][0] != shape
    ]
    wrong += [
        f"{name}: expected numbers with fractions, got {dtype}"
        for name, (_, dtype) in told.items()
        if dtype not in _DTYPES
    ]
    if wrong:
        raise ModelFileError(
            f"{file}: weights do not fit the network that the file describes: "
            f"{'; '.join(wrong[:_SHOWN])}. The file is damaged or changed; get it anew."
        )


def weights_format(path: Path, what: str) -> str:
    """Which format a file that should hold `what` says it has; empty if it says none.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = parse_json((file.metadata() or {}).get("monoface", "{}"))
        return str(header.get("format", ""))
    except (OSError, SafetensorError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as {what} ({error}).") from error


def asset_or_path(name_or_path: str | Path) -> Path:
    """Path of a shipped asset given by name, or, with a folder or the suffix `.safetensors`, the path given.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
    """
    path = Path(name_or_path)
    named = path.suffix != _SUFFIX and len(path.parts) == 1
    return asset_path(f"{name_or_path}{_SUFFIX}") if named else path
