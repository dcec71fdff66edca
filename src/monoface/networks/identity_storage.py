"""Identity encoders in one safetensors file: float16 weights, and JSON that says what they are."""

import dataclasses
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig

_FORMAT = "monoface-identity-1"
_SUFFIX = ".safetensors"


def save_identity_encoder(encoder: IdentityNetwork, path: Path) -> None:
    """Write an encoder's weights, rounded to float16, with its configuration."""
    state = {
        name: tensor.half().contiguous()
        for name, tensor in encoder.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    header = {"format": _FORMAT, "config": dataclasses.asdict(encoder.config)}
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_identity_encoder(name_or_path: str | Path = "identity") -> IdentityNetwork:
    """Read what `save_identity_encoder` wrote: in evaluation mode, float32, without gradients to its weights.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    path = Path(name_or_path)
    if path.suffix != _SUFFIX and len(path.parts) == 1:
        path = asset_path(f"{name_or_path}{_SUFFIX}")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("monoface", "{}"))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if header.get("format") != _FORMAT:
            raise ModelFileError(f"{path.name}: expected format {_FORMAT}, got {header.get('format')}.")
        config = dict(header["config"])
        encoder = IdentityNetwork(IdentityNetworkConfig(**{**config, "blocks": tuple(config["blocks"])}))
        missing, unexpected = encoder.load_state_dict(state, strict=False)
        wrong = [name for name in missing if not name.endswith("num_batches_tracked")] + unexpected
        if wrong:
            raise ModelFileError(f"{path.name}: weights do not fit the network: {', '.join(wrong[:4])}.")
        return encoder.eval().requires_grad_(False)
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as an identity encoder ({error}).") from error
