"""Regressors in one safetensors file: float16 weights, and JSON that says what they are."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.networks.backbones import ResNetConfig
from monoface.networks.landmark_map import LandmarkMapConfig
from monoface.networks.regressor import Regressor, RegressorConfig

_FORMAT = "monoface-regressor-1"


@dataclass(frozen=True)
class RegressorInfo:
    """What must be known to use a regressor's output.

    Attributes:
        method: The method that trained it, for instance `pretrain`.
        coefficient_space: Name of the coordinates it puts out: `FaceModel.coefficient_space`.
        identity: Number of identity coefficients.
        expression: Number of expression coefficients.
        bounded: Whether expression weights lie in [0, 1].
        confidence: Offset and slope of the logistic function that turns its log error into the
            probability that the mean landmark error is below 5 % of the face's size.
        albedo: Number of albedo coefficients.
        albedo_space: Name of the albedo's coordinates: `FaceModel.albedo_space`.
        light: Whether it puts out a light.
        focal_per_size: Focal length of its camera in sides of the crop; None for weak perspective.
    """

    method: str
    coefficient_space: str
    identity: int
    expression: int
    bounded: bool = True
    confidence: tuple[float, float] = (0.0, 0.0)
    albedo: int = 0
    albedo_space: str = ""
    light: bool = False
    focal_per_size: float | None = None


def save_regressor(regressor: Regressor, info: RegressorInfo, path: Path) -> None:
    """Write a regressor's weights, rounded to float16, with its configuration."""
    state = {
        name: tensor.half().contiguous()
        for name, tensor in regressor.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    header = {
        "format": _FORMAT,
        "config": dataclasses.asdict(regressor.config),
        "info": dataclasses.asdict(info),
    }
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_regressor(path: Path) -> tuple[Regressor, RegressorInfo]:
    """Read what `save_regressor` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("monoface", "{}"))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if header.get("format") != _FORMAT:
            raise ModelFileError(f"{path.name}: expected format {_FORMAT}, got {header.get('format')}.")
        config = dict(header["config"])
        backbone = dict(config.pop("backbone"))
        backbone["blocks"] = tuple(backbone["blocks"])
        # Files from before there were landmark maps say nothing about one.
        drawn = config.pop("landmark_map", None)
        landmark_map = None if drawn is None else LandmarkMapConfig(**drawn)
        info = dict(header["info"])
        info["confidence"] = tuple(info["confidence"])
        network = RegressorConfig(**config, backbone=ResNetConfig(**backbone), landmark_map=landmark_map)
        regressor = Regressor(network)
        missing, unexpected = regressor.load_state_dict(state, strict=False)
        wrong = [name for name in missing if not name.endswith("num_batches_tracked")] + unexpected
        if wrong:
            raise ModelFileError(f"{path.name}: weights do not fit the network: {', '.join(wrong[:4])}.")
        return regressor.eval(), RegressorInfo(**info)
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as a regressor ({error}).") from error
