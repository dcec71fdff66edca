"""Landmarks of a face in a photo, and the files beside photos that hold them."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from monoface.core.array_files import open_npz
from monoface.core.errors import DataError

# Points that are believed to be as people see them: the jaw of the 68 is the silhouette.
_SET_OF_COUNT = {68: "ibug68_contour", 21: "aflw21"}
JAW = slice(0, 17)
"""Of the 68 points: the outline."""
_MAX_BYTES = 2**24


@dataclass(frozen=True, eq=False)
class AnnotatedFace:
    """Landmarks of one face of a photo.

    Attributes:
        points_px: By landmark set of the face model, in pixels of the upright photo; NaN where there is none.
        box: Box of the face, where one is annotated.
        yaw_deg: Yaw of the head, where it is known.
    """

    points_px: Mapping[str, Float[np.ndarray, "points 2"]]
    box: Float[np.ndarray, " 4"] | None = None
    yaw_deg: float | None = None

    @property
    def seen(self) -> int:
        """How many points are annotated."""
        return sum(int(np.isfinite(points).all(axis=-1).sum()) for points in self.points_px.values())

    @property
    def points_box(self) -> Float[np.ndarray, " 4"]:
        """Bounding box of the points; NaN without any."""
        points = np.concatenate(list(self.points_px.values()))
        points = points[np.isfinite(points).all(axis=-1)]
        if len(points) == 0:
            return np.full(4, np.nan)
        return np.concatenate((points.min(axis=0), points.max(axis=0))).astype(np.float64)

    @property
    def fixed_on_mesh(self) -> bool:
        """Whether all 68 points on the mesh are known, hidden ones too, so that they span the whole face."""
        points = self.points_px.get("ibug68")
        return points is not None and bool(np.isfinite(points).all())


class FilesBeside:
    """One file for each photo, of the same stem in the same folder.

    - `.pts`, as iBUG's: `version: 1`, `n_points: N`, then N lines `x y` in braces. The first pixel's centre
      is (1, 1).
    - `.csv`: a line `x,y`, then a line for each point, `,` where a point is unknown. The first pixel covers
      [0, 1), so that its centre is (0.5, 0.5).
    - `.npz`: `points_px` (points, 2) or (faces, points, 2), NaN where a point is unknown, in the same
      convention as `.csv`; optionally `landmark_set`, a name.

    68 points are `ibug68_contour`, whose first 17 follow the silhouette and are not used; 21 are `aflw21`.
    With a `landmark_set` they are what it says.
    """

    digest = "beside"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wants(self, photo: str) -> bool:
        """Every photo."""
        return True

    def faces(self, photo: str) -> Sequence[AnnotatedFace]:
        """Faces of the file beside the photo, if there is one."""
        for suffix, read in ((".npz", _read_npz), (".pts", _read_pts), (".csv", _read_csv)):
            path = (self._folder / photo).with_suffix(suffix)
            if path.is_file():
                return read(path)
        return ()


def _read_pts(path: Path) -> list[AnnotatedFace]:
    lines = [line.strip() for line in _text(path).splitlines() if line.strip()]
    header = {
        name.strip(): value for name, _, value in (line.partition(":") for line in lines if ":" in line)
    }
    if "{" not in lines or "}" not in lines or "n_points" not in header:
        raise DataError(f"{path}: expected n_points and points in braces, got something else.")
    rows = [line.split() for line in lines[lines.index("{") + 1 : lines.index("}")]]
    points = _points(path, rows)
    if len(points) != int(float(header["n_points"])):
        raise DataError(f"{path}: expected {header['n_points'].strip()} points, got {len(points)}.")
    # The first pixel's centre is (1, 1) there and (0.5, 0.5) here.
    return [_annotated(path, points - np.float32(0.5))]


def _read_csv(path: Path) -> list[AnnotatedFace]:
    rows = list(csv.reader(_text(path).splitlines()))
    if not rows or [name.strip() for name in rows[0]] != ["x", "y"]:
        raise DataError(f"{path}: expected a first line x,y, got another.")
    return [_annotated(path, _points(path, rows[1:]))]


def _read_npz(path: Path) -> list[AnnotatedFace]:
    _refuse_large(path)
    with open_npz(path, "an .npz with points_px", most_bytes=_MAX_BYTES) as archive:
        points = archive["points_px"].astype(np.float32)
        name = str(archive["landmark_set"]) if "landmark_set" in archive else None
    if points.ndim not in (2, 3) or points.shape[-1] != 2:
        raise DataError(f"{path}: expected points_px (points, 2) or (faces, points, 2), got {points.shape}.")
    return [_annotated(path, one, name) for one in points.reshape(-1, *points.shape[-2:])]


def _text(path: Path) -> str:
    _refuse_large(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file, cannot read it ({error}).") from error


def _refuse_large(path: Path) -> None:
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(f"{path}: expected a file of landmarks, got one of {path.stat().st_size} bytes.")


def _points(path: Path, rows: Sequence[Sequence[str]]) -> np.ndarray:
    try:
        return np.array(
            [
                [float(value) if value.strip() else math.nan for value in row] or [math.nan] * 2
                for row in rows
            ],
            np.float32,
        ).reshape(len(rows), 2)
    except ValueError as error:
        raise DataError(f"{path}: expected two numbers a line, got others ({error}).") from error


def _annotated(path: Path, points: np.ndarray, name: str | None = None) -> AnnotatedFace:
    name = name or _SET_OF_COUNT.get(len(points))
    if name is None:
        raise DataError(f"{path}: expected 68 or 21 points, or a landmark_set, got {len(points)} points.")
    points = np.where(np.isfinite(points).all(axis=-1, keepdims=True), points, np.nan).astype(np.float32)
    if name == "ibug68_contour":
        points[JAW] = np.nan
    return AnnotatedFace({name: points})
