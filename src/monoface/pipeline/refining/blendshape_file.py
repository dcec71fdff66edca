"""The scale of blendshapes, in the file of the regressor whose expressions it belongs to.

The file's header has `blendshapes` beside the network's own entries, and its two tensors have names that
begin with `besides.blendshapes.`; see `pipeline.refinement_file`.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.networks.weights_arrays import BESIDES
from monoface.pipeline.refining.refinement_file import HEADER, read_file

_KEY: Final = "blendshapes"
_PREFIX: Final = f"{BESIDES}{_KEY}."
_ARRAYS: Final = ("weight", "value")


def save_blendshape_scale(scale: BlendshapeScale, path: Path) -> None:
    """Put a scale into the file of its regressor, in place of an earlier one.

    Raises:
        ModelFileError: If the file cannot be read.
    """
    header, tensors = read_file(path)
    arrays = {f"{_PREFIX}{name}": np.ascontiguousarray(getattr(scale, name), np.float32) for name in _ARRAYS}
    said = {HEADER: json.dumps(header | {_KEY: {"expressions": len(scale)}}, sort_keys=True)}
    write_atomically(path, save(tensors | arrays, said), overwrite=True)


def load_blendshape_scale(path: Path, expressions: int, *, bounded: bool = True) -> BlendshapeScale:
    """Read what `save_blendshape_scale` wrote; of a file without, weights are taken for blendshapes.

    Args:
        path: The file.
        expressions: How many the face model has.
        bounded: Whether its weights lie in [0, 1]. Coefficients of Gaussian spaces are no blendshapes, and
            stay as they are.

    Raises:
        ModelFileError: If the file is missing or damaged, or the scale is for other expressions.
    """
    try:
        with safe_open(path, framework="np") as file:
            said = parse_json((file.metadata() or {}).get(HEADER, "{}")).get(_KEY)
            if not bounded:
                return BlendshapeScale.unchanged(expressions)
            if said is None:
                return BlendshapeScale.identity(expressions)
            arrays = [file.get_tensor(f"{_PREFIX}{name}").astype(np.float64) for name in _ARRAYS]
        scale = BlendshapeScale(*arrays)
    except (OSError, SafetensorError, ConfigError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: its scale of blendshapes cannot be read ({error}).") from error
    if len(scale) != expressions:
        raise ModelFileError(
            f"{path.name}: expected a scale of {expressions} blendshapes, got one of {len(scale)}."
        )
    return scale
