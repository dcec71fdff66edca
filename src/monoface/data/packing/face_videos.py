"""YouTube Faces with 68 points, as published in `.npz` files, one a clip.

youtube_faces_with_keypoints_full_1/…/Natasa_Micic_0.npz     person, then the clip's number
    colorImages  (height, width, 3, frames)  uint8, RGB
    landmarks2D  (68, 2, frames)
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from monoface.core.errors import DataError
from monoface.data.packing.bounded_files import read_npz
from monoface.data.packing.original_photo import (
    LabelValue,
    LeftOut,
    OriginalPhoto,
    PackConfig,
    attempt,
    points_to_square,
    square_round,
)
from monoface.geometry.crops import crop_and_resize

_SIDE_PX = 224
_BOX_SCALE = 1.7
_PEOPLE = 300
_MIN_CLIPS = 3
_NAME = re.compile(r"(?P<person>.+)_(?P<clip>\d+)")


def read_ytf(folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    """Crops of 224 x 224 pixels with `points68_px`, `person` and `clip`.

    People with at least three clips, the first 300 by name unless `config.people` says otherwise. A person's
    number is the place of the name among all names with as many clips.

    Raises:
        DataError: If there is no person with three clips.
    """
    row = 0
    for number, clips in enumerate(_clips_by_person(folder)[: config.people or _PEOPLE]):
        for name, path in clips[: config.clips_per_person]:
            frames = attempt(partial(_frames, path, config.frames_per_clip))
            if isinstance(frames, LeftOut):
                yield frames
                row += config.frames_per_clip
                continue
            for image, points in frames:
                if row % config.every == 0:
                    labels: dict[str, LabelValue] = {"points68_px": points, "person": number, "clip": name}
                    yield OriginalPhoto(f"{row:05}", image, labels)
                row += 1


def _clips_by_person(folder: Path) -> list[list[tuple[str, Path]]]:
    found = defaultdict(list)
    for path in sorted(folder.rglob("*.npz")):
        name = _NAME.fullmatch(path.stem)
        if name is not None:
            found[name["person"]].append((name["clip"], path))
    people = [sorted(found[person]) for person in sorted(found) if len(found[person]) >= _MIN_CLIPS]
    if not people:
        raise DataError(
            f"{folder}: expected people with {_MIN_CLIPS} clips or more, such as Natasa_Micic_0.npz to "
            "Natasa_Micic_2.npz, found none. Check --from."
        )
    return people


def _frames(path: Path, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    shapes = {"colorImages": (None, None, 3, None), "landmarks2D": (68, 2, None)}
    arrays = read_npz(path, shapes)
    images, points = arrays["colorImages"], arrays["landmarks2D"].astype(np.float64)
    total = images.shape[-1]
    if images.dtype != np.uint8 or points.shape[-1] != total or total == 0:
        raise DataError(
            f"{path}: expected frames of uint8 and points for each, got {images.shape} of {images.dtype} and "
            f"{points.shape}."
        )
    frames = []
    for frame in np.unique(np.linspace(0, total - 1, count).round().astype(int)):
        marks = points[..., frame]
        if not np.isfinite(marks).all():
            raise DataError(f"{path}: expected finite points, got others in frame {frame}.")
        box = square_round(marks, _BOX_SCALE)
        image = np.ascontiguousarray(images[..., frame])
        frames.append((crop_and_resize(image, box, _SIDE_PX), points_to_square(marks, box, _SIDE_PX)))
    return frames
