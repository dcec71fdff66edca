"""Open and decode picture files within bounded memory, and refuse what is none, is damaged or too large."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from monoface.core.errors import ImageError

PictureFile = BinaryIO | io.BytesIO
"""An encoded picture, open for reading."""

# What a picture may take once decoded, so that a photo's peak stays below the budget of 1.2 GB.
MAX_DECODED_BYTES = 512 * 2**20
# What a picture may claim to have, even where reduced decoding would make it fit: more takes too long.
MAX_STORED_PIXELS = 10**9

# Formats that photos come in. The list is short on purpose: among the many that Pillow opens there are some
# that run other programs (EPS).
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
_FORMATS_TEXT = "JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, AVIF, or HEIF with the extra monoface[heif]"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# What Pillow and the libraries below it raise when a file is damaged or malicious.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# What Pillow says of TIFF files with such pixels.
_UNKNOWN_PIXELS = "unknown pixel mode"

# Bytes a pixel in Pillow's memory; everything with several channels takes four.
_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
# Decoders that hold the whole picture once more, beside Pillow's own copy.
_DECODER_COPIES = {"WEBP": 2, "AVIF": 2, "HEIF": 2}


@dataclass(frozen=True)
class DecodedPicture:
    """A Pillow picture, perhaps decoded at a fraction of the size it is stored in.

    Attributes:
        picture: In its own mode, not yet turned by EXIF.
        stored_size_px: Width and height as stored, before EXIF rotation.
        divisor: How many times smaller than stored `picture` is; a last, partial pixel is kept.
    """

    picture: Image.Image
    stored_size_px: tuple[int, int]
    divisor: int


def decode_file(file: PictureFile, name: str, wanted_side_px: int) -> DecodedPicture:
    """Decode the first picture in a file.

    A JPEG larger than wanted is decoded at 1/2, 1/4 or 1/8 of its size, which saves time and memory.

    Args:
        file: Open for reading, at its beginning.
        name: What messages call the file.
        wanted_side_px: The longest side need not be larger than this.

    Raises:
        ImageError: If the file is no picture, or is too large to decode. What a damaged one raises, and that
            may be many things, `damage_refused` turns into an `ImageError`.
    """
    opened = open_file(file, name, wanted_side_px)
    opened.picture.load()
    # Pillow turns a TIFF upright while it loads it.
    return opened if opened.divisor > 1 else replace(opened, stored_size_px=opened.picture.size)


def open_file(file: PictureFile, name: str, wanted_side_px: int) -> DecodedPicture:
    """As `decode_file`, but what is told of the picture's pixels is only read when it is loaded.

    Raises:
        ImageError: As `decode_file`.
    """
    picture = _open(file, name)
    _refuse_too_many_pixels(picture.size, name)
    decoder_bytes = _progressive_jpeg_bytes(picture)
    stored_size_px, divisor = picture.size, 1
    if isinstance(picture, JpegImageFile) and max(picture.size) > wanted_side_px:
        drafted = picture.draft(None, size_within(picture.size, wanted_side_px))
        divisor = round(stored_size_px[0] / drafted[1][2]) if drafted else 1
    _refuse_too_many_bytes(picture, decoder_bytes, stored_size_px, name)
    return DecodedPicture(picture, stored_size_px, divisor)


def stored_size_px(file: PictureFile, name: str) -> tuple[int, int]:
    """Width and height of the first picture in a file, as its header tells them, before EXIF rotation.

    Raises:
        ImageError: If the file is no picture, or its header is damaged.
    """
    with damage_refused(name):
        return _open(file, name).size


def decode_picture(picture: Image.Image, name: str) -> DecodedPicture:
    """Load a Pillow picture that the caller opened or made.

    Raises:
        ImageError: If it is too large to decode. Use it inside `damage_refused`, as `decode_file`.
    """
    _refuse_too_many_pixels(picture.size, name)
    _refuse_too_many_bytes(picture, 0, picture.size, name)
    picture.load()
    return DecodedPicture(picture, picture.size, 1)


def size_within(size_px: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """Width and height scaled to a longest side: whole pixels that lie inside the picture, at least one."""
    width, height = size_px
    longest = max(size_px)
    return max(1, width * max_side_px // longest), max(1, height * max_side_px // longest)


@contextmanager
def damage_refused(name: str) -> Iterator[None]:
    """Turn whatever decoders raise at a damaged picture into an `ImageError` of one line."""
    try:
        yield
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{name}: expected a picture that fits into memory, got one that is too large. Make it smaller."
        ) from error
    except DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ImageError(
            f"{name}: expected a whole picture, got a damaged or incomplete one ({reason}). "
            "Use the original file, or open and save it again in a picture editor."
        ) from error


def _open(file: PictureFile, name: str) -> Image.Image:
    """Read a picture's header, like `Image.open` but with limits of our own.

    Pillow's limit is a global, and counts pixels before it is known that a JPEG will be decoded at 1/8.
    """
    Image.init()
    head = file.read(16)
    if not head:
        raise ImageError(f"{name}: expected a picture, got an empty file. Copy or download it again.")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return _open_heif(file, name)
    for format_name in _FORMATS:
        factory, accept = Image.OPEN.get(format_name, (None, None))
        if factory is not None and accept is not None and accept(head) is True:
            file.seek(0)
            with _unknown_pixels_refused(name):
                return factory(file, "")
    raise ImageError(
        f"{name}: expected a picture ({_FORMATS_TEXT}), got something else. "
        "Its content counts, not its name; convert it to JPEG or PNG."
    )


@contextmanager
def _unknown_pixels_refused(name: str) -> Iterator[None]:
    """Say what is expected where a picture is whole, but of a kind of pixels that Pillow does not know."""
    try:
        yield
    except SyntaxError as error:
        if str(error) != _UNKNOWN_PIXELS:
            raise
        raise ImageError(
            f"{name}: expected 8 or 16 bits a channel in grey, RGB or CMYK, got other pixels, such as"
            " floating point. Convert the picture to 8-bit or 16-bit RGB."
        ) from error


def _open_heif(file: PictureFile, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ImageError(
            f"{name}: expected a picture that can be read without extras, got HEIF. "
            "Install the extra monoface[heif], or convert it to JPEG."
        ) from error
    file.seek(0)
    picture: Image.Image = HeifImageFile(file)
    return picture


def _refuse_too_many_pixels(size_px: tuple[int, int], name: str) -> None:
    width, height = size_px
    if width * height > MAX_STORED_PIXELS:
        raise ImageError(
            f"{name}: expected at most {MAX_STORED_PIXELS / 1e6:.0f} megapixels, got {width} x {height}. "
            "Make the picture smaller."
        )
    if width * height == 0:
        raise ImageError(f"{name}: expected at least one pixel, got {width} x {height}.")


def _progressive_jpeg_bytes(picture: Image.Image) -> int:
    """Bytes that the coefficients of a progressive JPEG take: all are kept, however small it is decoded."""
    if not isinstance(picture, JpegImageFile) or not picture.info.get("progressive"):
        return 0
    width, height = picture.size
    # 16 bits for each; 4:2:2 keeps half of the colour, 4:2:0 a quarter.
    per_pixel = {1: 2.0, 2: 1.5}.get(get_sampling(picture), float(len(picture.getbands())))
    return round(2 * per_pixel * width * height)


def _refuse_too_many_bytes(
    picture: Image.Image, decoder_bytes: int, stored_size_px: tuple[int, int], name: str
) -> None:
    width, height = picture.size
    pixel_bytes = _BYTES_PER_PIXEL.get(picture.mode, 4) * _DECODER_COPIES.get(picture.format or "", 1)
    needed = decoder_bytes + pixel_bytes * width * height
    if needed > MAX_DECODED_BYTES:
        stored = " x ".join(str(side) for side in stored_size_px)
        raise ImageError(
            f"{name}: expected at most {MAX_DECODED_BYTES / 1e6:.0f} MB once decoded, got {stored} pixels "
            f"that take {needed / 1e6:.0f} MB. Make the picture smaller, or save it as a baseline JPEG."
        )
