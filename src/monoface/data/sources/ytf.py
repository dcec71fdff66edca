"""YouTube Faces: frames of people in videos, with 68 two-dimensional points."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from monoface.data.sources.archive import LabelSpec, TarImages, read_labels, to_pixel_centre_convention
from monoface.data.sources.source import PhotoSource


@dataclass(frozen=True)
class YtfPhoto:
    """One frame.

    Attributes:
        key: Its name in the source.
        image: RGB.
        points68_px: The 68 iBUG points in pixels of the crop; the jaw line follows the visible contour.
        person: Number of the person, the same in all their clips.
        clip: Name of the video; two people may have clips of the same name.
    """

    key: str
    image: UInt8[np.ndarray, "224 224 3"]
    points68_px: Float32[np.ndarray, "68 2"]
    person: int
    clip: str


class Ytf(PhotoSource[YtfPhoto]):
    """3,657 crops of 224 x 224 pixels: 300 people, several clips of each, several frames of each clip.

    Args:
        folder: Holds `images-*.tar` and `labels.npz`.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Wolf, Hassner and Maoz, "Face Recognition in Unconstrained Videos with Matched Background
        Similarity", CVPR 2011.
    """

    def __init__(self, folder: Path) -> None:
        specs = {"points68_px": LabelSpec("f", (68, 2)), "person": LabelSpec("i"), "clip": LabelSpec("U")}
        labels = read_labels(folder / "labels.npz", specs)
        super().__init__(TarImages(folder), labels["key"].tolist())
        self.points68_px: Float32[np.ndarray, "photos 68 2"] = to_pixel_centre_convention(
            labels["points68_px"].astype(np.float32)
        )
        self.person: Int64[np.ndarray, " photos"] = labels["person"].astype(np.int64)
        self.clips: tuple[str, ...] = tuple(labels["clip"].tolist())

    def __getitem__(self, index: int) -> YtfPhoto:
        return YtfPhoto(
            self.keys[index],
            self.image(index),
            self.points68_px[index],
            int(self.person[index]),
            self.clips[index],
        )
