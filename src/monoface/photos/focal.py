"""Focal lengths of photos: from their field of view, or from what the camera wrote into EXIF."""

import math
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from monoface.core.errors import ConfigError
from monoface.photos.decoding import DAMAGE

# Across the longer side: from telescopes to the widest lenses without fisheye distortion.
_LEAST_DEG, _MOST_DEG = 1.0, 140.0
# Diagonal of a frame of 36 x 24 mm, by which CIPA DCG-001 defines the equivalent focal length.
_FRAME_DIAGONAL_MM = math.hypot(36, 24)
_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}
_INCH = 2


def focal_of_field_of_view(field_of_view_deg: float, size_px: tuple[int, int]) -> float:
    """Focal length in pixels of a photo that spans an angle across its longer side.

    Raises:
        ConfigError: If it is no angle that a lens without distortion sees.
    """
    check_field_of_view(field_of_view_deg)
    return max(size_px) / 2 / math.tan(math.radians(field_of_view_deg) / 2)


def check_field_of_view(field_of_view_deg: float) -> None:
    """Refuse angles that no lens without distortion sees.

    Raises:
        ConfigError: If it is one.
    """
    if not _LEAST_DEG <= field_of_view_deg <= _MOST_DEG:
        raise ConfigError(
            f"field_of_view_deg: expected {_LEAST_DEG:.0f} to {_MOST_DEG:.0f} degrees across the photo's "
            f"longer side, got {field_of_view_deg}."
        )


def focal_of_exif(picture: Image.Image, size_px: tuple[int, int]) -> float | None:
    """Focal length in pixels by a picture's EXIF data: None where they do not tell, or nothing possible.

    The focal length in terms of 35 mm film comes first, for it stays true when a photo is made smaller. Else
    it is that of the lens over the pitch of the sensor's pixels. Both are wrong for photos that were cropped.

    Args:
        picture: Holds the data.
        size_px: Width and height of the whole picture, turned either way.
    """
    try:
        tags = picture.getexif().get_ifd(ExifTags.IFD.Exif)
        focal_px = _by_film(tags, size_px) or _by_sensor(tags, size_px)
        possible = focal_px is not None and (
            _LEAST_DEG <= math.degrees(2 * math.atan(max(size_px) / 2 / focal_px)) <= _MOST_DEG
        )
    except DAMAGE:
        return None
    return focal_px if possible else None


def _by_film(tags: Mapping[int, Any], size_px: tuple[int, int]) -> float | None:
    equivalent_mm = float(tags.get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
    # Zero means unknown.
    return equivalent_mm * math.hypot(*size_px) / _FRAME_DIAGONAL_MM if equivalent_mm > 0 else None


def _by_sensor(tags: Mapping[int, Any], size_px: tuple[int, int]) -> float | None:
    focal_mm = float(tags.get(ExifTags.Base.FocalLength, 0))
    per_unit = float(tags.get(ExifTags.Base.FocalPlaneXResolution, 0))
    unit_mm = _MM_PER_UNIT.get(int(tags.get(ExifTags.Base.FocalPlaneResolutionUnit, _INCH)))
    if unit_mm is None or not (focal_mm > 0 and per_unit > 0):
        return None
    sides = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight
    taken_px = max(int(tags.get(side, 0)) for side in sides)
    # A photo that was made smaller since has larger pixels than the sensor.
    return focal_mm * per_unit / unit_mm * (max(size_px) / taken_px if taken_px > 0 else 1.0)
