"""An eye network's file, without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from monoface.networks.eyes.outputs import EYES_ASSET, EyeCalibration, EyeNetworkConfig
from monoface.networks.onnx.eyes import EyeWeights, eye_network_shapes
from monoface.networks.regressor_file import with_tuple
from monoface.networks.weights_arrays import asset_or_path, read_weights

EYES_FORMAT: Final = "monoface-eyes-1"


def read_eye_network(name_or_path: str | Path = EYES_ASSET) -> EyeWeights:
    """Read what `networks.save_eye_network` wrote.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    weights, header = read_weights(
        asset_or_path(name_or_path),
        EYES_FORMAT,
        "an eye network",
        lambda header: eye_network_shapes(eye_network_told(header)[0]),
    )
    return EyeWeights(*eye_network_told(header), weights)


def eye_network_told(header: Mapping[str, Any]) -> tuple[EyeNetworkConfig, EyeCalibration]:
    """What the header of an eye network's file says: what it looks like, and how its answers become true."""
    told = {name: float(value) for name, value in header["calibration"].items()}
    return EyeNetworkConfig(**with_tuple(header["config"], "widths")), EyeCalibration(**told)
