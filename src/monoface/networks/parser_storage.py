"""Face parsers in files; see `networks.weights_file`."""

import dataclasses
from pathlib import Path
from typing import Any

from monoface.networks.parsing import PARSING_CLASSES, FaceParser, ParserConfig
from monoface.networks.weights_file import asset_or_path, load_weights, save_weights

_FORMAT = "monoface-parser-1"


def save_parser(parser: FaceParser, path: Path) -> None:
    """Write a parser's weights, rounded to float16, with its configuration."""
    config = dataclasses.asdict(parser.config)
    save_weights(parser, {"format": _FORMAT, "classes": PARSING_CLASSES, "config": config}, path)


def load_parser(name_or_path: str | Path = "parsing") -> FaceParser:
    """Read what `save_parser` wrote; the network comes back in evaluation mode, float32.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    return load_weights(asset_or_path(name_or_path), _FORMAT, "a parser", _network)[0]


def _network(header: dict[str, Any]) -> FaceParser:
    if header["classes"] != list(PARSING_CLASSES):
        raise ValueError(f"expected the classes {', '.join(PARSING_CLASSES)}, got {header['classes']}")
    config = dict(header["config"])
    return FaceParser(ParserConfig(**{**config, "widths": tuple(config["widths"])}))
