"""JPEGs of which few pixels are decoded until all are needed."""

import io
from functools import cached_property

import numpy as np
from jaxtyping import UInt8

from monoface.photos.decoding import damage_refused, decode_file, size_within
from monoface.photos.loaded import OVERVIEW_SIDE_PX, LoadedImage
from monoface.photos.normalizing import normalise

# Files are kept while their photos are; what is larger is no photo as cameras make them.
MAX_DRAFTED_BYTES = 64 * 2**20


class DraftedImage(LoadedImage):
    """A photo whose overview was decoded at a fraction of its size, which takes a fraction of the time.

    All of its pixels are decoded when they are first asked for, and held from then on. A pickle has them.

    Args:
        encoded: Its file.
        name: What messages call it.
        max_side_px: Longest side of the working copy.

    Raises:
        ImageError: If the file is damaged.
    """

    _encoded: bytes
    _max_side_px: int
    overview: LoadedImage

    def __init__(self, encoded: bytes, name: str, max_side_px: int) -> None:
        with damage_refused(name):
            decoded = decode_file(io.BytesIO(encoded), name, OVERVIEW_SIDE_PX)
            overview = normalise(decoded, name, max(decoded.stored_size_px) // decoded.divisor)
        longest = max(overview.original_size_px)
        of_photo = {
            "name": name,
            "original_size_px": overview.original_size_px,
            "scale": min(1.0, max_side_px / longest),
            "exif_focal_px": overview.exif_focal_px,
            "overview": overview,
            "_encoded": encoded,
            "_max_side_px": max_side_px,
        }
        # The photo is as frozen as others are.
        for key, value in of_photo.items():
            object.__setattr__(self, key, value)

    @cached_property
    def image_srgb(self) -> UInt8[np.ndarray, "height width 3"]:
        """RGB, upright, decoded when it is first asked for.

        Raises:
            ImageError: If the file is damaged in what the overview did not need.
        """
        with damage_refused(self.name):
            decoded = decode_file(io.BytesIO(self._encoded), self.name, self._max_side_px)
            return normalise(decoded, self.name, self._max_side_px).image_srgb

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the working copy."""
        if self.scale == 1:
            return self.original_size_px
        return size_within(self.original_size_px, self._max_side_px)
