"""What the label engine keeps on disk: habits, the population, people, and labels, as plain arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from monoface.core.array_files import open_npz
from monoface.core.files import write_atomically
from monoface.data.people.habits import Habits
from monoface.data.people.identities import PeopleEvidence
from monoface.data.people.labels import PhotoLabels
from monoface.data.people.lids import LidCorrection
from monoface.data.people.people import KnownPeople
from monoface.data.people.photos import PeoplePhotos
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.population import Gaussians, Population

_RECIPE = "recipe"
_POSE = ("rotation", "scale_px", "shift_px", "expression")
_LABELS = ("identity", "residual_mm", "points_px", "sigma_mm", "trust")
_LIDS = "lids"


def save_habits(path: Path, habits: Mapping[str, Habits], lids: LidCorrection, recipe: str) -> None:
    """Habits of all sources, and how far lids open."""
    arrays = {
        f"{source}/{name}": array for source, one in habits.items() for name, array in one.as_arrays().items()
    }
    _save(path, arrays | {f"{_LIDS}/{name}": array for name, array in lids.as_arrays().items()}, recipe)


def load_habits(path: Path, recipe: str | None = None) -> tuple[dict[str, Habits], LidCorrection] | None:
    """What `save_habits` wrote; None if there is none of that recipe.

    Raises:
        DataError: If it is damaged.
    """
    arrays = _load(path, recipe)
    if arrays is None:
        return None
    by_source: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        source, _, what = name.rpartition("/")
        by_source.setdefault(source, {})[what] = array
    lids = LidCorrection.from_arrays(by_source.pop(_LIDS))
    return {source: Habits.from_arrays(one) for source, one in by_source.items()}, lids


def save_population(path: Path, population: Population, recipe: str) -> None:
    """The population."""
    _save(path, population.as_arrays(), recipe)


def load_population(path: Path, recipe: str | None = None) -> Population | None:
    """What `save_population` wrote; None if there is none of that recipe.

    Raises:
        DataError: If it is damaged.
    """
    arrays = _load(path, recipe)
    return None if arrays is None else Population.from_arrays(arrays)


def save_people(path: Path, people: KnownPeople, recipe: str) -> None:
    """The people of a source; information matrices in half the precision of what they were computed in."""
    evidence = people.evidence
    arrays = {
        "number": people.number,
        "mean": people.identity.mean,
        "covariance": people.identity.covariance.astype(np.float32),
        "information": evidence.information.astype(np.float32),
        "vector": evidence.vector,
        "residual_mm": evidence.residual_mm,
        "rows": people.rows,
        "expected": people.expected,
    }
    _save(path, arrays | _pose_arrays(evidence.poses), recipe)


def load_people(path: Path, recipe: str | None = None) -> KnownPeople | None:
    """What `save_people` wrote; None if there is none of that recipe.

    Raises:
        DataError: If it is damaged.
    """
    arrays = _load(path, recipe)
    if arrays is None:
        return None
    evidence = PeopleEvidence(
        arrays["information"].astype(np.float64), arrays["vector"], _poses(arrays), arrays["residual_mm"]
    )
    identity = Gaussians(arrays["mean"], arrays["covariance"].astype(np.float64))
    return KnownPeople(arrays["number"], identity, evidence, arrays["rows"], arrays["expected"])


def save_labels(path: Path, labels: PhotoLabels, photos: PeoplePhotos, recipe: str) -> None:
    """Labels of the photos of a source, by their keys; of points only where they lie, habits taken off."""
    arrays = {name: _short(getattr(labels, name)) for name in _LABELS}
    arrays |= {name: _short(array) for name, array in _pose_arrays(labels.poses).items()}
    arrays |= {"key": np.array(photos.keys), "person": photos.person, "outcome": np.array(labels.outcome)}
    _save(path, arrays, recipe)


def load_labels(path: Path, recipe: str | None = None) -> PhotoLabels | None:
    """What `save_labels` wrote; None if there is none of that recipe.

    Raises:
        DataError: If it is damaged.
    """
    arrays = _load(path, recipe)
    if arrays is None:
        return None
    values = {name: arrays[name].astype(np.float64) for name in _LABELS}
    return PhotoLabels(poses=_poses(arrays), outcome=tuple(arrays["outcome"].tolist()), **values)


def _short(array: Float[np.ndarray, "..."]) -> np.ndarray:
    return array.astype(np.float32)


def _pose_arrays(poses: Poses) -> dict[str, np.ndarray]:
    return {name: getattr(poses, name) for name in _POSE}


def _poses(arrays: Mapping[str, np.ndarray]) -> Poses:
    return Poses(**{name: arrays[name].astype(np.float64) for name in _POSE})


def _save(path: Path, arrays: Mapping[str, np.ndarray], recipe: str) -> None:
    content: dict[str, Any] = {_RECIPE: np.array(recipe), **arrays}
    write_atomically(path, lambda file: np.savez(file, **content), overwrite=True)


def _load(path: Path, recipe: str | None) -> dict[str, np.ndarray] | None:
    if not path.is_file():
        return None
    with open_npz(path, "what a run kept", advice="Delete it to make it anew.") as archive:
        if recipe is not None and str(archive[_RECIPE]) != recipe:
            return None
        return {name: archive[name] for name in archive.names if name != _RECIPE}
