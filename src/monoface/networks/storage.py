"""Networks in files, one kind after the other; see `networks.weights_file`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from monoface.networks.eyes.file import EYES_FORMAT, eye_network_told
from monoface.networks.eyes.network import EyeNetwork
from monoface.networks.eyes.outputs import EYES_ASSET, EyeCalibration
from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
from monoface.networks.onnx.parser import ParserWeights
from monoface.networks.parser_file import PARSER_FORMAT, parser_config
from monoface.networks.parsing import PARSING_CLASSES, FaceParser
from monoface.networks.recognition.network import RecognitionNetwork, load_recognition_network
from monoface.networks.recognition.weights import RECOGNITION_ASSET, RECOGNITION_FORMAT
from monoface.networks.regressor import Regressor
from monoface.networks.regressor_file import (
    REGRESSOR_FORMAT,
    RegressorInfo,
    RegressorWeights,
    read_regressor,
    with_tuple,
)
from monoface.networks.translator import Translator, TranslatorConfig
from monoface.networks.weights_arrays import asset_or_path, weights_format
from monoface.networks.weights_file import load_weights, save_weights

_TRANSLATOR = "monoface-translator-1"
_IDENTITY = "monoface-identity-1"
_UNCALIBRATED = EyeCalibration()


def save_regressor(
    regressor: Regressor, info: RegressorInfo, path: Path, *, eight_bits: bool = False
) -> None:
    """Write a regressor's weights, rounded to float16 or to 8 bits, with its configuration."""
    _save(regressor, path, eight_bits=eight_bits, format=REGRESSOR_FORMAT, info=dataclasses.asdict(info))


def load_regressor(path: Path) -> tuple[Regressor, RegressorInfo]:
    """Read what `save_regressor` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    read, info = read_regressor(path)
    return regressor_of(read), info


def regressor_of(read: RegressorWeights) -> Regressor:
    """The network of weights that were read, in evaluation mode."""
    regressor = Regressor(read.config)
    # Counters alone are missing.
    state = {name: torch.from_numpy(array) for name, array in read.weights.items()}
    regressor.load_state_dict(state, strict=False)
    return regressor.eval()


def weights_of(regressor: Regressor) -> RegressorWeights:
    """The weights of a network as they are now."""
    state = {name: tensor.float().numpy(force=True) for name, tensor in regressor.state_dict().items()}
    return RegressorWeights(regressor.config, state)


def parser_weights_of(parser: FaceParser) -> ParserWeights:
    """The weights of a parser as they are now."""
    state = {name: tensor.float().numpy(force=True) for name, tensor in parser.state_dict().items()}
    return ParserWeights(parser.config, state)


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
    _save(parser, path, format=PARSER_FORMAT, classes=PARSING_CLASSES)


def load_parser(name_or_path: str | Path = "parsing") -> FaceParser:
    """Read what `save_parser` wrote; the network comes back in evaluation mode, float32.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    return load_weights(asset_or_path(name_or_path), PARSER_FORMAT, "a parser", _parser)[0]


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


def save_eye_network(network: EyeNetwork, path: Path, calibration: EyeCalibration = _UNCALIBRATED) -> None:
    """Write an eye network's weights, rounded to float16, with its configuration.

    Args:
        network: The network.
        path: The file.
        calibration: How its answers become true.
    """
    _save(network, path, format=EYES_FORMAT, calibration=dataclasses.asdict(calibration))


def load_eye_network(name_or_path: str | Path = EYES_ASSET) -> tuple[EyeNetwork, EyeCalibration]:
    """Read what `save_eye_network` wrote; the network comes back in evaluation mode, float32.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    network, header = load_weights(asset_or_path(name_or_path), EYES_FORMAT, "an eye network", _eye_network)
    return network, eye_network_told(header)[1]


def _save(
    network: Regressor | Translator | FaceParser | IdentityNetwork | EyeNetwork,
    path: Path,
    *,
    eight_bits: bool = False,
    **header: Any,
) -> None:
    said = {**header, "config": dataclasses.asdict(network.config)}
    save_weights(network, said, path, eight_bits=eight_bits)


def _translator(header: dict[str, Any]) -> Translator:
    return Translator(TranslatorConfig(**with_tuple(header["config"], "widths")))


def _parser(header: dict[str, Any]) -> FaceParser:
    return FaceParser(parser_config(header))


def _eye_network(header: dict[str, Any]) -> EyeNetwork:
    return EyeNetwork(eye_network_told(header)[0])


def _identity_encoder(header: dict[str, Any]) -> IdentityNetwork:
    return IdentityNetwork(IdentityNetworkConfig(**with_tuple(header["config"], "blocks")))
