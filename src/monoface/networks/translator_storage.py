"""Translators in one safetensors file: float16 weights, and JSON that says what they are."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.networks.translator import Translator, TranslatorConfig

_FORMAT = "monoface-translator-1"


def save_translator(translator: Translator, info: Mapping[str, Any], path: Path) -> None:
    """Write a translator's weights, rounded to float16, with its configuration.

    Args:
        translator: The network.
        info: What must be known to use it, as JSON values: what its maps are, and the scale of its output.
        path: The file.
    """
    state = {name: tensor.half().contiguous() for name, tensor in translator.state_dict().items()}
    header = {"format": _FORMAT, "config": dataclasses.asdict(translator.config), "info": dict(info)}
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_translator(path: Path) -> tuple[Translator, dict[str, Any]]:
    """Read what `save_translator` wrote; the network comes back in evaluation mode, float32.

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
        config["widths"] = tuple(config["widths"])
        translator = Translator(TranslatorConfig(**config))
        translator.load_state_dict(state)
        return translator.eval(), dict(header["info"])
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as a translator ({error}).") from error
