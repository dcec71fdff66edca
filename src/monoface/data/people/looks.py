"""What networks see in each photo of a source: looked at once, then kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from monoface.core.array_files import open_npz, read_npy
from monoface.core.errors import DataError
from monoface.core.files import write_atomically

BLENDSHAPES = 52
DESCRIPTOR = 128


@dataclass(frozen=True)
class Looks:
    """What networks see in photos.

    Attributes:
        keys: Of the photos.
        points_px: The mesh in pixels of the photos; irises are NaN where the network has none.
        depth_px: Its depth, growing away from the camera.
        score: Probability that there is a face.
        blendshapes: As the landmarker has them, `_neutral` first; NaN without one.
        descriptor: For face recognition; NaN where it could not be made.
    """

    keys: tuple[str, ...]
    points_px: Float32[np.ndarray, "photos 478 2"]
    depth_px: Float32[np.ndarray, "photos 478"]
    score: Float32[np.ndarray, " photos"]
    blendshapes: Float32[np.ndarray, "photos 52"]
    descriptor: Float32[np.ndarray, "photos 128"]

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, keys: tuple[str, ...]) -> "Looks":
        """Those of given photos, in their order.

        Raises:
            DataError: If one was not looked at.
        """
        row_of = {key: row for row, key in enumerate(self.keys)}
        missing = [key for key in keys if key not in row_of]
        if missing:
            raise DataError(f"looks: expected one for each photo, {len(missing)} lack, {missing[0]!r} first.")
        return self.rows(np.array([row_of[key] for key in keys], np.int64))

    def rows(self, rows: Int[np.ndarray, " rows"]) -> "Looks":
        """Those of some of the photos, by their places."""
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return Looks(tuple(self.keys[row] for row in rows), **arrays)

    @property
    def described(self) -> bool:
        """Whether the faces have descriptors, or there is none."""
        return bool(np.isfinite(self.descriptor[self.score > 0]).all())

    @classmethod
    def joined(cls, parts: Sequence["Looks"]) -> "Looks":
        """Those of some photos after those of others."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return cls(tuple(key for part in parts for key in part.keys), **arrays)

    def save(self, path: Path, recipe: str) -> None:
        """Write them, descriptors into a file of their own beside; `recipe` identifies how they were made."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if name != "descriptor"}
        keys = np.array(self.keys)
        write_atomically(_descriptors_of(path), lambda file: np.save(file, self.descriptor), overwrite=True)
        write_atomically(
            path, lambda file: np.savez(file, key=keys, recipe=np.array(recipe), **arrays), overwrite=True
        )

    @classmethod
    def load(cls, path: Path, recipe: str | None = None) -> "Looks":
        """Read them; without their descriptors' file these are NaN.

        Raises:
            DataError: If there are none, they are damaged, or another recipe than asked for made them.
        """
        with open_npz(path, _KEPT) as archive:
            if recipe not in (None, str(archive["recipe"])):
                raise DataError(f"{path}: made by another recipe; delete it to look again.")
            keys = tuple(archive["key"].tolist())
            arrays = {name: archive[name] for name in _ARRAYS if name != "descriptor"}
            descriptors = _descriptors_of(path)
            if descriptors.is_file():
                arrays["descriptor"] = read_npy(descriptors, _KEPT)
            else:
                arrays["descriptor"] = np.full((len(keys), DESCRIPTOR), np.nan, np.float32)
            return cls(keys, **arrays)


def _descriptors_of(path: Path) -> Path:
    return path.with_suffix(".descriptors.npy")


_KEPT = "what was seen in photos"
_ARRAYS = ("points_px", "depth_px", "score", "blendshapes", "descriptor")
