"""Reading photos and looking for faces in them, ahead of the rest and bounded in memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from monoface.core.errors import ImageError
from monoface.detection import Detection
from monoface.photos.reading import ImageSource, LoadedImage, open_photo

# Photos that one thread reads and searches together, so that they share the runs of the networks.
_PHOTOS_TOGETHER = 4

# Pixels of the photo, along each axis, for each of a face's crop.
_OVERSAMPLING = 2.0

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
        left_out: How many more faces the detector sees than may be taken.
    """

    name: str
    photo: LoadedImage | None
    detections: tuple[Detection, ...]
    problem: str = ""
    left_out: int = 0

    @property
    def pixels(self) -> int:
        """Size of the working copy."""
        return 0 if self.photo is None else self.photo.size_px[0] * self.photo.size_px[1]

    def looks(self, crop_px: int) -> list[tuple[LoadedImage, Detection]]:
        """Each face with the pixels that suffice to see it: those of the overview, or all.

        Args:
            crop_px: Side at which crops of faces are looked at.
        """
        if self.photo is None:
            return []
        overview = self.photo.overview
        zoom = overview.scale / self.photo.scale
        return [
            (overview, one.zoomed(zoom))
            if zoom * one.roi_side_px >= _OVERSAMPLING * crop_px
            else (self.photo, one)
            for one in self.detections
        ]


class DetectsFaces(Protocol):
    """Finds faces in photos, as `FaceDetector` does."""

    def detect_photos(self, photos: Sequence[LoadedImage]) -> Sequence[Sequence[Detection]]:
        """Faces of each photo, in pixels of its working copy."""
        ...


def search_photos(
    sources: Sequence[ImageSource], detector: DetectsFaces, max_faces: int | None
) -> list[SearchedPhoto]:
    """Read photos and look for their faces; an unreadable one is a result, not an error."""
    read = [_read(source) for source in sources]
    photos = [one.photo for one in read if one.photo is not None]
    detections = iter(detector.detect_photos(photos) if photos else ())
    return [one if one.photo is None else _with_faces(one, next(detections), max_faces) for one in read]


def search_ahead(
    sources: Iterable[ImageSource],
    search: Callable[[Sequence[ImageSource]], list[SearchedPhoto]],
    threads: int,
    *,
    soon: bool = False,
) -> Iterator[SearchedPhoto]:
    """Search photos in order, a few together, on threads that stay a little ahead of the results.

    Args:
        sources: The photos.
        search: Searches a few of them.
        threads: How many it runs on.
        soon: Begin with one photo, so that its result need not wait for others.
    """
    waiting: deque[Future[list[SearchedPhoto]]] = deque()
    remaining = iter(sources)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="monoface-search")
    # The first photo has the cores for itself until its faces are regressed.
    size, ahead = (1, 0) if soon else (_PHOTOS_TOGETHER, threads)
    try:
        while together := list(islice(remaining, size)):
            size = min(2 * size, _PHOTOS_TOGETHER)
            waiting.append(pool.submit(search, together))
            if len(waiting) > ahead:
                yield from waiting.popleft().result()
            ahead = threads
        while waiting:
            yield from waiting.popleft().result()
    finally:
        # Whoever stops taking results, for instance at an interrupt, need not wait for the rest.
        pool.shutdown(wait=False, cancel_futures=True)


def in_batches(
    searched: Iterable[SearchedPhoto], max_faces: int, *, soon: bool = False
) -> Iterator[list[SearchedPhoto]]:
    """Group photos until their faces fill a batch, or the photos the memory set aside for them.

    The groups depend on the photos alone, not on timing, so that results do not either.

    Args:
        searched: The photos.
        max_faces: Faces that fill a batch.
        soon: Begin with a batch of one photo, and let batches grow from there, so that the first results need
            not wait for many photos.
    """
    batch: list[SearchedPhoto] = []
    photos = 1 if soon else _MAX_BATCH_PHOTOS
    for one in searched:
        batch.append(one)
        faces = sum(len(photo.detections) for photo in batch)
        pixels = sum(photo.pixels for photo in batch)
        if faces >= max_faces or pixels >= _MAX_BATCH_PIXELS or len(batch) >= photos:
            yield batch
            batch, photos = [], min(2 * photos, _MAX_BATCH_PHOTOS)
    if batch:
        yield batch


def _read(source: ImageSource) -> SearchedPhoto:
    try:
        photo = open_photo(source)
    except ImageError as error:
        name, problem = _name_and_problem(source, error)
        return SearchedPhoto(name, None, (), problem)
    return SearchedPhoto(photo.name, photo, ())


def _with_faces(
    searched: SearchedPhoto, detections: Sequence[Detection], max_faces: int | None
) -> SearchedPhoto:
    largest_first = sorted(detections, key=_area, reverse=True)
    taken = tuple(largest_first[:max_faces])
    return replace(searched, detections=taken, left_out=len(detections) - len(taken))


def _area(detection: Detection) -> float:
    left, top, right, bottom = detection.box
    return float((right - left) * (bottom - top))


def _name_and_problem(source: ImageSource, error: ImageError) -> tuple[str, str]:
    """Split the message of `open_photo`, which begins with what it calls the photo."""
    # The whole message, for as text it may be shortened within the name.
    text = str(error.args[0])
    name = str(source) if isinstance(source, str | os.PathLike) else text.partition(": ")[0]
    return name, text.removeprefix(f"{name}: ")
