"""AFLW in two layouts: the crops that 3DDFA tests on, and the data set itself with its SQLite file.

    AFLW_GT_crop/NAME.jpg          120 x 120 crops, from 3DDFA's test.data.zip
    AFLW_GT_crop.list              their names, a line each
    AFLW2000-3D_crop.list          names of the photos of AFLW2000-3D, which are left out
    AFLW_GT_crop_roi_box.npy       (N, 4) and
    AFLW_GT_pts21.npy              (N, 2, 21), both from 3DDFA's test.configs; -1 where invisible

or

    aflw.sqlite                    tables Faces, FaceImages, FeatureCoords
    flickr/                        the photos, as FaceImages.filepath names them
    AFLW2000-3D_crop.list          as above

Either way `labels.npz` has a `name` for each photo, by which MERL-RAV's files are matched.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from monoface.core.errors import DataError
from monoface.data.packing.bounded_files import read_lines, read_npy, read_picture
from monoface.data.packing.original_photo import (
    LeftOut,
    OriginalPhoto,
    PackConfig,
    attempt,
    points_to_square,
    square_round,
)
from monoface.data.sources.aflw import CROP_SIZE_PX
from monoface.geometry.crops import crop_and_resize

HELD_OUT_LIST = "AFLW2000-3D_crop.list"
_DATABASE = "aflw.sqlite"
# The crops of 3DDFA are on average 1.5 times as large as the box of the visible points of the 21.
_BOX_SCALE = 1.5
_MIN_POINTS = 6
# A part of 1,000 in 19,080 photos, as in the pack that the shipped weights were trained on.
_VALIDATION_SHARE = 1000 / 19_080
_POINTS = 21
# Steps of SQLite's virtual machine; the real file takes a few million.
_MAX_STEPS = 10**9
_STEPS_A_CALL = 10**6
_MAX_VALUE_BYTES = 2**20


def read_aflw(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """Crops of 120 x 120 pixels with `points21_px`, `split` and `name`.

    The split is by the name of the photo: `val` has about one in nineteen.

    Raises:
        DataError: If the folder has neither layout, or its files are damaged.
    """
    held_out = {PurePosixPath(name).stem for name in read_lines(folder / HELD_OUT_LIST)}
    if (folder / _DATABASE).is_file():
        photos = _from_database(folder, held_out)
    elif (folder / "AFLW_GT_crop.list").is_file():
        photos = _from_crops(folder, held_out)
    else:
        raise DataError(f"{folder}: expected AFLW_GT_crop.list or {_DATABASE}, found neither. Check --from.")
    for row, photo in enumerate(photos):
        if isinstance(photo, LeftOut):
            yield photo
        elif row % config.every == 0:
            yield OriginalPhoto(
                f"{row:05}",
                photo.image,
                {"points21_px": photo.points_px, "split": split_of(photo.name), "name": photo.name},
            )


def split_of(name: str) -> str:
    """`train` or `val`, by the photo's name without the number of the face in it."""
    photo = name.partition("_")[0]
    number = int.from_bytes(hashlib.sha256(photo.encode()).digest()[:8], "big")
    return "val" if number / 2**64 < _VALIDATION_SHARE else "train"


@dataclass(frozen=True, eq=False)
class _Crop:
    """A crop, the stem of its file's name, and the 21 points in it, NaN where invisible."""

    name: str
    image: np.ndarray
    points_px: np.ndarray


def _from_crops(folder: Path, held_out: set[str]) -> Iterator[_Crop | LeftOut]:
    names = read_lines(folder / "AFLW_GT_crop.list")
    boxes = read_npy(folder / "AFLW_GT_crop_roi_box.npy", (len(names), 4))
    points = read_npy(folder / "AFLW_GT_pts21.npy", (len(names), 2, _POINTS))
    for name, box, marks in zip(names, boxes, points, strict=True):
        stem = PurePosixPath(name).stem
        if stem in held_out:
            continue
        if (box[2:] <= box[:2]).any():
            raise DataError(f"{folder}, {name}: expected a box with an area, got {box.tolist()}.")
        path = _inside(folder / "AFLW_GT_crop", name)
        image = attempt(partial(read_picture, path))
        if isinstance(image, LeftOut):
            yield image
            continue
        if image.shape[:2] != (CROP_SIZE_PX, CROP_SIZE_PX):
            raise DataError(f"{name}: expected {CROP_SIZE_PX} x {CROP_SIZE_PX} px, got {image.shape[:2]}.")
        visible = (marks != -1).all(axis=0)
        marks = np.where(visible, marks, np.nan).T
        yield _Crop(stem, image, points_to_square(marks, box, CROP_SIZE_PX))


def _from_database(folder: Path, held_out: set[str]) -> Iterator[_Crop | LeftOut]:
    for path, face, marks in _faces_of(folder / _DATABASE):
        stem = PurePosixPath(path).stem
        if stem in held_out or np.isfinite(marks).all(axis=1).sum() < _MIN_POINTS:
            continue
        image = attempt(partial(read_picture, _inside(folder / "flickr", path)))
        if isinstance(image, LeftOut):
            yield image
            continue
        box = square_round(marks, _BOX_SCALE)
        crop = crop_and_resize(image, box, CROP_SIZE_PX)
        yield _Crop(f"{stem}_{face}", crop, points_to_square(marks, box, CROP_SIZE_PX))


def _faces_of(path: Path) -> list[tuple[str, int, np.ndarray]]:
    """Path of the photo, number of the face and its points, of each face with a point."""
    query = (
        "SELECT FaceImages.filepath, Faces.face_id, feature_id, FeatureCoords.x, FeatureCoords.y "
        "FROM FeatureCoords JOIN Faces ON Faces.face_id = FeatureCoords.face_id "
        "JOIN FaceImages ON FaceImages.file_id = Faces.file_id ORDER BY Faces.face_id"
    )
    faces: dict[int, tuple[str, int, np.ndarray]] = {}
    try:
        with closing(_open_read_only(path)) as database:
            for name, face, feature, x, y in database.execute(query):
                if not 1 <= int(feature) <= _POINTS:
                    raise DataError(f"{path}: expected features 1 to {_POINTS}, got {feature}.")
                marks = faces.setdefault(int(face), (str(name), int(face), np.full((_POINTS, 2), np.nan)))[2]
                if float(x) > 0 and float(y) > 0:
                    marks[int(feature) - 1] = (x, y)
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: expected the tables Faces, FaceImages and FeatureCoords, cannot read them ({error})."
        ) from error
    return list(faces.values())


def _open_read_only(path: Path) -> sqlite3.Connection:
    """A database of a stranger's: not written to, no functions of its schema, and an end to its work."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    steps_left = _MAX_STEPS // _STEPS_A_CALL

    def count() -> int:
        nonlocal steps_left
        steps_left -= 1
        return int(steps_left < 0)

    database.set_progress_handler(count, _STEPS_A_CALL)
    return database


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DataError(f"{name}: expected a photo inside {folder}, got a path that leads out of it.")
    return path
