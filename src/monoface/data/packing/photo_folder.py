"""A plain folder of photos without annotations, such as generated faces."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from monoface.core.errors import DataError, ImageError
from monoface.core.names import one_line, result_stem
from monoface.core.progress import say
from monoface.data.packing.bounded_files import pictures_in, read_picture, resized
from monoface.data.packing.original_photo import OriginalPhoto, PackConfig, ReadOriginal


def read_photo_folder(side_px: int) -> ReadOriginal:
    """A reader of the square photos in a folder, made smaller to a side.

    The key is the file's stem, as `result_stem` writes it. Photos that cannot be read are told of and left
    out.
    """
    return partial(_read, side_px)


def _read(side_px: int, folder: Path, config: PackConfig) -> Iterator[OriginalPhoto]:
    for path in pictures_in(folder)[:: config.every]:
        try:
            image = read_picture(path)
        except (ImageError, DataError) as error:
            say(one_line(f"left out: {error}"))
            continue
        height, width = image.shape[:2]
        if height != width or height < side_px:
            raise DataError(
                f"{path}: expected a square photo of at least {side_px} px, got {width} x {height}. "
                "Cut it first."
            )
        yield OriginalPhoto(result_stem(path.stem), resized(image, (side_px, side_px)))
