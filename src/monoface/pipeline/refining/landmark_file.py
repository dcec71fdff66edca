"""Where annotators put their points on the faces of some weights, in the file of these weights.

A landmark set is a place on the mesh, but what annotators mean by a point depends on the shapes that weights
give to faces. So each file of weights may hold offsets in the model frame for some sets. The face model stays
as it is, free of what photos of restricted use have told. The file's header has `landmarks` beside the
network's own entries, and tensors with names that begin with `besides.landmarks.`; see
`pipeline.refinement_file`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from monoface.core.arrays import constant
from monoface.core.errors import ModelFileError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.facemodel import LinearFaceModel, LinearPoints
from monoface.networks.weights_arrays import BESIDES
from monoface.pipeline.refining.refinement_file import HEADER, read_file

LandmarkHabits = Mapping[str, Float[np.ndarray, "points 3"]]
"""Offsets in the model frame, in millimetres, of the points of landmark sets, by the name of the set."""

_KEY: Final = "landmarks"
_PREFIX: Final = f"{BESIDES}{_KEY}."


def save_landmark_habits(habits: LandmarkHabits, path: Path) -> None:
    """Put offsets into the file of their regressor, in place of earlier ones.

    Raises:
        ModelFileError: If the file cannot be read.
    """
    header, tensors = read_file(path)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(_PREFIX)}
    added = {f"{_PREFIX}{name}": np.ascontiguousarray(mm, np.float32) for name, mm in habits.items()}
    said = {HEADER: json.dumps(header | {_KEY: sorted(habits)}, sort_keys=True)}
    write_atomically(path, save(kept | added, said), overwrite=True)


def load_landmark_habits(path: Path) -> dict[str, Float[np.ndarray, "points 3"]]:
    """Read what `save_landmark_habits` wrote; a file without has none.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            names = parse_json((file.metadata() or {}).get(HEADER, "{}")).get(_KEY, [])
            habits = {str(name): file.get_tensor(f"{_PREFIX}{name}").astype(np.float64) for name in names}
        if not all(mm.ndim == 2 and mm.shape[1] == 3 and np.isfinite(mm).all() for mm in habits.values()):
            raise ValueError("expected finite offsets of three coordinates")
    except (OSError, SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: its offsets of landmarks cannot be read ({error}).") from error
    return habits


def landmark_points(model: LinearFaceModel, name: str, habits: LandmarkHabits) -> LinearPoints:
    """The face model at the points of a set, where annotators put them on the faces of some weights.

    Raises:
        ModelFileError: If the model has no such set, or the offsets are for another one.
    """
    points: Any = model.subset(model.landmarks(name))
    if name not in habits:
        return points
    if len(habits[name]) != len(points.mean_mm):
        raise ModelFileError(
            f"landmark set {name}: expected offsets of {len(points.mean_mm)} points, got {len(habits[name])}."
        )
    return points.moved(constant(habits[name], points.mean_mm))
