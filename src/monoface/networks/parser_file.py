"""A face parser's file, without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monoface.networks.configs import PARSING_CLASSES, ParserConfig
from monoface.networks.onnx.parser import ParserWeights, parser_shapes
from monoface.networks.regressor_file import with_tuple
from monoface.networks.weights_arrays import asset_or_path, read_weights

PARSER_FORMAT = "monoface-parser-1"


def read_parser(name_or_path: str | Path = "parsing") -> ParserWeights:
    """Read what `networks.save_parser` wrote.

    Args:
        name_or_path: Name of a shipped asset, or, with a folder or the suffix `.safetensors`, a path.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
        ModelFileError: If the file is missing, damaged, or of another format.
    """
    weights, header = read_weights(
        asset_or_path(name_or_path),
        PARSER_FORMAT,
        "a parser",
        lambda header: parser_shapes(parser_config(header)),
    )
    return ParserWeights(parser_config(header), weights)


def parser_config(header: Mapping[str, Any]) -> ParserConfig:
    """What the header of a parser's file says that it looks like."""
    if header["classes"] != list(PARSING_CLASSES):
        raise ValueError(f"expected the classes {', '.join(PARSING_CLASSES)}, got {header['classes']}")
    return ParserConfig(**with_tuple(header["config"], "widths"))
