"""Reading photos and looking for faces in them, ahead of the rest and bounded in memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from monoface.core.errors import ImageError
from monoface.detection import Detection
from monoface.pipeline.images import ImageSource, LoadedImage, read_image

DetectFaces = Callable[[np.ndarray], Sequence[Detection]]
"""Finds the faces in an RGB photo, as `FaceDetector` does."""

# Photos held at a time until their faces are regressed: at most as many pixels as about ten photos of twelve
# megapixels have, or two of the largest working copies.
_MAX_BATCH_PIXELS = 2 * 4096 * 4096
_MAX_BATCH_PHOTOS = 64


@dataclass(frozen=True, eq=False)
class SearchedPhoto:
    """A photo and the faces that the detector sees in it.

    Attributes:
        name: What the photo is called.
        photo: The photo, or None if it cannot be read.
        detections: Faces, largest first.
        problem: Why it cannot be read, else empty.
    """

    name: str
    photo: LoadedImage | None
    detections: tuple[Detection, ...]
    problem: str = ""

    @property
    def pixels(self) -> int:
        """Size of the working copy."""
        return 0 if self.photo is None else self.photo.size_px[0] * self.photo.size_px[1]


def search_photo(source: ImageSource, detect: DetectFaces, max_faces: int | None) -> SearchedPhoto:
    """Read one photo and look for its faces; an unreadable one is a result, not an error."""
    try:
        photo = read_image(source)
    except ImageError as error:
        name, problem = _name_and_problem(source, error)
        return SearchedPhoto(name, None, (), problem)
    detections = sorted(detect(photo.image_srgb), key=_area, reverse=True)
    return SearchedPhoto(photo.name, photo, tuple(detections[:max_faces]))


def search_ahead(
    sources: Iterable[ImageSource], search: Callable[[ImageSource], SearchedPhoto], threads: int
) -> Iterator[SearchedPhoto]:
    """Search photos in order, on threads that stay a few photos ahead of whoever takes the results."""
    waiting: deque[Future[SearchedPhoto]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="monoface-search") as pool:
        try:
            for source in sources:
                waiting.append(pool.submit(search, source))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Whoever stops taking results, for instance at an interrupt, need not wait for the rest.
            pool.shutdown(wait=False, cancel_futures=True)


def in_batches(searched: Iterable[SearchedPhoto], max_faces: int) -> Iterator[list[SearchedPhoto]]:
    """Group photos until their faces fill a batch, or the photos the memory set aside for them.

    The groups depend on the photos alone, not on timing, so that results do not either.
    """
    batch: list[SearchedPhoto] = []
    for one in searched:
        batch.append(one)
        faces = sum(len(photo.detections) for photo in batch)
        pixels = sum(photo.pixels for photo in batch)
        if faces >= max_faces or pixels >= _MAX_BATCH_PIXELS or len(batch) >= _MAX_BATCH_PHOTOS:
            yield batch
            batch = []
    if batch:
        yield batch


def _area(detection: Detection) -> float:
    left, top, right, bottom = detection.box
    return float((right - left) * (bottom - top))


def _name_and_problem(source: ImageSource, error: ImageError) -> tuple[str, str]:
    """Split the message of `read_image`, which begins with what it calls the photo."""
    text = str(error)
    name = str(source) if isinstance(source, str | os.PathLike) else text.partition(": ")[0]
    return name, text.removeprefix(f"{name}: ")
