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
from monoface.core.json_text import parse_json
from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.input_domain import InputDomain
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.facemodel.expression_gain import ExpressionGain
from monoface.networks.weights_arrays import BESIDES

DESCRIPTOR: Final = "descriptor"
"""Input of an identity map: what the recognition network says of the photo."""
REGRESSED: Final = "regressed"
"""Input of an identity map: the regressor's own identity coefficients."""
MEASURED: Final = "measured"
"""Input of an identity map: `facemodel.refinement.measured_identity`."""

HEADER: Final = "monoface"
"""Entry of a file's metadata under which monoface says what the file is."""

_KEY = "refinement"
_PREFIX = f"{BESIDES}{_KEY}."
_ARRAYS = ("weight", "bias", "covariance", "population_mean", "population_covariance")
_ELSEWHERE = "elsewhere"
_GAIN_ARRAYS = ("rest", "gain")
_ELSEWHERE_ARRAYS = ("weight", "bias", "covariance")
_DOMAIN_ARRAYS = ("centre", "precision", "strange")
_DOMAIN_RANGES = ("distance", "strangeness", "turn_deg")


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
        gain: Of the expressions that the network says; None leaves them as they are.
    """

    config: RefineConfig
    identity_map: IdentityMap
    habit_mm: Float[np.ndarray, "points 3"]
    sigma_factor: float = 1.0
    recognition: str = ""
    default: bool = True
    gain: ExpressionGain | None = None

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
    header, tensors = read_file(path)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(_PREFIX)}
    known = refinement.identity_map
    arrays = {"habit_mm": refinement.habit_mm} | {name: getattr(known, name) for name in _ARRAYS}
    arrays |= _elsewhere_arrays(known.elsewhere)
    if refinement.gain is not None:
        arrays |= {f"gain.{name}": getattr(refinement.gain, name) for name in _GAIN_ARRAYS}
    added = {f"{_PREFIX}{name}": np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    said = {
        "config": dataclasses.asdict(refinement.config),
        "inputs": known.inputs,
        "sigma_factor": refinement.sigma_factor,
        "recognition": refinement.recognition,
        "default": refinement.default,
        _ELSEWHERE: _elsewhere_said(known.elsewhere),
    }
    content = save(kept | added, {HEADER: json.dumps(header | {_KEY: said}, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_refinement(path: Path) -> Refinement | None:
    """Read what `save_refinement` wrote; None of a file without.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            said = parse_json((file.metadata() or {}).get(HEADER, "{}")).get(_KEY)
            if said is None:
                return None
            own = [name for name in file.keys() if name.startswith(_PREFIX)]  # noqa: SIM118
            arrays = {name.removeprefix(_PREFIX): file.get_tensor(name).astype(np.float64) for name in own}
        return _assembled(said, arrays)
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: its refinement cannot be read ({error}).") from error


def _assembled(said: dict[str, Any], arrays: dict[str, np.ndarray]) -> Refinement:
    inputs = tuple((str(name), int(length)) for name, length in said["inputs"])
    own = {name: arrays[name] for name in _ARRAYS}
    elsewhere = _elsewhere(said.get(_ELSEWHERE), arrays)
    return Refinement(
        RefineConfig(**said["config"]),
        IdentityMap(inputs, **own, elsewhere=elsewhere),
        arrays["habit_mm"],
        float(said["sigma_factor"]),
        str(said["recognition"]),
        bool(said["default"]),
        _gain(arrays),
    )


def _gain(arrays: dict[str, np.ndarray]) -> ExpressionGain | None:
    told = {name: arrays[f"gain.{name}"] for name in _GAIN_ARRAYS if f"gain.{name}" in arrays}
    return ExpressionGain(**told) if told else None


def _elsewhere_arrays(elsewhere: Elsewhere | None) -> dict[str, np.ndarray]:
    if elsewhere is None:
        return {}
    arrays = {f"{_ELSEWHERE}.{name}": getattr(elsewhere, name) for name in _ELSEWHERE_ARRAYS}
    return arrays | {f"{_ELSEWHERE}.{name}": getattr(elsewhere.domain, name) for name in _DOMAIN_ARRAYS}


def _elsewhere_said(elsewhere: Elsewhere | None) -> dict[str, Any] | None:
    if elsewhere is None:
        return None
    domain = elsewhere.domain
    ranges = {name: getattr(domain, name) for name in _DOMAIN_RANGES}
    return {"watched": domain.name, "source": elsewhere.source, **ranges}


def _elsewhere(said: dict[str, Any] | None, arrays: dict[str, np.ndarray]) -> Elsewhere | None:
    if said is None:
        return None
    own = {name: arrays[f"{_ELSEWHERE}.{name}"] for name in (*_ELSEWHERE_ARRAYS, *_DOMAIN_ARRAYS)}
    watched: dict[str, Any] = {name: own.pop(name) for name in _DOMAIN_ARRAYS}
    watched |= {name: (float(said[name][0]), float(said[name][1])) for name in _DOMAIN_RANGES}
    domain = InputDomain(str(said["watched"]), **watched)
    name, length = said["source"]
    return Elsewhere(domain, (str(name), int(length)), **own)


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a file of weights says of itself, and all of its tensors.

    Raises:
        ModelFileError: If it cannot be read.
    """
    try:
        content = path.read_bytes()
        with safe_open(path, framework="np") as file:
            header = parse_json((file.metadata() or {}).get(HEADER, "{}"))
        return header, load(content)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as weights ({error}).") from error
