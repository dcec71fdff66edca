"""Sources of views: frames of one clip, and series over yaw."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from monoface.core.errors import DataError
from monoface.data.labelling.view_photos import DecodedLater, ViewPhotos
from monoface.data.packs.digests import CONTOUR_SET
from monoface.data.sources import Fasseg, PhotoSource, Ytf
from monoface.data.sources.fasseg import CLASSES, FRONTAL_SET
from monoface.data.sources.registry import held_out_fasseg, held_out_ytf
from monoface.facemodel.landmarks import JAW17
from monoface.geometry.roi import roi_from_points

_JAW = slice(0, 17)
_SKIN = tuple(CLASSES.index(name) for name in ("skin", "nose"))
_FEATURES = tuple(CLASSES.index(name) for name in ("eyes", "nose", "mouth"))
# The face's crop against the height from eyes to mouth, measured on photos of the source.
_CROP_PER_FEATURES = 2.5
# Side of the face's crop in photos that portray one face; the first look corrects it.
_CROP_PER_PHOTO = 0.75


def ytf_views(folder: Path, held_out_people: int, limit: int = 0) -> ViewPhotos:
    """Frames of each clip, of the people who are not kept for validation.

    The jaw of the annotated points is the silhouette, which is no fixed point of the mesh, and a set of its
    own. The others lie about three pixels above and to the left of where the face-mesh network sees them:
    they do not correct labels.

    Raises:
        DataError: If the source cannot be read.
    """
    ytf = Ytf(folder)
    rows = np.flatnonzero(~held_out_ytf(ytf, held_out_people))[: limit or None]
    points = ytf.points68_px[rows].astype(np.float32)
    boxes = roi_from_points(torch.from_numpy(points)).numpy().astype(np.float64)
    outline = points[:, _JAW].copy()
    points[:, _JAW] = np.nan
    clips = [(int(ytf.person[row]), ytf.clips[row]) for row in rows]
    number = {clip: place for place, clip in enumerate(dict.fromkeys(clips))}
    group = np.array([number[clip] for clip in clips], dtype=np.int64)
    known = {CONTOUR_SET: points, JAW17: outline}
    return ViewPhotos("ytf", DecodedLater(ytf.image, rows), boxes, group, known, trusted=False)


def fasseg_views(folder: Path, held_out_people: int, limit: int = 0) -> ViewPhotos:
    """Series over yaw, of all people but the last `held_out_people`; skin is as annotated.

    Raises:
        DataError: If the source cannot be read, or nobody is left.
    """
    fasseg = Fasseg(folder)
    kept = (fasseg.person != FRONTAL_SET) & ~held_out_fasseg(fasseg, held_out_people)
    rows = np.flatnonzero(kept)[: limit or None]
    if len(rows) == 0:
        raise DataError(f"{folder}: expected series over yaw of people who are not held out, found none.")
    masks = [fasseg.mask(int(row)) for row in rows]
    boxes = np.stack(
        [_box_of_parts(mask, float(yaw)) for mask, yaw in zip(masks, fasseg.yaw_deg[rows], strict=True)]
    )
    series = np.unique(np.stack((fasseg.person[rows], fasseg.shot[rows])), axis=1, return_inverse=True)[1]
    skin = [(255 * np.isin(mask, _SKIN)).astype(np.uint8) for mask in masks]
    yaw_deg = fasseg.yaw_deg[rows].astype(np.float64)
    group = series.reshape(-1).astype(np.int64)
    return ViewPhotos("fasseg", DecodedLater(fasseg.image, rows), boxes, group, {}, yaw_deg, skin)


def single_views(name: str, source: PhotoSource[Any], limit: int = 0) -> ViewPhotos:
    """Photos that show one face each, in their middle."""
    rows = np.arange(len(source))[: limit or None]
    sizes = [source.image(int(row)).shape for row in rows]
    boxes = np.array([_middle(height, width) for height, width, _ in sizes], dtype=np.float64)
    return ViewPhotos(name, DecodedLater(source.image, rows), boxes.reshape(-1, 4), rows, {})


def _middle(height: int, width: int) -> tuple[float, float, float, float]:
    half, x, y = _CROP_PER_PHOTO * min(height, width) / 2, width / 2, height / 2
    return (x - half, y - half, x + half, y + half)


def _box_of_parts(mask: UInt8[np.ndarray, "height width"], yaw_deg: float) -> Float[np.ndarray, " 4"]:
    """Roughly the face's crop, from where eyes, nose and mouth are; those of a profile lie at its front."""
    row, column = np.nonzero(np.isin(mask, _FEATURES))
    if len(row) == 0:
        return np.array((0.0, 0.0, mask.shape[1], mask.shape[0]))
    height = float(row.max() - row.min() + 1)
    x = (column.min() + column.max() + 1) / 2 + 0.6 * height * np.sin(np.deg2rad(yaw_deg))
    centre = np.array((x, (row.min() + row.max() + 1) / 2))
    half = _CROP_PER_FEATURES * height / 2
    return np.concatenate((centre - half, centre + half))
