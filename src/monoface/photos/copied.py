"""Large arrays whose copy is made while they are looked at."""

from functools import cached_property
from threading import Thread

import numpy as np
from jaxtyping import UInt8

from monoface.photos.loaded import LoadedImage


class CopiedImage(LoadedImage):
    """A photo given as an array: its overview is made at once, the copy of its pixels on a thread.

    Until `finish` returns, the array must stay as it is.

    Args:
        image: RGB, no longer than a working copy may be.
        name: What messages call it.
    """

    _copy: UInt8[np.ndarray, "height width 3"]
    _thread: Thread

    def __init__(self, image: UInt8[np.ndarray, "height width 3"], name: str) -> None:
        height, width, _ = image.shape
        copy = np.empty_like(image)
        thread = Thread(target=np.copyto, args=(copy, image), name="monoface-copy")
        of_photo = {
            "name": name,
            "original_size_px": (width, height),
            "scale": 1.0,
            "exif_focal_px": None,
            "_copy": copy,
            "_thread": thread,
        }
        # The photo is as frozen as others are.
        for key, value in of_photo.items():
            object.__setattr__(self, key, value)
        # Before the copy begins, for both are bound by the same memory.
        self.__dict__["overview"] = LoadedImage(image, name, (width, height), 1.0).overview
        thread.start()

    @cached_property
    def image_srgb(self) -> UInt8[np.ndarray, "height width 3"]:
        """RGB, shared with nobody; waits for the copy."""
        self.finish()
        return self._copy

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.original_size_px

    def finish(self) -> None:
        """Wait for the copy."""
        self._thread.join()
