"""Read a photo once, at the boundary: path, Pillow image, array or tensor in; upright sRGB pixels out."""

import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from monoface.core.arrays import is_tensor, numpy_of
from monoface.core.errors import ImageError
from monoface.photos.copied import CopiedImage
from monoface.photos.decoding import damage_refused, decode_file, decode_picture, open_file
from monoface.photos.drafted import MAX_DRAFTED_BYTES, DraftedImage
from monoface.photos.loaded import OVERVIEW_SIDE_PX, LoadedImage
from monoface.photos.normalizing import normalise, to_8_bits

__all__ = ["MAX_SIDE_PX", "ImageSource", "LoadedImage", "open_photo", "read_image"]


@runtime_checkable
class AsArray(Protocol):
    """What numpy can make an array of; tensors are such."""

    def __array__(self) -> Any:
        """The array."""
        ...


ImageSource = str | os.PathLike[str] | Image.Image | np.ndarray | AsArray
"""What a photo can be given as; `read_image` says what is expected of each."""

MAX_SIDE_PX = 4096
"""Longest side of the working copy of a photo."""

# Resampling may overshoot [0, 1] a little; half a step of 8 bits is no more than rounding.
_RANGE_TOLERANCE = 0.5 / 255
_CHANNELS = (1, 3, 4)
# Also as `pathlib` has it, with one slash; not a drive's letter.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def read_image(source: ImageSource, *, max_side_px: int = MAX_SIDE_PX) -> LoadedImage:
    """Read a photo into upright 8-bit sRGB.

    - A file or Pillow image: EXIF rotation is applied; of an animation the first frame is taken; 16 bits are
      scaled to 8; transparent parts are laid over white; colours are converted to sRGB by the embedded
      profile, and taken as sRGB without one. A picture of any size from 1 x 1 is a picture: whether it shows
      a face is not decided here.
    - An array: `(height, width)` or `(height, width, channels)`, grey, RGB or RGBA (not BGR, as OpenCV has
      it); uint8, uint16 over its full range, or floats in [0, 1]; sRGB.
    - A tensor: the same values as `(channels, height, width)`, on any device.

    A photo larger than `max_side_px` is made smaller; what is found in it is taken back to the original by
    `LoadedImage.to_original_px`.

    Args:
        source: The photo.
        max_side_px: Longest side of the working copy.

    Raises:
        ImageError: If the photo is missing, no picture, damaged, too large to decode within memory, or an
            array or tensor of another shape, type or range.
    """
    if isinstance(source, Image.Image):
        name = str(getattr(source, "filename", "")) or "Pillow image"
        return _loaded(source, name, max_side_px)
    if is_tensor(source):
        return _loaded_pixels(_pixels_of_tensor(source), "tensor", max_side_px)
    if isinstance(source, str | os.PathLike):
        return _read_file(source, max_side_px)
    return _loaded_pixels(_pixels_of_array(np.asarray(source), "array"), "array", max_side_px)


def open_photo(source: ImageSource) -> LoadedImage:
    """Read a photo as `read_image` does, but of a large one no more than an overview at once.

    The rest of a JPEG file is decoded when its pixels are asked for, if ever: faces that are large enough do
    without. An array is copied meanwhile: it must stay as it is until `LoadedImage.finish`.

    Raises:
        ImageError: As `read_image`.
    """
    if isinstance(source, np.ndarray) and _is_worth_an_overview(source):
        return CopiedImage(source, "array")
    if not isinstance(source, str | os.PathLike):
        return read_image(source)
    name = str(source)
    with _opened(source) as file, damage_refused(name):
        if not _is_worth_drafting(file, name):
            return normalise(decode_file(file, name, MAX_SIDE_PX), name, MAX_SIDE_PX)
        return DraftedImage(file.read(), name, MAX_SIDE_PX)


def _is_worth_an_overview(array: np.ndarray) -> bool:
    """Whether an array is a photo that is copied as it is, and has an overview."""
    is_photo = array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size > 0
    return is_photo and 2 * OVERVIEW_SIDE_PX <= max(array.shape) <= MAX_SIDE_PX


def _is_worth_drafting(file: BinaryIO, name: str) -> bool:
    """Whether a file is a JPEG, as cameras make them, that is smaller when it is decoded for an overview.

    The file is at its beginning, before and after.
    """
    opened = open_file(file, name, MAX_SIDE_PX)
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return (
        isinstance(opened.picture, JpegImageFile)
        and max(opened.stored_size_px) >= 2 * OVERVIEW_SIDE_PX
        and file_bytes <= MAX_DRAFTED_BYTES
    )


