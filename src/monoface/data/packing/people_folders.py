"""Data sets with a folder for each person: Labeled Faces in the Wild, Celebrities in Frontal-Profile.

NAME/NAME_0001.jpg                    LFW: 250 x 250
Data/Images/001/frontal/01.jpg        CFP: ten of them, and profile/01.jpg to 04.jpg
Data/Fiducials/001/frontal/01.txt     30 lines x,y
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from monoface.core.errors import DataError
from monoface.data.packing.bounded_files import pictures_in, read_lines, read_picture, read_points, resized
from monoface.data.packing.original_photo import LabelValue, LeftOut, OriginalPhoto, PackConfig, attempt

_LFW_SIDE_PX = 160
_CFP_SIDE_PX = 240
_CFP_PEOPLE = 400
_CFP_POINTS = 30


def read_lfw(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """The middle 160 x 160 pixels of the photos of people with two or more, with `person`.

    A person's number is the place of the name among all names of the data set.

    Raises:
        DataError: If there is no folder of photos.
    """
    row = 0
    people = 0
    for number, home in enumerate(_folders(folder)):
        photos = pictures_in(home)[: config.photos_per_person]
        if len(photos) < 2:
            continue
        people += 1
        if config.people is not None and people > config.people:
            return
        for path in photos:
            if row % config.every == 0:
                yield attempt(partial(_lfw_photo, path, row, number))
            row += 1


def read_cfp(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """Photos of at most 240 pixels with `points30_px`, `person` and `profile`.

    The first 400 people unless `config.people` says otherwise; a person's number is the folder's less one.

    Raises:
        DataError: If folders or points are missing or not as described.
    """
    images, marks = folder / "Data" / "Images", folder / "Data" / "Fiducials"
    row = 0
    for home in _folders(images)[: config.people or _CFP_PEOPLE]:
        if not home.name.isdecimal():
            raise DataError(f"{home}: expected folders named by numbers, such as 001.")
        for kind in ("frontal", "profile"):
            for path in pictures_in(home / kind):
                points = _fiducials(marks / home.name / kind / f"{path.stem}.txt")
                if row % config.every == 0:
                    labels = {"person": int(home.name) - 1, "profile": kind == "profile"}
                    yield attempt(partial(_cfp_photo, path, row, points, labels))
                row += 1


def _folders(folder: Path) -> list[Path]:
    homes = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not homes:
        raise DataError(f"{folder}: expected a folder for each person, found none. Check --from.")
    return homes


def _lfw_photo(path: Path, row: int, person: int) -> OriginalPhoto:
    return OriginalPhoto(f"{row:05}", _middle(read_picture(path), path), {"person": person})


def _cfp_photo(path: Path, row: int, points: np.ndarray, labels: Mapping[str, LabelValue]) -> OriginalPhoto:
    image, points = _within(read_picture(path), points, _CFP_SIDE_PX)
    return OriginalPhoto(f"{row:05}", image, {"points30_px": points, **labels})


def _middle(image: np.ndarray, path: Path) -> np.ndarray:
    height, width = image.shape[:2]
    if min(height, width) < _LFW_SIDE_PX:
        raise DataError(f"{path}: expected at least {_LFW_SIDE_PX} px, got {width} x {height}.")
    top, left = (height - _LFW_SIDE_PX) // 2, (width - _LFW_SIDE_PX) // 2
    return image[top : top + _LFW_SIDE_PX, left : left + _LFW_SIDE_PX].copy()


def _fiducials(path: Path) -> np.ndarray:
    return read_points(path, [line.split(",") for line in read_lines(path)], _CFP_POINTS)


def _within(image: np.ndarray, points_px: np.ndarray, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture made smaller to a longest side, and its points with it; never larger."""
    height, width = image.shape[:2]
    factor = min(1.0, side_px / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    # The first pixel's centre is at (0, 0).
    points = (points_px + 0.5) * (size[0] / width, size[1] / height) - 0.5
    return resized(image, size), points
