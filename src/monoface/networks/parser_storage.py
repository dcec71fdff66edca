"""Face parsers in one safetensors file: float16 weights, and JSON that says what they are."""

import dataclasses
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.networks.parsing import PARSING_CLASSES, FaceParser, ParserConfig

_FORMAT = "monoface-parser-1"
_SUFFIX = ".safetensors"


def save_parser(parser: FaceParser, path: Path) -> None:
    """Write a parser's weights, rounded to float16, with its configuration."""
    state = {
        name: tensor.half().contiguous()
        for name, tensor in parser.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    header = {"format": _FORMAT, "classes": PARSING_CLASSES, "config": dataclasses.asdict(parser.config)}
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_parser(name_or_path: str | Path = "parsing") -> FaceParser:
    """Read what `save_parser` wrote; the network comes back in evaluation mode, float32.

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
        if header.get("format") != _FORMAT or header["classes"] != list(PARSING_CLASSES):
            raise ModelFileError(
                f"{path.name}: expected format {_FORMAT} with the classes {', '.join(PARSING_CLASSES)}, "
                f"got {header.get('format')} with {header.get('classes')}."
            )
        config = dict(header["config"])
        parser = FaceParser(ParserConfig(**{**config, "widths": tuple(config["widths"])}))
        missing, unexpected = parser.load_state_dict(state, strict=False)
        wrong = [name for name in missing if not name.endswith("num_batches_tracked")] + unexpected
        if wrong:
            raise ModelFileError(f"{path.name}: weights do not fit the network: {', '.join(wrong[:4])}.")
        return parser.eval()
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as a parser ({error}).") from error
