"""Folders of the user's own in which several views of a face lie, as sources of views."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from monoface.data.labelling.view_photos import DecodedLater, ViewPhotos
from monoface.data.packs.view_pack import VIEWS
from monoface.data.sources import MgcnetStrips, MultiPie, W300Lp
from monoface.geometry.roi import roi_from_points

FolderKind = Literal["strips", "multipie", "300w-lp"]

_FIXED_SET = "ibug68"
_BOX_SETS = ("ibug68", "ibug68_contour", "aflw21")
# The box of all 68 points against that of the 51 inner ones, or of 21.
_INNER_GROWTH = 1.5


def folder_views(kind: FolderKind, folder: Path, limit: int = 0) -> ViewPhotos:
    """Photos of a folder.

    Args:
        kind: `strips`: see `sources.mgcnet_strips`; `multipie`: see `sources.multipie`; `300w-lp`: see
            `sources.w300lp`, where photos of one name but for the number at its end are one photo, turned.
        folder: Where they lie; its name is the pack's.
        limit: At most so many photos, or samples of strips; 0 takes all.

    Raises:
        DataError: If the folder is not as described.
    """
    if kind == "strips":
        return _strips(folder, limit)
    if kind == "multipie":
        return _multipie(folder, limit)
    return _w300lp(folder, limit)


def _strips(folder: Path, limit: int) -> ViewPhotos:
    strips = MgcnetStrips(folder)
    count = min(len(strips), limit or len(strips))
    points = np.concatenate([strips.labels(sample).points68_px for sample in range(count)])

    def image(row: int) -> UInt8[np.ndarray, "side side 3"]:
        return strips.images(row // VIEWS)[row % VIEWS]

    def skin(row: int) -> UInt8[np.ndarray, "side side"]:
        found = strips.skin(row // VIEWS)
        return np.zeros(image(row).shape[:2], np.uint8) if found is None else found[row % VIEWS]

    rows = np.arange(VIEWS * count)
    masked = all(strips.skin(sample) is not None for sample in range(count))
    return ViewPhotos(
        name=folder.name,
        images=DecodedLater(image, rows),
        boxes=_boxes(points),
        group=rows // VIEWS,
        points_px={_FIXED_SET: points},
        skin=DecodedLater(skin, rows) if masked else None,
        views=rows.reshape(-1, VIEWS),
        gate=np.array(strips.gates[:count], dtype=np.int64),
    )


def _multipie(folder: Path, limit: int) -> ViewPhotos:
    photos = MultiPie(folder)
    rows = np.arange(len(photos))[: limit or None]
    sets = {name: points.shape for row in rows for name, points in photos.faces[row].points_px.items()}
    points_px = {name: np.full((len(rows), *shape), np.nan, np.float32) for name, shape in sets.items()}
    for row in rows:
        for name, points in photos.faces[row].points_px.items():
            points_px[name][row] = points
    known = next(name for name in (*_BOX_SETS, *points_px) if name in points_px)
    growth = 1.0 if known == _FIXED_SET else _INNER_GROWTH
    return ViewPhotos(
        name=folder.name,
        images=DecodedLater(photos.image, rows),
        boxes=_boxes(points_px[known], growth),
        group=photos.moment[rows],
        points_px=points_px,
        yaw_deg=photos.yaw_deg[rows] if known == _FIXED_SET else None,
    )


def _w300lp(folder: Path, limit: int) -> ViewPhotos:
    photos = W300Lp(folder)
    rows = np.arange(len(photos))[: limit or None]
    labels = [photos.labels(int(row)) for row in rows]
    points = np.stack([one.points68_px for one in labels])
    stems = [photos.keys[row].rpartition("_")[0] for row in rows]
    number = {stem: place for place, stem in enumerate(dict.fromkeys(stems))}
    return ViewPhotos(
        name=folder.name,
        images=DecodedLater(photos.image, rows),
        boxes=_boxes(points),
        group=np.array([number[stem] for stem in stems], dtype=np.int64),
        points_px={_FIXED_SET: points},
        yaw_deg=np.array([one.yaw_deg for one in labels]),
    )


def _boxes(
    points_px: Float32[np.ndarray, "photos points 2"], growth: float = 1.0
) -> Float[np.ndarray, "photos 4"]:
    """The crops of known landmarks, larger where these do not span the face."""
    low, high = np.nanmin(points_px, axis=1), np.nanmax(points_px, axis=1)
    corners = torch.from_numpy(np.stack((low, high), axis=1))
    boxes = roi_from_points(corners).numpy().astype(np.float64)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate((centre - growth * half, centre + growth * half), axis=1)
