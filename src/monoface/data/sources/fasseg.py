"""FASSEG: frontal faces and people in 13 steps of yaw, with masks of the parts of the face."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from monoface.core.errors import DataError
from monoface.data.sources.archive import LabelSpec, TarImages, decode_class_indices, read_labels
from monoface.data.sources.source import PhotoSource

CLASSES = ("background", "skin", "hair", "eyes", "nose", "mouth")
"""Names of the mask's class indices."""

FRONTAL_SET = -1
"""Stands as person and shot of the photos of the frontal set, whose people are not told apart."""


@dataclass(frozen=True)
class FassegPhoto:
    """One photo.

    Attributes:
        key: Its name in the source.
        image: RGB.
        mask: Index into `CLASSES` of each pixel.
        yaw_deg: Turn of the head; positive turns the nose to image left.
        person: Number of the person, `FRONTAL_SET` in the frontal set.
        shot: Which of the person's series over yaw, `FRONTAL_SET` in the frontal set.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]
    mask: UInt8[np.ndarray, "height width"]
    yaw_deg: float
    person: int
    shot: int


class Fasseg(PhotoSource[FassegPhoto]):
    """344 photos: a frontal set, and 15 people from -90 to +90 degrees of yaw in steps of 15.

    Args:
        folder: Holds `images-*.tar` (pictures and masks) and `labels.npz`.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Benini et al., "Face analysis through semantic face segmentation", Signal Processing: Image
        Communication 2019.
    """

    def __init__(self, folder: Path) -> None:
        specs = {
            "yaw_deg": LabelSpec("f"),
            "person": LabelSpec("i"),
            "shot": LabelSpec("i"),
            "classes": LabelSpec("U", (len(CLASSES),), per_photo=False),
        }
        labels = read_labels(folder / "labels.npz", specs)
        if tuple(labels["classes"].tolist()) != CLASSES:
            raise DataError(
                f"{folder}: expected the classes {CLASSES}, got {tuple(labels['classes'].tolist())}."
            )
        self._archive = TarImages(folder)
        super().__init__(self._archive, labels["key"].tolist())
        self.yaw_deg: Float32[np.ndarray, " photos"] = labels["yaw_deg"].astype(np.float32)
        self.person: Int64[np.ndarray, " photos"] = labels["person"].astype(np.int64)
        self.shot: Int64[np.ndarray, " photos"] = labels["shot"].astype(np.int64)

    def mask(self, index: int) -> UInt8[np.ndarray, "height width"]:
        """Class index of each pixel of one photo.

        Raises:
            DataError: If the mask is missing or damaged, or holds an index that has no class.
        """
        name = f"{self.keys[index]}_mask.png"
        mask = decode_class_indices(self._archive.read_bytes(name), name)
        if mask.max(initial=0) >= len(CLASSES):
            raise DataError(f"{name}: expected class indices below {len(CLASSES)}, got {mask.max()}.")
        return mask

    def __getitem__(self, index: int) -> FassegPhoto:
        image, mask = self.image(index), self.mask(index)
        if mask.shape != image.shape[:2]:
            raise DataError(f"{self.keys[index]}: expected a mask of {image.shape[:2]}, got {mask.shape}.")
        return FassegPhoto(
            self.keys[index],
            image,
            mask,
            float(self.yaw_deg[index]),
            int(self.person[index]),
            int(self.shot[index]),
        )