def _loaded(picture: Image.Image, name: str, max_side_px: int) -> LoadedImage:
    with damage_refused(name):
        return normalise(decode_picture(picture, name), name, max_side_px)


def _loaded_pixels(pixels: UInt8[np.ndarray, "..."], name: str, max_side_px: int) -> LoadedImage:
    if pixels.shape[2:] == (3,) and max(pixels.shape) <= max_side_px:
        # It is what `normalise` would make of it.
        return LoadedImage(pixels.copy(), name, (pixels.shape[1], pixels.shape[0]), 1.0)
    return _loaded(Image.fromarray(pixels), name, max_side_px)


def _read_file(source: str | os.PathLike[str], max_side_px: int) -> LoadedImage:
    name = str(source)
    with _opened(source) as file, damage_refused(name):
        return normalise(decode_file(file, name, max_side_px), name, max_side_px)


def _opened(source: str | os.PathLike[str]) -> BinaryIO:
    path = Path(source)
    name = str(source)
    try:
        # One look for all that follows, for a file may vanish at any time.
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise ImageError(f"{name}: expected a picture, got a folder. Name the pictures in it.")
        if not stat.S_ISREG(kind):
            raise ImageError(f"{name}: expected a picture, got a device or pipe. Save the picture as a file.")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        # A name with a null byte, which no file has, is a ValueError.
        found, advice = "no such file", "Check the path."
        if path.is_symlink():
            found = "a link that leads nowhere"
        elif _ADDRESS.match(name):
            found, advice = "an address", "Download the picture, and name its file."
        raise ImageError(f"{name}: expected a picture, found {found}. {advice}") from error
    except OSError as error:
        # Without permission, too long a name, a circle of links, a disk that fails.
        reason = error.strerror or str(error)
        raise ImageError(f"{name}: cannot be opened ({reason}). Check its name and permissions.") from error


def _pixels_of_tensor(tensor: Any) -> UInt8[np.ndarray, "..."]:
    if tensor.ndim != 3 or tensor.shape[0] not in _CHANNELS:
        raise ImageError(
            f"tensor: expected shape (channels, height, width) with 1, 3 or 4 channels, got "
            f"{tuple(tensor.shape)}. {_shape_advice(tensor.shape, channels_axis=-1)}"
        )
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()
    return _pixels_of_array(numpy_of(tensor).transpose(1, 2, 0), "tensor")


def _pixels_of_array(array: np.ndarray, name: str) -> UInt8[np.ndarray, "..."]:
    """Check an image array and bring it to 8 bits, `(height, width)` or `(height, width, 3 or 4)`."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        raise ImageError(
            f"{name}: expected shape (height, width) or (height, width, channels) with 1, 3 or 4 channels, "
            f"got {array.shape}. {_shape_advice(array.shape, channels_axis=0)}"
        )
    if array.size == 0:
        raise ImageError(f"{name}: expected at least one pixel, got shape {array.shape}.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]

    if array.dtype == np.uint8:
        pixels = array
    elif array.dtype == np.uint16:
        pixels = to_8_bits(array)
    elif np.issubdtype(array.dtype, np.floating):
        pixels = _floats_to_8_bits(array, name)
    else:
        raise ImageError(
            f"{name}: expected uint8, uint16 or floats in [0, 1], got {array.dtype}. "
            "Convert the values to one of these."
        )
    return np.ascontiguousarray(pixels)


def _floats_to_8_bits(array: Float[np.ndarray, "..."], name: str) -> UInt8[np.ndarray, "..."]:
    finite = np.isfinite(array)
    if not finite.all():
        raise ImageError(
            f"{name}: expected finite values, got {np.count_nonzero(~finite)} that are NaN or infinite. "
            "Replace them first."
        )
    low, high = float(array.min()), float(array.max())
    if low < -_RANGE_TOLERANCE or high > 1 + _RANGE_TOLERANCE:
        advice = "Divide by 255, or convert to uint8." if low >= 0 and high <= 255 else "Rescale the values."
        raise ImageError(
            f"{name}: expected floats in [0, 1], got values from {low:.4g} to {high:.4g}. {advice}"
        )
    return np.rint(array.clip(0, 1) * 255).astype(np.uint8)


def _shape_advice(shape: tuple[int, ...], channels_axis: int) -> str:
    """What to do about a wrong shape, where `channels_axis` is where people put the channels by mistake."""
    if len(shape) == 4:
        return "Give the photos of a batch one by one."
    if len(shape) == 3 and shape[channels_axis] in _CHANNELS:
        return "Arrays have their channels last, tensors first: permute the axes."
    return "Give one RGB photo."
