"""Regressors in files; see `networks.weights_file`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monoface.core.errors import ModelFileError
from monoface.networks.backbones import ResNetConfig
from monoface.networks.landmark_map import LandmarkMapConfig
from monoface.networks.regressor import Regressor, RegressorConfig
from monoface.networks.weights_file import load_weights, save_weights

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
        point_sets: Landmark sets that its points are of; see `facemodel.dense_points`.
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
    point_sets: tuple[tuple[str, int], ...] = ()


def save_regressor(regressor: Regressor, info: RegressorInfo, path: Path) -> None:
    """Write a regressor's weights, rounded to float16, with its configuration."""
    config = dataclasses.asdict(regressor.config)
    save_weights(regressor, {"format": _FORMAT, "config": config, "info": dataclasses.asdict(info)}, path)


def load_regressor(path: Path) -> tuple[Regressor, RegressorInfo]:
    """Read what `save_regressor` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    regressor, header = load_weights(path, _FORMAT, "a regressor", _network)
    info = _info(header)
    outputs = info.identity + info.expression + 9 + info.albedo + 27 * info.light
    if min(info.identity, info.expression, info.albedo) < 0 or outputs != regressor.config.outputs:
        raise ModelFileError(
            f"{path.name}: expected the {regressor.config.outputs} outputs that the network has, got "
            f"{info.identity} for identity, {info.expression} for expression, 9 for the pose, {info.albedo} "
            f"for albedo and {27 * info.light} for light. The file is damaged or changed; get it anew."
        )
    return regressor, info


def _network(header: dict[str, Any]) -> Regressor:
    # Now, so that a header without it is refused as a damaged file.
    _info(header)
    config = dict(header["config"])
    backbone = dict(config.pop("backbone"))
    backbone["blocks"] = tuple(backbone["blocks"])
    # Files from before there were landmark maps say nothing about one.
    drawn = config.pop("landmark_map", None)
    landmark_map = None if drawn is None else LandmarkMapConfig(**drawn)
    return Regressor(RegressorConfig(**config, backbone=ResNetConfig(**backbone), landmark_map=landmark_map))


def _info(header: dict[str, Any]) -> RegressorInfo:
    info = dict(header["info"])
    # Files from before there were points say nothing about them.
    sets = tuple((str(name), int(step)) for name, step in info.get("point_sets", ()))
    return RegressorInfo(**info | {"confidence": tuple(info["confidence"]), "point_sets": sets})
