"""Identity encoders in files; see `networks.weights_file`."""

import dataclasses
from pathlib import Path
from typing import Any

from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
from monoface.networks.recognition import RecognitionNetwork, load_recognition_network
from monoface.networks.recognition_weights import RECOGNITION_ASSET, RECOGNITION_FORMAT
from monoface.networks.weights_file import asset_or_path, load_weights, save_weights, weights_format

_FORMAT, _WHAT = "monoface-identity-1", "an identity encoder"


def save_identity_encoder(encoder: IdentityNetwork, path: Path) -> None:
    """Write an encoder's weights, rounded to float16, with its configuration."""
    save_weights(encoder, {"format": _FORMAT, "config": dataclasses.asdict(encoder.config)}, path)


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
    if weights_format(path, _WHAT) == RECOGNITION_FORMAT:
        return load_recognition_network(path, mixed=mixed)
    encoder, _ = load_weights(path, _FORMAT, _WHAT, _network)
    encoder.mixed = mixed
    return encoder.requires_grad_(False)


def _network(header: dict[str, Any]) -> IdentityNetwork:
    config = dict(header["config"])
    return IdentityNetwork(IdentityNetworkConfig(**{**config, "blocks": tuple(config["blocks"])}))
