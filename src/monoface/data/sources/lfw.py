"""Labeled Faces in the Wild: people with two or more photos."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from monoface.data.sources.archive import LabelSpec, TarImages, read_labels
from monoface.data.sources.source import PhotoSource


@dataclass(frozen=True)
class LfwPhoto:
    """One crop.

    Attributes:
        key: Its name in the source.
        image: RGB.
        person: Number of the person.
    """

    key: str
    image: UInt8[np.ndarray, "160 160 3"]
    person: int


class Lfw(PhotoSource[LfwPhoto]):
    """8,057 crops of 160 x 160 pixels.

    Args:
        folder: Holds `images-*.tar` and `labels.npz`.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Huang et al., "Labeled Faces in the Wild", Technical Report 07-49, University of
        Massachusetts, Amherst, 2007.
    """

    def __init__(self, folder: Path) -> None:
        labels = read_labels(folder / "labels.npz", {"person": LabelSpec("i")})
        super().__init__(TarImages(folder), labels["key"].tolist())
        self.person: Int64[np.ndarray, " photos"] = labels["person"].astype(np.int64)

    def __getitem__(self, index: int) -> LfwPhoto:
        return LfwPhoto(self.keys[index], self.image(index), int(self.person[index]))
