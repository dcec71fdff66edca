"""Celebrities in Frontal-Profile: ten frontal and four profile photos of each person, half faces marked."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from monoface.data.sources.archive import LabelSpec, TarImages, read_labels, to_pixel_centre_convention
from monoface.data.sources.excluded import excluded_people
from monoface.data.sources.source import PhotoSource, rows_where

VALIDATION_PEOPLE: Final = range(340, 400)
"""People who are validation, and so take no part in labels or training."""

TERMS: Final = "Celebrities in Frontal-Profile (Sengupta et al., WACV 2016): research use."
"""Under which terms the photos and points may be used; for the card of what is learned from them."""

KNOWN_POINTS: Final = (8, *range(9, 30))
"""Those of the 30 points that are points of the 68, from 0: chin, brow, eye, nose and lips, not the jaw."""

LOOKS_LEFT_68: Final = (
    8, 26, 24, 22, 45, 44, 43, 42, 47, 46, 27, 28, 29, 30, 33, 34, 35, 54, 51, 62, 57, 66,
)  # fmt: skip
"""Which of the 68, from 0, `KNOWN_POINTS` are where a face looks to image left."""

LOOKS_RIGHT_68: Final = (
    8, 17, 19, 21, 36, 37, 38, 39, 40, 41, 27, 28, 29, 30, 33, 32, 31, 48, 51, 62, 57, 66,
)  # fmt: skip
"""Which of the 68, from 0, they are where a face looks to image right."""

_NOSE_TIP, _EAR_END = 21, slice(0, 3)

Split = Literal["train", "val"]


@dataclass(frozen=True)
class CfpPhoto:
    """One photo.

    Attributes:
        key: Its name in the source.
        image: RGB.
        points30_px: The 30 points of one half of the face, in pixels of the photo; see `Cfp`.
        person: Number of the person.
        profile: Whether the face is seen from its side.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    points30_px: Float32[np.ndarray, "30 2"]
    person: int
    profile: bool


class Cfp(PhotoSource[CfpPhoto]):
    """5,600 photos of at most 240 pixels: 400 people, ten frontal and four profile photos of each.

    The points, on one half of the face: 1-9 jaw from the ear to the chin, 10-12 brow from outside in, 13-18
    eye (outer corner, upper lid outside and inside, inner corner, lower lid inside and outside), 19-22 bridge
    of the nose down to its tip, 23-25 base of the nose from the middle outwards, 26 corner of the mouth,
    27-30 lips on the midline (upper lip's top and bottom, lower lip's bottom and top). In frontal photos the
    half at image left is marked. Whether the annotators' pixels began at 0 or 1 is not known; we read them as
    beginning at 0.

    The people are celebrities, whom a network for face recognition may have seen in its own training.

    Args:
        folder: Holds `images-*.tar` and `labels.npz`.
        split: `val` has people of `VALIDATION_PEOPLE`, `train` all others; None gives both.
        excluded: Numbers of people who are left out of every split; by default those that `exclude.json`
            beside the folder names.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Sengupta et al., "Frontal to Profile Face Verification in the Wild", WACV 2016.
    """

    def __init__(
        self, folder: Path, *, split: Split | None = None, excluded: Collection[int] | None = None
    ) -> None:
        specs = {"points30_px": LabelSpec("f", (30, 2)), "person": LabelSpec("i"), "profile": LabelSpec("b")}
        labels = read_labels(folder / "labels.npz", specs)
        left_out = excluded_people(folder) if excluded is None else excluded
        keep = ~np.isin(labels["person"], sorted(left_out))
        if split is not None:
            keep &= np.isin(labels["person"], list(VALIDATION_PEOPLE)) == (split == "val")
        labels = rows_where(keep, labels)

        super().__init__(TarImages(folder), labels["key"].tolist())
        self.points30_px: Float32[np.ndarray, "photos 30 2"] = to_pixel_centre_convention(
            labels["points30_px"].astype(np.float32)
        )
        self.person: Int64[np.ndarray, " photos"] = labels["person"].astype(np.int64)
        self.profile: Bool[np.ndarray, " photos"] = labels["profile"]

    def __getitem__(self, index: int) -> CfpPhoto:
        return CfpPhoto(
            self.keys[index],
            self.image(index),
            self.points30_px[index],
            int(self.person[index]),
            bool(self.profile[index]),
        )


def looks_left(points30_px: Float32[np.ndarray, "photos 30 2"]) -> Bool[np.ndarray, " photos"]:
    """Whether each profile looks to image left: the tip of the nose lies left of the ear's end of the jaw."""
    return points30_px[:, _NOSE_TIP, 0] < points30_px[:, _EAR_END, 0].mean(axis=1)
