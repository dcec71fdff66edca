"""AFLW2000-3D in its own layout, with the re-annotated points where they lie beside it.

image00002.jpg  image00002.mat      and so on
AFLW2000-3D-Reannotated.pts68.npy   optional, from 3DDFA's test.configs: (2000, 2 or 3, 68)
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from monoface.core.errors import DataError
from monoface.data.packing.bounded_files import read_npy
from monoface.data.packing.original_photo import LeftOut, OriginalPhoto, PackConfig, attempt
from monoface.data.sources.aflw2000 import Aflw2000
from monoface.data.sources.archive import PIXEL_CENTRE_PX

REANNOTATED = "AFLW2000-3D-Reannotated.pts68.npy"


def read_aflw2000(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """Photos with `points68_px`, `points68_reannotated_px`, `yaw_deg` and `roi_box`.

    Without the re-annotated points their rows are NaN.

    Raises:
        DataError: If annotations are missing or damaged, or the re-annotated points are not of these photos.
    """
    source = Aflw2000.from_original(folder, allow_damaged=True)
    reannotated = _reannotated(folder, len(source))
    for row in range(0, len(source), config.every):
        photo = attempt(partial(source.__getitem__, row))
        if isinstance(photo, LeftOut):
            yield photo
            continue
        points = photo.points68_px.copy()
        points[:, :2] -= PIXEL_CENTRE_PX
        yield OriginalPhoto(
            photo.key,
            photo.image,
            {
                "points68_px": points,
                "points68_reannotated_px": reannotated[row],
                "yaw_deg": photo.yaw_deg,
                "roi_box": photo.roi_box,
            },
        )


def _reannotated(folder: Path, count: int) -> np.ndarray:
    path = folder / REANNOTATED
    if not path.is_file():
        return np.full((count, 68, 2), np.nan)
    points = read_npy(path, (None, None, 68))
    if len(points) != count or points.shape[1] not in (2, 3):
        raise DataError(f"{path}: expected ({count}, 2 or 3, 68), a row a photo, got {points.shape}.")
    return points[:, :2].transpose(0, 2, 1)
