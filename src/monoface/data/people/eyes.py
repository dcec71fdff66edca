"""Eyes of a source's photos, cut out where the face landmarker or people see their corners."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from monoface.core.errors import DataError
from monoface.data.packs.eye_pack import EYE_CANVAS_PX, EYE_CANVAS_SIDES, EyePack
from monoface.data.people.looks import Looks
from monoface.data.people.mesh_points import EYES_68, EYES_MESH, HUMAN_SET, LEFT_IRIS, RIGHT_IRIS
from monoface.data.people.photos import PeoplePhotos
from monoface.detection.eye_crops import EyeCrop, eye_crops
from monoface.networks.eyes.outputs import EYE_SHAPES

_SIDES: Final = ("Right", "Left")
_IRISES: Final = (RIGHT_IRIS, LEFT_IRIS)
# An eye less wide than this part of the other one is turned away too far.
_WIDE_ENOUGH = 0.5
# Corners of mesh and people this far apart, in widths of an eye, are not of one face.
_FARTHEST = 0.35
_SMALLEST_PX = 4.0


class _SeenEyes(NamedTuple):
    """Both eyes of a photo, right and left: points by people and by the mesh, and their crops."""

    human_px: Float[np.ndarray, "2 6 2"]
    mesh_px: Float[np.ndarray, "2 6 2"]
    crops: tuple[EyeCrop, EyeCrop]
    wide: Bool[np.ndarray, " 2"]


def eye_pack(
    photos: PeoplePhotos,
    looks: Looks,
    expression_names: Sequence[str],
    min_score: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EyePack:
    """All eyes of a source that are seen well enough.

    Args:
        photos: Of the source.
        looks: What the face landmarker sees in them, in their order.
        expression_names: Of its blendshapes but `_neutral`, which comes first.
        min_score: Of the landmarker; its points count only above.
        progress: Told how many photos of how many are done.

    Raises:
        DataError: If there is no eye.
    """
    columns = [[expression_names.index(f"{name}{side}") + 1 for name in EYE_SHAPES] for side in _SIDES]
    rows: list[tuple[UInt8[np.ndarray, "64 64 3"], tuple[Float32[np.ndarray, ...], ...], bool]] = []
    for row in range(len(photos)):
        progress(row, len(photos))
        eyes = _seen(photos, looks, row, min_score)
        if eyes is None:
            continue
        photo = photos.image(row)
        for place, labels in _labels(eyes, looks, row, columns):
            picture = eyes.crops[place].sample(photo, EYE_CANVAS_PX)
            rows.append((picture, labels, bool(photos.held_out[row])))
    if not rows:
        raise DataError(f"{photos.name}: expected photos that show eyes, found none of {len(photos)}.")
    pictures, labels, held_out = zip(*rows, strict=True)
    marked, meshed, iris, shapes = (np.stack(one) for one in zip(*labels, strict=True))
    return EyePack(photos.name, np.stack(pictures), marked, meshed, iris, shapes, np.array(held_out))


def _seen(photos: PeoplePhotos, looks: Looks, row: int, min_score: float) -> _SeenEyes | None:
    """Both eyes of a photo, or None if nothing tells where they are."""
    human = np.full((2, 6, 2), np.nan)
    # Where nobody says which points are seen, lids were tracked or guessed.
    if photos.seen is not None:
        marks = photos.points_px[HUMAN_SET][row].astype(np.float64)
        human = np.where(photos.seen[row][:, None], marks, np.nan)[np.array(EYES_68)]
    mesh = np.full((2, 6, 2), np.nan)
    if looks.score[row] > min_score:
        mesh = looks.points_px[row][np.array(EYES_MESH)].astype(np.float64)
    apart = np.linalg.norm(mesh[:, :2] - human[:, :2], axis=-1)
    both = apart[np.isfinite(apart)]
    if len(both) and np.median(both) > _FARTHEST * _widths(mesh).max():
        mesh = np.full_like(mesh, np.nan)
    corners = mesh[:, :2] if np.isfinite(mesh).all() else human[:, :2]
    if not np.isfinite(corners).all() or _widths(corners).max() < _SMALLEST_PX:
        return None
    wide = _widths(corners) > _WIDE_ENOUGH * _widths(corners).max()
    return _SeenEyes(human, mesh, eye_crops(corners, EYE_CANVAS_SIDES), wide)


def _labels(
    eyes: _SeenEyes, looks: Looks, row: int, columns: Sequence[Sequence[int]]
) -> Iterator[tuple[int, tuple[Float32[np.ndarray, "..."], ...]]]:
    """Of each eye that is wide enough: which it is, and its marks, mesh, iris and blendshapes."""
    known = np.isfinite(eyes.mesh_px).all()
    for place in map(int, np.flatnonzero(eyes.wide)):
        crop = eyes.crops[place]
        iris_px = looks.points_px[row, [_IRISES[place]]] if known else np.full((1, 2), np.nan)
        shapes = looks.blendshapes[row, list(columns[place])] if known else np.full(len(EYE_SHAPES), np.nan)
        found = (
            crop.from_photo(eyes.human_px[place]),
            crop.from_photo(eyes.mesh_px[place]),
            crop.from_photo(iris_px)[0],
            shapes,
        )
        yield place, tuple(np.asarray(one, np.float32) for one in found)


def _widths(corners_px: Float[np.ndarray, "2 points 2"]) -> Float[np.ndarray, " 2"]:
    """Distance of outer and inner corner of both eyes."""
    widths: np.ndarray = np.linalg.norm(corners_px[:, 0] - corners_px[:, 1], axis=-1)
    return widths
