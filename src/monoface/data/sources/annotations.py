"""Landmarks that come with a folder of photos: in files beside them, or as UMDFaces and 300W-LP have them."""

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

import numpy as np

from monoface.core.errors import DataError
from monoface.core.names import said_of
from monoface.data.sources.annotated_face import AnnotatedFace, FilesBeside
from monoface.data.sources.archive import PIXEL_CENTRE_PX
from monoface.data.sources.w300lp import FLIPPED, PARTS, read_w300lp_labels

AnnotationKind = Literal["none", "beside", "umdfaces", "300w-lp"]


class Annotations(Protocol):
    """What is known about the photos of a folder beforehand."""

    @property
    def digest(self) -> str:
        """Identifies what was read already, so that a run is not continued with other annotations."""
        ...

    def wants(self, photo: str) -> bool:
        """Whether a photo, by its path in the folder, is to be used at all."""
        ...

    def faces(self, photo: str) -> Sequence[AnnotatedFace]:
        """Annotated faces of a photo.

        Raises:
            DataError: If its annotation cannot be read.
        """
        ...


def open_annotations(kind: AnnotationKind, folder: Path) -> Annotations:
    """The annotations of a folder of photos.

    Args:
        kind: `none`; `beside`: a file with the photo's name beside it, see `FilesBeside`; `umdfaces`:
            see `UmdFacesTables`; `300w-lp`: see `sources.w300lp`.
        folder: Of the photos.

    Raises:
        DataError: If the folder has no annotations of the kind.
    """
    kinds: dict[str, Callable[[Path], Annotations]] = {
        "none": NoAnnotations, "beside": FilesBeside, "umdfaces": UmdFacesTables, "300w-lp": W300LpFiles,
    }  # fmt: skip
    return kinds[kind](folder)


class NoAnnotations:
    """Photos alone."""

    digest = "none"

    def __init__(self, folder: Path) -> None:
        pass

    def wants(self, photo: str) -> bool:
        """Every photo."""
        return True

    def faces(self, photo: str) -> Sequence[AnnotatedFace]:
        """None."""
        return ()


class UmdFacesTables:
    """UMDFaces' tables: `*_ultraface.csv` anywhere in the folder, a row for each face.

    `FILE` is the photo's path from the table's folder; `FACE_X`, `FACE_Y`, `FACE_WIDTH` and `FACE_HEIGHT` are
    its box; `P1X`, `P1Y`, `VIS1` to `P21X`, `P21Y`, `VIS21` the points in AFLW's order, and how visible they
    are: above one half we take them. That their first pixel's centre is (0, 0) is assumed.

    Reference:
        Bansal et al., "UMDFaces: An Annotated Face Dataset for Training Deep Networks", IJCB 2017.
    """

    def __init__(self, folder: Path) -> None:
        tables = sorted(folder.rglob("*_ultraface.csv"))
        if not tables:
            raise DataError(f"{folder}: expected a table *_ultraface.csv, found none. Check the folder.")
        self._faces: dict[str, list[AnnotatedFace]] = {}
        digest = hashlib.sha256()
        for path in tables:
            digest.update(path.read_bytes())
            self._add(path, path.parent.relative_to(folder).as_posix())
        self.digest = digest.hexdigest()

    def wants(self, photo: str) -> bool:
        """Photos in the tables."""
        return photo in self._faces

    def faces(self, photo: str) -> Sequence[AnnotatedFace]:
        """Faces of the photo's rows."""
        return self._faces.get(photo, ())

    def _add(self, path: Path, folder: str) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    photo = PurePosixPath(folder, row["FILE"].strip()).as_posix()
                    self._faces.setdefault(photo, []).append(_umdfaces_face(row))
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    raise DataError(
                        f"{path}, line {number}: expected FILE, FACE_X to FACE_HEIGHT and 21 points, "
                        f"got {said_of(error)}."
                    ) from error


class W300LpFiles:
    """The folder of 300W-LP; its mirror images are left out, for training mirrors photos itself."""

    digest = "300w-lp"

    def __init__(self, folder: Path) -> None:
        if not any((folder / part).is_dir() for part in PARTS):
            raise DataError(f"{folder}: expected the folders {', '.join(PARTS)} or some, found none.")
        self._folder = folder

    def wants(self, photo: str) -> bool:
        """Photos of the parts, unmirrored."""
        part = photo.partition("/")[0]
        return part in PARTS and FLIPPED not in part

    def faces(self, photo: str) -> Sequence[AnnotatedFace]:
        """The fitted face of the photo."""
        labels = read_w300lp_labels(self._folder, str(PurePosixPath(photo).with_suffix("")))
        return (AnnotatedFace({"ibug68": labels.points68_px}, yaw_deg=labels.yaw_deg),)


def _umdfaces_face(row: Mapping[str, str]) -> AnnotatedFace:
    points = np.array([(float(row[f"P{n}X"]), float(row[f"P{n}Y"])) for n in range(1, 22)], np.float32)
    visible = np.array([float(row[f"VIS{n}"]) > 0.5 for n in range(1, 22)])
    points[~visible] = np.nan
    x, y, width, height = (float(row[f"FACE_{name}"]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
    box = np.array((x, y, x + width, y + height)) + PIXEL_CENTRE_PX
    return AnnotatedFace({"aflw21": points + np.float32(PIXEL_CENTRE_PX)}, box)
