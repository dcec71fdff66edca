"""A decoded picture becomes upright 8-bit sRGB pixels, no larger than wanted."""

import io
from contextlib import suppress

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import ExifTags, Image, ImageCms

from monoface.core.errors import ImageError
from monoface.photos.decoding import DAMAGE, DecodedPicture, size_within
from monoface.photos.focal import focal_of_exif
from monoface.photos.loaded import LoadedImage

# EXIF orientation: what makes the picture upright, and whether that reverses the stored x and y axis.
_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, True, False),
    3: (Image.Transpose.ROTATE_180, True, True),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, False, True),
    5: (Image.Transpose.TRANSPOSE, False, False),
    6: (Image.Transpose.ROTATE_270, False, True),
    7: (Image.Transpose.TRANSVERSE, True, True),
    8: (Image.Transpose.ROTATE_90, True, False),
}
# Modes whose pixels can be averaged as they are, and all those whose channels have a known range.
_FLAT_MODES = ("L", "RGB", "CMYK")
_MODES_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_MODES = (*_FLAT_MODES, *_MODES_16_BIT, "1", "LA", "P", "PA", "RGBA", "RGBa", "RGBX", "YCbCr", "HSV")
_TILE_SIDE_PX = 1024
_WHITE = (255, 255, 255, 255)


def normalise(decoded: DecodedPicture, name: str, max_side_px: int) -> LoadedImage:
    """Make a picture smaller than or equal to a longest side, upright and sRGB.

    Transparent parts are laid over white. Colours are converted by the embedded profile.

    Raises:
        ImageError: If the picture's mode has no known range.
    """
    picture, stored_size_px = decoded.picture, decoded.stored_size_px
    if picture.mode not in _MODES:
        raise ImageError(
            f"{name}: expected 8 or 16 bits a channel in grey, RGB or CMYK, got mode {picture.mode}, whose "
            "range is not known. Convert the picture to 8-bit RGB."
        )
    orientation = _orientation(picture)
    operation, reverses_x, reverses_y = _UPRIGHT.get(orientation, (None, False, False))
    small, scale = _reduced(decoded, (reverses_x, reverses_y), max_side_px)
    upright = small if operation is None else small.transpose(operation)
    return LoadedImage(
        image_srgb=np.array(_to_srgb(upright, picture.info.get("icc_profile"))),
        name=name,
        original_size_px=stored_size_px[::-1] if orientation >= 5 else stored_size_px,
        scale=scale,
        exif_focal_px=focal_of_exif(picture, stored_size_px),
    )


def to_8_bits(values: UInt16[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Scale 0…65535 to 0…255, rounded to the nearest."""
    # Adding half of 257 before the division rounds; the sum needs more than 16 bits.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _reduced(
    decoded: DecodedPicture, reverses: tuple[bool, bool], max_side_px: int
) -> tuple[Image.Image, float]:
    """Make a picture no longer than `max_side_px`; also the exact scale from its stored size.

    What does not fill a whole pixel is cut off at the end of each axis, or at its beginning where the axis
    will be reversed, so that the upright picture's origin stays where it is.
    """
    stored_size_px = decoded.stored_size_px
    scale = min(1.0, max_side_px / max(stored_size_px))
    factor = max(1, int(1 / (scale * decoded.divisor)))
    small = _flattened_and_averaged(decoded.picture, factor)
    if scale == 1:
        return small, scale
    sides_px = size_within(stored_size_px, max_side_px)
    reduction = decoded.divisor * factor
    (left, right), (top, bottom) = (
        _kept_span(stored / reduction, side / (scale * reduction), reverse)
        for stored, side, reverse in zip(stored_size_px, sides_px, reverses, strict=True)
    )
    return small.resize(sides_px, Image.Resampling.LANCZOS, box=(left, top, right, bottom)), scale


def _kept_span(available: float, wanted: float, reverse: bool) -> tuple[float, float]:
    kept = min(available, wanted)
    return (available - kept, available) if reverse else (0.0, kept)


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 (upright) where there is none or the EXIF data is damaged."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _flattened_and_averaged(picture: Image.Image, factor: int) -> Image.Image:
    """Average blocks of `factor` x `factor` pixels of the picture, after `_flattened`.

    It goes by tiles, so that no second picture of the full size is ever in memory.
    """
    if factor == 1 and picture.mode in _FLAT_MODES and not picture.has_transparency_data:
        return picture
    width, height = picture.size
    side = factor * max(1, _TILE_SIDE_PX // factor)
    small = None
    for top in range(0, height, side):
        for left in range(0, width, side):
            box = (left, top, min(left + side, width), min(top + side, height))
            tile = _flattened(picture.crop(box)).reduce(factor)
            if small is None:
                small = Image.new(tile.mode, (-(-width // factor), -(-height // factor)))
            small.paste(tile, (left // factor, top // factor))
    assert small is not None
    return small


def _flattened(picture: Image.Image) -> Image.Image:
    """Bring a picture to a mode whose pixels can be averaged: grey, RGB or CMYK, 8 bits, over white."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray(to_8_bits(np.asarray(picture).astype(np.uint16)))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, _WHITE)
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    if picture.mode in _FLAT_MODES:
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _to_srgb(picture: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert by the colour profile; without one, or with one that does not fit, take the colours as sRGB."""
    if icc_profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            if not ImageCms.getProfileDescription(profile).startswith("sRGB"):
                srgb = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
                return picture if converted is None else converted
    return picture.convert("RGB")
