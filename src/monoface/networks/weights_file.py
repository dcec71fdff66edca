"""A network in one safetensors file: float16 weights, and JSON that says what it is."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically

_SUFFIX = ".safetensors"
# Counters of norms: they are no weights, and files do not have them.
_COUNTER = "num_batches_tracked"

BESIDES = "besides."
"""What names of tensors begin with that lie in a network's file and are none of its weights."""

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, header: Mapping[str, Any], path: Path) -> None:
    """Write a network's weights, rounded to float16.

    Args:
        network: Whose weights.
        header: What must be known to build and use the network, as JSON values; has its `format`.
        path: The file, which is replaced if it exists.
    """
    state = {
        name: tensor.half().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_weights(
    path: Path, expected: str, what: str, build: Callable[[dict[str, Any]], Network]
) -> tuple[Network, dict[str, Any]]:
    """Read what `save_weights` wrote.

    Args:
        path: The file.
        expected: Its format.
        what: What it holds, for errors.
        build: Makes the network that the header describes.

    Returns:
        The network in evaluation mode, float32, and the header.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("monoface", "{}"))
            names = [name for name in file.keys() if not name.startswith(BESIDES)]  # noqa: SIM118
            state = {name: file.get_tensor(name).float() for name in names}
        if header.get("format") != expected:
            raise ModelFileError(f"{path.name}: expected format {expected}, got {header.get('format')}.")
        network = build(header)
        missing, unexpected = network.load_state_dict(state, strict=False)
        wrong = [name for name in missing if not name.endswith(_COUNTER)] + unexpected
        if wrong:
            raise ModelFileError(f"{path.name}: weights do not fit the network: {', '.join(wrong[:4])}.")
        return network.eval(), header
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as {what} ({error}).") from error


def weights_format(path: Path, what: str) -> str:
    """Which format a file that should hold `what` says it has; empty if it says none.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {}).get("monoface", "{}"))
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
