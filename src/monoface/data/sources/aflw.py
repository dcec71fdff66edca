"""AFLW: faces in the wild in all poses, with up to 21 points on what is visible."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from monoface.data.sources.archive import LabelSpec, TarImages, read_labels, to_pixel_centre_convention
from monoface.data.sources.source import PhotoSource, rows_where

CROP_SIZE_PX = 120
MAX_OUTSIDE_PX = 16.0
"""Photos with a point farther outside their crop are left out: 27 of 19,080, whose points are wrong."""

Split = Literal["train", "val"]


@dataclass(frozen=True)
class AflwPhoto:
    """One crop.

    Attributes:
        key: Its name in the source.
        image: RGB.
        points21_px: The 21 points of AFLW in pixels of the crop; NaN where invisible.
        split: Part of the source it belongs to.
    """

    key: str
    image: UInt8[np.ndarray, "120 120 3"]
    points21_px: Float32[np.ndarray, "21 2"]
    split: Split


class Aflw(PhotoSource[AflwPhoto]):
    """19,080 crops of 120 x 120 pixels, as 3DDFA and 2DASL use them.

    The order of the points: 1-3 left brow, 4-6 right brow, 7-9 left eye, 10-12 right eye (each from
    left to right in the image), 13 left ear, 14-16 nose left, tip, right, 17 right ear, 18-20 mouth
    left, centre, right, 21 chin. None of the photos of AFLW2000-3D is among them.

    Args:
        folder: Holds `images-*.tar` and `labels.npz`.
        split: Only this part; None for both.
        max_outside_px: Leave out photos with a point farther outside the crop; None keeps all.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Köstinger et al., "Annotated Facial Landmarks in the Wild", ICCV workshops 2011.
    """

    def __init__(
        self, folder: Path, *, split: Split | None = None, max_outside_px: float | None = MAX_OUTSIDE_PX
    ) -> None:
        labels = read_labels(
            folder / "labels.npz", {"points21_px": LabelSpec("f", (21, 2)), "split": LabelSpec("U")}
        )
        labels["points21_px"] = to_pixel_centre_convention(labels["points21_px"].astype(np.float32))
        keep = np.ones(len(labels["key"]), dtype=bool) if split is None else labels["split"] == split
        if max_outside_px is not None:
            keep &= outside_px(labels["points21_px"]) <= max_outside_px
        labels = rows_where(keep, labels)

        super().__init__(TarImages(folder), labels["key"].tolist())
        self.points21_px: Float32[np.ndarray, "photos 21 2"] = labels["points21_px"]
        self.splits: tuple[Split, ...] = tuple(labels["split"].tolist())

    @property
    def visible(self) -> Bool[np.ndarray, "photos 21"]:
        """Which points are annotated."""
        return np.isfinite(self.points21_px).all(axis=-1)

    def __getitem__(self, index: int) -> AflwPhoto:
        return AflwPhoto(self.keys[index], self.image(index), self.points21_px[index], self.splits[index])


def outside_px(points_px: Float32[np.ndarray, "photos points 2"]) -> Float32[np.ndarray, " photos"]:
    """How far the farthest visible point of each photo lies outside the crop; negative if all are inside.

    Minus infinity for a photo without a visible point.
    """
    beyond = np.maximum(-points_px, points_px - CROP_SIZE_PX)
    return np.nan_to_num(beyond, nan=-np.inf).max(axis=(1, 2))
