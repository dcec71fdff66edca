"""Landmarks that another program predicted, from an .npz file with `key` and `points68_px`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from jaxtyping import Float64

from monoface.core.array_files import open_npz
from monoface.core.assets import sha256_of
from monoface.core.errors import DataError
from monoface.data.sources.archive import PIXEL_CENTRE_PX, LabelSpec, read_labels

FirstPixel = Literal["0", "0.5"]
"""Where the first pixel's centre is: at 0, as in the data sets of the field, or at 0.5, as in monoface."""


@dataclass(frozen=True, eq=False)
class PointPredictions:
    """Predicted points by the key of their photo.

    Attributes:
        name: File name.
        sha256: Hash of the file.
        keys: Names of the photos, without suffix.
        points_px: In our pixel convention; two or three axes. A photo with a point that is not finite has no
            prediction.
    """

    name: str
    sha256: str
    keys: tuple[str, ...]
    points_px: Float64[np.ndarray, "photos points axes"]

    @classmethod
    def read(cls, path: Path, points: int = 68, first_pixel: FirstPixel = "0") -> Self:
        """Read a file of predictions.

        Args:
            path: An .npz file with `key` and `points68_px` (or the number of points asked for).
            points: How many points a face has.
            first_pixel: The file's pixel convention.

        Raises:
            DataError: If the file cannot be read, has another layout, or names a photo twice.
        """
        name = f"points{points}_px"
        axes = _axes_of(path, name)
        labels = read_labels(path, {name: LabelSpec("f", (points, axes))})
        keys = tuple(Path(key).stem for key in labels["key"].tolist())
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DataError(f"{path}: expected one prediction for each photo, got several for {twice}.")
        points_px = labels[name].astype(np.float64)
        if first_pixel == "0":
            points_px[..., :2] += PIXEL_CENTRE_PX
        return cls(path.name, sha256_of(path), keys, points_px)

    def for_keys(self, keys: Sequence[str]) -> Float64[np.ndarray, "photos points axes"]:
        """Rows for these photos in their order; NaN where there is none.

        Raises:
            DataError: If no photo has a prediction, so that the keys must be others.
        """
        row_of = {key: row for row, key in enumerate(self.keys)}
        rows = [row_of.get(Path(key).stem, -1) for key in keys]
        if keys and max(rows) < 0:
            raise DataError(
                f"{self.name}: expected predictions for photos such as {keys[0]}, got none of the "
                f"{len(keys)}; it has {', '.join(self.keys[:3])}. Name predictions after the photos."
            )
        found = np.full((len(keys), *self.points_px.shape[1:]), np.nan)
        known = np.array(rows) >= 0
        found[known] = self.points_px[np.array(rows)[known]]
        return found


def _axes_of(path: Path, name: str) -> int:
    what = f"an .npz file with {name} and key, as numpy.savez writes it"
    with open_npz(path, what) as file:
        shape = file.header(name).shape if name in file else ()
    if len(shape) != 3 or shape[2] not in (2, 3):
        raise DataError(
            f"{path}: expected {name} of the shape (photos, points, 2 or 3) and key, "
            f"got {shape or 'no such array'}."
        )
    return int(shape[2])
