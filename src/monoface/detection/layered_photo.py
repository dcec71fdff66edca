"""A photo of any size, of which crops are cut from as few pixels as show them well."""

import numpy as np
from jaxtyping import UInt8

from monoface.detection.crops import SquareCrop
from monoface.photos.loaded import LoadedImage

# A crop is cut from the overview if that has so many pixels for each of the crop's.
_OVERSAMPLING = 2.0


class LayeredPhoto:
    """A photo and its overview.

    Attributes:
        size_px: Width and height, which crops are measured in.

    Args:
        photo: Its pixels are asked for when a crop needs them.
    """

    def __init__(self, photo: LoadedImage) -> None:
        self.size_px = photo.size_px
        self._photo = photo
        self._zoom = photo.overview.scale / photo.scale

    def sample(self, crop: SquareCrop, size: int) -> UInt8[np.ndarray, "size size 3"]:
        """Resample a crop to `size` pixels; black outside the photo."""
        if self._zoom < 1 and crop.side_px * self._zoom >= _OVERSAMPLING * size:
            return crop.zoomed(self._zoom).sample(self._photo.overview.image_srgb, size)
        return crop.sample(self._photo.image_srgb, size)
