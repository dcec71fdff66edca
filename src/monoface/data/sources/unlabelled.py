"""Sources that are pictures only: generated faces (OMI) and generated portraits under CC0."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import UInt8

from monoface.data.sources.archive import TarImages
from monoface.data.sources.source import PhotoSource

_SUFFIX = ".webp"


@dataclass(frozen=True)
class UnlabelledPhoto:
    """One picture.

    Attributes:
        key: Its name in the source.
        image: RGB.
    """

    key: str
    image: UInt8[np.ndarray, "height width 3"]


class UnlabelledPhotos(PhotoSource[UnlabelledPhoto]):
    """All pictures of the archives in a folder.

    Args:
        folder: Holds `images-*.tar`.

    Raises:
        DataError: If there is no archive, or one is damaged.
    """

    def __init__(self, folder: Path) -> None:
        images = TarImages(folder)
        keys = [PurePosixPath(name).stem for name in images.names if name.endswith(_SUFFIX)]
        super().__init__(images, keys, _SUFFIX)

    def __getitem__(self, index: int) -> UnlabelledPhoto:
        return UnlabelledPhoto(self.keys[index], self.image(index))


class Omi(UnlabelledPhotos):
    """904 generated faces of 512 x 512 pixels, under CC BY-NC-SA 4.0.

    Reference:
        Peterson et al., "Deep models of superficial face judgments", PNAS 2022 (One Million Impressions).
    """


class PortraitsCc0(UnlabelledPhotos):
    """200 generated portraits of 384 x 384 pixels, under CC0: shipped, free assets learn from them."""
