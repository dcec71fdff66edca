"""FASSEG in the layout of its repository: frontal faces with precise masks, and faces in thirteen poses.

    V2/Test_RGB/1.bmp               V2/Test_Labels/1.bmp                   and Train_…; some in a folder JPEG
    V3/Test_RGB/+15/personne08147+0+15.bmp    V3/Test_labels/+15/…         person 08, series 1

A folder's name is the yaw. `V2` may be called `frontal02`, and `V3` `multipose01`, as their authors call
them. Masks are coloured; each pixel gets the class of the nearest colour, and a mask whose colours are not
those is refused.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.errors import DataError
from monoface.data.packing.bounded_files import PICTURE_SUFFIXES, read_picture, resized
from monoface.data.packing.original_photo import LeftOut, OriginalPhoto, PackConfig, attempt
from monoface.data.sources.fasseg import CLASSES, FRONTAL_SET

CLASS_COLOURS = {
    "background": (255, 0, 0),
    "skin": (255, 255, 0),
    "hair": (127, 0, 0),
    "eyes": (0, 0, 255),
    "nose": (0, 255, 255),
    "mouth": (0, 255, 0),
}
"""Colours of the masks in RGB."""

_HEIGHT_PX = 288
_FRONTAL, _POSES = ("V2", "frontal02", "Frontal02"), ("V3", "multipose01", "Multipose01")
_POSE_NAME = re.compile(r"personne(?P<person>\d{2})(?P<shot>\d)\d{2}[+-]\d+[+-]?\d*")
# Pixels may be off by JPEG's blur between two classes, but not most of them.
_FAR, _MAX_FAR_SHARE = 60.0, 0.1


def read_fasseg(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """Photos 288 pixels high with masks, `yaw_deg`, `person` and `shot`.

    Raises:
        DataError: If there is neither part, or a mask is missing.
    """
    photos = [*_frontal(folder), *_poses(folder)]
    if not photos:
        raise DataError(f"{folder}: expected V2 and V3 of FASSEG, found no photo in them. Check --from.")
    for row in range(0, len(photos), config.every):
        yield attempt(partial(_read, row, *photos[row]))


def classes_of_colours(
    colours: UInt8[np.ndarray, "height width 3"], name: str
) -> UInt8[np.ndarray, "height width"]:
    """Index into `CLASSES` of each pixel of a coloured mask; `name` is for the message.

    Raises:
        DataError: If more than a tenth of the pixels have none of the six colours.
    """
    palette = np.array([CLASS_COLOURS[one] for one in CLASSES], dtype=np.float32)
    flat = colours.reshape(-1, 3).astype(np.float32)
    # A class at a time, so that memory stays that of a few pictures.
    distances = np.stack([np.linalg.norm(flat - colour, axis=1) for colour in palette], axis=1)
    far = float((distances.min(axis=1) > _FAR).mean())
    if far > _MAX_FAR_SHARE:
        raise DataError(
            f"{name}: expected a mask in the colours {CLASS_COLOURS}, got others in {far:.0%} of it. "
            "Check that it is a mask and no photo."
        )
    return distances.argmin(axis=1).astype(np.uint8).reshape(colours.shape[:2])


def _read(row: int, path: Path, mask_path: Path, yaw_deg: float, person: int, shot: int) -> OriginalPhoto:
    image = read_picture(path)
    mask = classes_of_colours(read_picture(mask_path), str(mask_path))
    size = max(1, round(image.shape[1] * _HEIGHT_PX / image.shape[0])), _HEIGHT_PX
    labels = {"yaw_deg": yaw_deg, "person": person, "shot": shot}
    small = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return OriginalPhoto(f"{row:04}", resized(image, size), labels, small)


_Pair = tuple[Path, Path, float, int, int]


def _frontal(folder: Path) -> Iterator[_Pair]:
    for part in ("Test", "Train"):
        masks = _by_stem(folder, _FRONTAL, f"{part}_labels")
        for stem, path in _by_stem(folder, _FRONTAL, f"{part}_RGB").items():
            yield path, _mask_of(masks, stem, path), 0.0, FRONTAL_SET, FRONTAL_SET


def _poses(folder: Path) -> Iterator[_Pair]:
    for part in ("Test", "Train"):
        masks = _by_stem(folder, _POSES, f"{part}_labels")
        photos = _by_stem(folder, _POSES, f"{part}_RGB")
        for stem, path in sorted(photos.items(), key=lambda item: (item[1].parent.name, item[0])):
            name = _POSE_NAME.fullmatch(stem)
            if name is None:
                raise DataError(f"{path}: expected a name such as personne08147+0+15.bmp.")
            try:
                yaw_deg = float(path.parent.name)
            except ValueError as error:
                raise DataError(f"{path}: expected a folder named by the yaw, such as +15.") from error
            yield path, _mask_of(masks, stem, path), yaw_deg, int(name["person"]), int(name["shot"])


def _by_stem(folder: Path, homes: tuple[str, ...], part: str) -> dict[str, Path]:
    """Pictures below a part by stem; where one is there twice, as BMP and JPEG, the BMP."""
    found: dict[str, Path] = {}
    for home in homes:
        for place in sorted((folder / home).glob("*")):
            if place.name.lower() != part.lower():
                continue
            pictures = [path for path in place.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES]
            for path in sorted(pictures, key=lambda one: (one.suffix.lower() != ".bmp", one.as_posix())):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _mask_of(masks: dict[str, Path], stem: str, path: Path) -> Path:
    if stem not in masks:
        raise DataError(f"{path}: expected a mask of the same name, found none. Fetch the labels too.")
    return masks[stem]
