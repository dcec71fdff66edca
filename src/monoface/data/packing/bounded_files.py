"""Files of strangers, read within bounds: pictures, texts, and arrays without pickled objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core import array_files
from monoface.core.array_files import ArrayHeader
from monoface.core.errors import DataError
from monoface.photos.decoding import damage_refused, decode_file

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")
MAX_TEXT_BYTES = 2**22

# As large as any picture that is decoded at all, so that none is reduced: annotations are in its pixels.
_UNREDUCED_SIDE_PX = 2**20


def read_picture(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """A picture in RGB as it is stored: EXIF rotation is not applied, for annotators did not see it.

    Raises:
        DataError: If the file is missing.
        ImageError: If it is no picture, or is damaged or too large.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: expected a picture, cannot open it ({error.strerror}).") from error
    with file, damage_refused(str(path)):
        picture = decode_file(file, str(path), _UNREDUCED_SIDE_PX).picture
        return np.array(picture.convert("RGB"))


def resized(
    image: UInt8[np.ndarray, "height width 3"], size_px: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """A picture at another width and height, antialiased."""
    if size_px == (image.shape[1], image.shape[0]):
        return image
    return np.array(Image.fromarray(image).resize(size_px, Image.Resampling.LANCZOS))


def read_lines(path: Path) -> list[str]:
    """Lines of a text file that are not empty, without blanks at their ends.

    Raises:
        DataError: If the file is missing, larger than 4 MB, or no text.
    """
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise DataError(f"{path}: expected a text of at most {MAX_TEXT_BYTES} bytes, got a larger one.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file, cannot read it ({error}).") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_points(path: Path, rows: Sequence[Sequence[str]], count: int) -> np.ndarray:
    """Points from rows of text, `(count, 2)`.

    Raises:
        DataError: If there are not `count` rows of two finite numbers.
    """
    try:
        points = np.array([[float(value) for value in row] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path}: expected {count} points, two numbers each, got: {error}.") from error
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise DataError(
            f"{path}: expected {count} points, two finite numbers each, got the shape {points.shape}."
        )
    return points


def read_npy(path: Path, shape: Sequence[int | None]) -> np.ndarray:
    """An array of numbers from an `.npy` file, as float64; see `read_npz` for `shape`.

    Raises:
        DataError: As `read_npz`.
    """
    array = array_files.read_npy(path, "a readable array")
    _check_numbers(path, path.name, ArrayHeader(array.shape, array.dtype), shape)
    return array.astype(np.float64)


def read_npz(path: Path, shapes: Mapping[str, Sequence[int | None]]) -> dict[str, np.ndarray]:
    """Named arrays of numbers of an `.npz` file.

    Args:
        path: The file. Shapes and kinds are checked in the headers, before memory is given to an array.
        shapes: By name; None stands for any length of an axis.

    Raises:
        DataError: If the file is missing or damaged, lacks an array of the name, shape and kind, or is too
            large.
    """
    what = f"a readable .npz with {sorted(shapes)}"
    with array_files.open_npz(path, what, advice="Fetch it again.") as file:
        for name, shape in shapes.items():
            _check_numbers(path, name, file.header(name), shape)
        return {name: file[name] for name in shapes}


def pictures_in(folder: Path) -> list[Path]:
    """Pictures that lie directly in a folder, by name; a link is not followed.

    Raises:
        DataError: If the folder is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of photos, found none. Check --from.")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and not path.is_symlink()
    )


def _check_numbers(path: Path, name: str, found: ArrayHeader, shape: Sequence[int | None]) -> None:
    fits = len(found.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, found.shape, strict=True)
    )
    if not fits or found.dtype.kind not in "fiu":
        raise DataError(
            f"{path}, {name}: expected numbers of shape {tuple(shape)}, got {found.dtype} of {found.shape}. "
            "None stands for any length."
        )
