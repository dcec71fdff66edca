"""Pictures of a page: small enough that a page with many of them can be sent to somebody."""

import io
from collections.abc import Sequence

from PIL import Image

from monoface.viewer.contents import PictureOfPage

MOST_BYTES = 1_200_000
"""Bytes that all pictures of a page take together, before base 64 makes four of three."""

# Longest side in pixels and quality of JPEG, the finest first.
_STEPS = ((1600, 85), (1280, 82), (960, 80), (720, 78), (540, 75), (400, 70), (280, 65), (200, 60))


def encode_pictures(pictures: Sequence[PictureOfPage], most_bytes: int = MOST_BYTES) -> list[bytes]:
    """JPEG files of pictures, all as fine as they can be within so many bytes together.

    Very many pictures may take more: they do not get smaller than 200 pixels.
    """
    files: list[bytes] = []
    for longest_px, quality in _STEPS:
        files = [_encode(picture, longest_px, quality) for picture in pictures]
        if sum(map(len, files)) <= most_bytes:
            break
    return files


def _encode(picture: PictureOfPage, longest_px: int, quality: int) -> bytes:
    image = Image.fromarray(picture)
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
