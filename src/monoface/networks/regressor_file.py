"""A regressor's file, without PyTorch: its configuration, its weights as arrays, how to use its output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monoface.core.errors import ModelFileError
from monoface.networks.configs import LandmarkMapConfig, RegressorConfig, ResNetConfig
from monoface.networks.onnx.layers import Weights, regressor_shapes
from monoface.networks.weights_arrays import read_weights

REGRESSOR_FORMAT = "monoface-regressor-1"


@dataclass(frozen=True, eq=False)
class RegressorWeights:
    """A regressor that does not run yet.

    Attributes:
        config: What it looks like.
        weights: By the names that they have in PyTorch.
    """

    config: RegressorConfig
    weights: Weights


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


def read_regressor(path: Path) -> tuple[RegressorWeights, RegressorInfo]:
    """Read what `networks.save_regressor` wrote.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """

    def shapes(header: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        # Now, so that a header without it is refused as a damaged file.
        regressor_info(header)
        return regressor_shapes(regressor_config(header))

    weights, header = read_weights(path, REGRESSOR_FORMAT, "a regressor", shapes)
    config, info = regressor_config(header), regressor_info(header)
    outputs = info.identity + info.expression + 9 + info.albedo + 27 * info.light
    if min(info.identity, info.expression, info.albedo) < 0 or outputs != config.outputs:
        raise ModelFileError(
            f"{path.name}: expected the {config.outputs} outputs that the network has, got "
            f"{info.identity} for identity, {info.expression} for expression, 9 for the pose, {info.albedo} "
            f"for albedo and {27 * info.light} for light. The file is damaged or changed; get it anew."
        )
    return RegressorWeights(config, weights), info


def regressor_config(header: Mapping[str, Any]) -> RegressorConfig:
    """What the header of a regressor's file says that it looks like."""
    config = dict(header["config"])
    backbone = with_tuple(config.pop("backbone"), "blocks")
    # Files from before there were landmark maps say nothing about one.
    drawn = config.pop("landmark_map", None)
    landmark_map = None if drawn is None else LandmarkMapConfig(**drawn)
    return RegressorConfig(**config, backbone=ResNetConfig(**backbone), landmark_map=landmark_map)


def regressor_info(header: Mapping[str, Any]) -> RegressorInfo:
    """How to use the output, as the header of a regressor's file says it."""
    info = with_tuple(header["info"], "confidence")
    # Files from before there were points say nothing about them.
    sets = tuple((str(name), int(step)) for name, step in info.get("point_sets", ()))
    return RegressorInfo(**info | {"point_sets": sets})


def with_tuple(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Values of JSON, which has no tuples, with one where a configuration has one."""
    return {**values, name: tuple(values[name])}
