"""Photos whose pixels stay in their files, for many of them at a time."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import ImageError
from monoface.photos.loaded import LoadedImage
from monoface.photos.reading import read_image


class FiledImage(LoadedImage):
    """A photo that is read from its file whenever its pixels are asked for, and is not held.

    A pickle has the pixels.

    Args:
        loaded: The photo, as `read_image` read it.
        path: Its file.
    """

    _path: Path
    _size_px: tuple[int, int]

    def __init__(self, loaded: LoadedImage, path: str | os.PathLike[str]) -> None:
        others = {one.name: getattr(loaded, one.name) for one in fields(loaded) if one.name != "image_srgb"}
        # The photo is as frozen as others are.
        for name, value in {**others, "_path": Path(path), "_size_px": loaded.size_px}.items():
            object.__setattr__(self, name, value)

    @property
    def image_srgb(self) -> UInt8[np.ndarray, "height width 3"]:
        """RGB, upright, read anew.

        Raises:
            ImageError: If the file is no longer the photo.
        """
        pixels = read_image(self._path).image_srgb
        if pixels.shape[1::-1] != self._size_px:
            raise ImageError(
                f"{self.name}: expected the photo of {self._size_px} pixels that was read before, got one of "
                f"{pixels.shape[1::-1]}. Leave photos as they are until all is written."
            )
        return pixels

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the working copy."""
        return self._size_px

    def __reduce__(self) -> tuple[Any, ...]:
        return LoadedImage, tuple(getattr(self, one.name) for one in fields(LoadedImage))
