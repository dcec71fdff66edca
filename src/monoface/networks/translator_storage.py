"""Translators in files; see `networks.weights_file`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monoface.networks.translator import Translator, TranslatorConfig
from monoface.networks.weights_file import load_weights, save_weights

_FORMAT = "monoface-translator-1"


def save_translator(translator: Translator, info: Mapping[str, Any], path: Path) -> None:
    """Write a translator's weights, rounded to float16, with its configuration.

    Args:
        translator: The network.
        info: What must be known to use it, as JSON values: what its maps are, and the scale of its output.
        path: The file.
    """
    config = dataclasses.asdict(translator.config)
    save_weights(translator, {"format": _FORMAT, "config": config, "info": dict(info)}, path)


def load_translator(path: Path) -> tuple[Translator, dict[str, Any]]:
    """Read what `save_translator` wrote; the network comes back in evaluation mode, float32.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    translator, header = load_weights(path, _FORMAT, "a translator", _network)
    return translator, dict(header["info"])


def _network(header: dict[str, Any]) -> Translator:
    config = dict(header["config"])
    return Translator(TranslatorConfig(**{**config, "widths": tuple(config["widths"])}))
