"""A plain folder of photos without annotations, such as generated faces."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from monoface.core.errors import DataError
from monoface.core.names import result_stem
from monoface.data.packing.bounded_files import pictures_in, read_picture, resized
from monoface.data.packing.original_photo import LeftOut, OriginalPhoto, PackConfig, ReadOriginal, attempt


def read_photo_folder(side_px: int) -> ReadOriginal:
    """A reader of the square photos in a folder, made smaller to a side.

    The key is the file's stem, as `result_stem` writes it.
    """
    return partial(_read, side_px)


def _read(side_px: int, folder: Path, config: PackConfig) -> Iterator[OriginalPhoto | LeftOut]:
    for path in pictures_in(folder)[:: config.every]:
        image = attempt(partial(read_picture, path))
        if isinstance(image, LeftOut):
            yield image
            continue
        height, width = image.shape[:2]
        if height != width or height < side_px:
            raise DataError(
                f"{path}: expected a square photo of at least {side_px} px, got {width} x {height}. "
                "Cut it first."
            )
        yield OriginalPhoto(result_stem(path.stem), resized(image, (side_px, side_px)))
