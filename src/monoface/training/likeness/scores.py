"""Blendshapes that another network found in photos, in ARKit's scale: from them that scale is learned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from monoface.core.array_files import open_npz
from monoface.core.errors import DataError

_MIN_SCORE = 0.9
# Files name this by what wrote them.
_NAMES = ("blendshapes", "blend")
_NEUTRAL_FIRST = 1


@dataclass(frozen=True, eq=False)
class BlendshapeScores:
    """Scores of photos of one source.

    Attributes:
        row_of: Row of each photo, by its key.
        value: From 0 to 1, in the order of the face model's expressions; NaN where no face was found surely.
    """

    row_of: dict[str, int]
    value: Float[np.ndarray, "photos expressions"]

    def of(self, keys: tuple[str, ...]) -> Float[np.ndarray, "photos expressions"]:
        """Those of photos; NaN where there are none."""
        found = np.full((len(keys), self.value.shape[1]), np.nan)
        for place, key in enumerate(keys):
            if key in self.row_of:
                found[place] = self.value[self.row_of[key]]
        return found

    def striking(self, keys: tuple[str, ...], each: int) -> Int[np.ndarray, " rows"]:
        """Photos with the highest scores of each expression: most expressions are rare."""
        value = np.nan_to_num(self.of(keys), nan=-1.0)
        rows = np.argsort(-value, axis=0, kind="stable")[:each]
        return np.unique(rows[np.take_along_axis(value, rows, axis=0) > 0])


def read_scores(path: Path, expressions: int) -> BlendshapeScores:
    """Read what the label engine, or any other program, kept of photos.

    Args:
        path: An .npz file with `key`, `score` (that there is a face) and `blendshapes`: `_neutral` first,
            then the face model's expressions in their order.
        expressions: How many the face model has.

    Raises:
        DataError: If it cannot be read.
    """
    with open_npz(path, "blendshapes of photos") as archive:
        name = next((name for name in _NAMES if name in archive), _NAMES[0])
        value, score = archive[name].astype(np.float64), archive["score"]
        keys = archive["key"].tolist()
    if value.ndim != 2 or value.shape != (len(keys), expressions + _NEUTRAL_FIRST):
        raise DataError(
            f"{path}: expected {expressions + _NEUTRAL_FIRST} blendshapes of {len(keys)} photos, got "
            f"{value.shape}."
        )
    value = np.where((score >= _MIN_SCORE)[:, None], value[:, _NEUTRAL_FIRST:], np.nan)
    return BlendshapeScores({key: row for row, key in enumerate(keys)}, np.clip(value, 0, 1))
