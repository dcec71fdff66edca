"""Networks in files, one kind after the other; see `networks.weights_file`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monoface.core.errors import ModelFileError
from monoface.networks.backbones import ResNetConfig
from monoface.networks.eye_network import EyeNetwork
from monoface.networks.eye_outputs import EYES_ASSET, EYES_FORMAT, EyeNetworkConfig
from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
from monoface.networks.landmark_map import LandmarkMapConfig
from monoface.networks.parsing import PARSING_CLASSES, FaceParser, ParserConfig
from monoface.networks.recognition import RecognitionNetwork, load_recognition_network
from monoface.networks.recognition_weights import RECOGNITION_ASSET, RECOGNITION_FORMAT
from monoface.networks.regressor import Regressor, RegressorConfig
from monoface.networks.translator import Translator, TranslatorConfig
from monoface.networks.weights_file import asset_or_path, load_weights, save_weights, weights_format

_REGRESSOR = "monoface-regressor-1"
_TRANSLATOR = "monoface-translator-1"
_PARSER = "monoface-parser-1"
_IDENTITY = "monoface-identity-1"


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


def save_regressor(
    regressor: Regressor, info: RegressorInfo, path: Path, *, eight_bits: bool = False
) -> None:
    """Write a regressor's weights, rounded to float16 or to 8 bits, with its configuration."""
    _save(regressor, path, eight_bits=eight_bits, format=_REGRESSOR, info=dataclasses.asdict(info))


def load_regressor(path: Path) -> tuple[Regressor, RegressorInfo]:
    """Read what `save_regressor` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    regressor, header = load_weights(path, _REGRESSOR, "a regressor", _regressor)
    info = _regressor_info(header)
    outputs = info.identity + info.expression + 9 + info.albedo + 27 * info.light
    if min(info.identity, info.expression, info.albedo) < 0 or outputs != regressor.config.outputs:
        raise ModelFileError(
            f"{path.name}: expected the {regressor.config.outputs} outputs that the network has, got "
            f"{info.identity} for identity, {info.expression} for expression, 9 for the pose, {info.albedo} "
            f"for albedo and {27 * info.light} for light. The file is damaged or changed; get it anew."
        )
    return regressor, info


def save_translator(translator: Translator, info: Mapping[str, Any], path: Path) -> None:
    """Write a translator's weights, rounded to float16, with its configuration.

    Args:
        translator: The network.
        info: What must be known to use it, as JSON values: what its maps are, and the scale of its output.
        path: The file.
    """
    _save(translator, path, format=_TRANSLATOR, info=dict(info))


def load_translator(path: Path) -> tuple[Translator, dict[str, Any]]:
    """Read what `save_translator` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    translator, header = load_weights(path, _TRANSLATOR, "a translator", _translator)
    return translator, dict(header["info"])


def save_parser(parser: FaceParser, path: Path) -> None:
    """Write a parser's weights, rounded to float16, with its configuration."""
    _save(parser, path, format=_PARSER, classes=PARSING_CLASSES)


def load_parser(name_or_path: str | Path = "parsing") -> FaceParser:
    """Read what `save_parser` wrote; the network comes back in evaluation mode, float32.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    return load_weights(asset_or_path(name_or_path), _PARSER, "a parser", _parser)[0]


def save_identity_encoder(encoder: IdentityNetwork, path: Path) -> None:
    """Write an encoder's weights, rounded to float16, with its configuration."""
    _save(encoder, path, format=_IDENTITY)


def load_identity_encoder(
    name_or_path: str | Path = RECOGNITION_ASSET, *, mixed: bool = False
) -> IdentityNetwork | RecognitionNetwork:
    """Read an identity encoder: in evaluation mode, float32, without gradients to its weights.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path of what
            `save_identity_encoder` or `save_recognition_weights` wrote. The recognition network by default.
        mixed: Whether it computes in bfloat16.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    path = asset_or_path(name_or_path)
    if weights_format(path, "an identity encoder") == RECOGNITION_FORMAT:
        return load_recognition_network(path, mixed=mixed)
    encoder, _ = load_weights(path, _IDENTITY, "an identity encoder", _identity_encoder)
    encoder.mixed = mixed
    return encoder.requires_grad_(False)


def save_eye_network(network: EyeNetwork, path: Path, gap: tuple[float, float] = (1.0, 0.0)) -> None:
    """Write an eye network's weights, rounded to float16, with its configuration.

    Args:
        network: The network.
        path: The file.
        gap: Factor and offset, in widths of an eye, that gaps of lids as people mark them have against those
            it finds.
    """
    _save(network, path, format=EYES_FORMAT, gap=list(gap))


def load_eye_network(name_or_path: str | Path = EYES_ASSET) -> tuple[EyeNetwork, tuple[float, float]]:
    """Read what `save_eye_network` wrote; the network comes back in evaluation mode, float32.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    network, header = load_weights(asset_or_path(name_or_path), EYES_FORMAT, "an eye network", _eye_network)
    return network, _gap(header)


def _save(
    network: Regressor | Translator | FaceParser | IdentityNetwork | EyeNetwork,
    path: Path,
    *,
    eight_bits: bool = False,
    **header: Any,
) -> None:
    said = {**header, "config": dataclasses.asdict(network.config)}
    save_weights(network, said, path, eight_bits=eight_bits)


def _regressor(header: dict[str, Any]) -> Regressor:
    # Now, so that a header without it is refused as a damaged file.
    _regressor_info(header)
    config = dict(header["config"])
    backbone = _with_tuple(config.pop("backbone"), "blocks")
    # Files from before there were landmark maps say nothing about one.
    drawn = config.pop("landmark_map", None)
    landmark_map = None if drawn is None else LandmarkMapConfig(**drawn)
    return Regressor(RegressorConfig(**config, backbone=ResNetConfig(**backbone), landmark_map=landmark_map))


def _regressor_info(header: dict[str, Any]) -> RegressorInfo:
    info = _with_tuple(header["info"], "confidence")
    # Files from before there were points say nothing about them.
    sets = tuple((str(name), int(step)) for name, step in info.get("point_sets", ()))
    return RegressorInfo(**info | {"point_sets": sets})


def _translator(header: dict[str, Any]) -> Translator:
    return Translator(TranslatorConfig(**_with_tuple(header["config"], "widths")))


def _parser(header: dict[str, Any]) -> FaceParser:
    if header["classes"] != list(PARSING_CLASSES):
        raise ValueError(f"expected the classes {', '.join(PARSING_CLASSES)}, got {header['classes']}")
    return FaceParser(ParserConfig(**_with_tuple(header["config"], "widths")))


def _eye_network(header: dict[str, Any]) -> EyeNetwork:
    _gap(header)
    return EyeNetwork(EyeNetworkConfig(**_with_tuple(header["config"], "widths")))


def _gap(header: dict[str, Any]) -> tuple[float, float]:
    scale, offset = header["gap"]
    return float(scale), float(offset)


def _identity_encoder(header: dict[str, Any]) -> IdentityNetwork:
    return IdentityNetwork(IdentityNetworkConfig(**_with_tuple(header["config"], "blocks")))


def _with_tuple(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Values of JSON, which has no tuples, with one where a configuration has one."""
    return {**values, name: tuple(values[name])}
