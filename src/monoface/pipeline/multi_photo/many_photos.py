"""Results of more photos than memory holds."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from monoface.photos.filed import FiledImage
from monoface.photos.reading import ImageSource
from monoface.pipeline.face import Face
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.results import PhotoResult

# Pixels of photos that are held: about fourteen photos of twelve megapixels.
_MOST_HELD_BYTES = 2**29


def within_memory(photos: Sequence[ImageSource], results: Iterable[PhotoResult]) -> list[PhotoResult]:
    """Results that hold pixels up to a bound; photos beyond it stay in their files, where they have any."""
    kept: list[PhotoResult] = []
    held_bytes = 0
    for source, result in zip(photos, results, strict=True):
        photo = result.photo
        if photo is not None:
            pixel_bytes = 3 * math.prod(photo.size_px)
            if held_bytes + pixel_bytes > _MOST_HELD_BYTES and isinstance(source, str | os.PathLike):
                result = _filed(result, FiledImage(photo, source))
            else:
                held_bytes += pixel_bytes
        kept.append(result)
    return kept


def _filed(result: PhotoResult, photo: FiledImage) -> PhotoResult:
    faces, doubtful = (
        tuple(Face(FaceSkin(face.posed, photo, face.skin.assets)) for face in some)
        for some in (result.faces, result.doubtful)
    )
    return replace(result, photo=photo, faces=faces, doubtful=doubtful)
