"""How faces are measured at the end, in the file of the regressor whose points they are measured by.

The file's header has `refinement` beside the network's own entries, and its tensors have names that begin
with `besides.refinement.`. Writing the network anew leaves them out: what was fitted to one network is of no
use to another.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.facemodel.identity_prior import IdentityMap
from monoface.facemodel.refinement import RefineConfig
from monoface.networks.weights_file import BESIDES

DESCRIPTOR: Final = "descriptor"
"""Input of an identity map: what the recognition network says of the photo."""
REGRESSED: Final = "regressed"
"""Input of an identity map: the regressor's own identity coefficients."""
MEASURED: Final = "measured"
"""Input of an identity map: `facemodel.refinement.measured_identity`."""

_HEADER = "monoface"
_KEY = "refinement"
_PREFIX = f"{BESIDES}{_KEY}."
_ARRAYS = ("weight", "bias", "covariance", "population_mean", "population_covariance")


@dataclass(frozen=True, eq=False)
class Refinement:
    """What measuring needs besides a network's answers.

    Attributes:
        config: How much each of these counts.
        identity_map: What is known of the identity before points are asked.
        habit_mm: Where the network puts its points, on average, against those of the face model: offsets in
            the model frame.
        sigma_factor: What standard deviations of vertices are multiplied by.
        recognition: SHA-256 of the recognition network whose descriptors the map knows; empty if it sees
            none.
        default: Whether faces are measured unless somebody asks for none: whether it was better.
    """

    config: RefineConfig
    identity_map: IdentityMap
    habit_mm: Float[np.ndarray, "points 3"]
    sigma_factor: float = 1.0
    recognition: str = ""
    default: bool = True

    def __post_init__(self) -> None:
        if self.identity_map.sees(DESCRIPTOR) != bool(self.recognition):
            raise ConfigError(
                "refinement: expected a recognition network if the identity map sees descriptors, else none; "
                f"got {self.recognition[:12] or 'none'} and inputs {self.identity_map.inputs}."
            )


def save_refinement(refinement: Refinement, path: Path) -> None:
    """Put a refinement into the file of its regressor, in place of an earlier one.

    Raises:
        ModelFileError: If the file cannot be read.
    """
    header, tensors = _read(path)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(_PREFIX)}
    added = {f"{_PREFIX}habit_mm": np.ascontiguousarray(refinement.habit_mm, np.float32)} | {
        f"{_PREFIX}{name}": np.ascontiguousarray(getattr(refinement.identity_map, name), np.float32)
        for name in _ARRAYS
    }
    said = {
        "config": dataclasses.asdict(refinement.config),
        "inputs": refinement.identity_map.inputs,
        "sigma_factor": refinement.sigma_factor,
        "recognition": refinement.recognition,
        "default": refinement.default,
    }
    content = save(kept | added, {_HEADER: json.dumps(header | {_KEY: said}, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_refinement(path: Path) -> Refinement | None:
    """Read what `save_refinement` wrote; None of a file without.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            said = json.loads((file.metadata() or {}).get(_HEADER, "{}")).get(_KEY)
            if said is None:
                return None
            arrays = {name: file.get_tensor(f"{_PREFIX}{name}").astype(np.float64) for name in _ARRAYS}
            habit_mm = file.get_tensor(f"{_PREFIX}habit_mm").astype(np.float64)
        return _assembled(said, arrays, habit_mm)
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: its refinement cannot be read ({error}).") from error


def _assembled(
    said: dict[str, Any], arrays: dict[str, np.ndarray], habit_mm: Float[np.ndarray, "points 3"]
) -> Refinement:
    inputs = tuple((str(name), int(length)) for name, length in said["inputs"])
    return Refinement(
        RefineConfig(**said["config"]),
        IdentityMap(inputs, **arrays),
        habit_mm,
        float(said["sigma_factor"]),
        str(said["recognition"]),
        bool(said["default"]),
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        content = path.read_bytes()
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
        return header, load(content)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as weights ({error}).") from error
