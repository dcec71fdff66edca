"""Heads that are turned in the picture plane: looked at upright, and what was found turned back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from monoface.detection.crops import SquareCrop, roll_of_landmarks
from monoface.geometry.roi import SIDE_PER_BOX
from monoface.regression.found import Regression
from monoface.regression.passes import Passes, regress_photos
from monoface.regression.predictor import CropPredictor

# An upright picture shows so many sides of the crop, for further crops may be larger, and has so many pixels
# to a pixel of the crop, that resampling twice does not blur.
_MARGIN, _OVERSAMPLING = 2.0, 2
# Heads that lie further from upright in their crops are looked at again: keypoints were wrong there.
_FALLEN_RAD = math.radians(35)
# Heads may be upside down that are found turned by more than that, or that the detector is no surer of than
# that: of those that deceived it, it was sure by 0.84 to 0.88.
_TURNED_RAD = math.radians(25)
_SURE_SCORE = 0.9

RightsFaces = Callable[[Sequence[tuple[UInt8[np.ndarray, "_ _ 3"], SquareCrop]]], Sequence[SquareCrop | None]]
"""Where faces are that are the other way up than they were found: `detection.upside_down.UpsideDownCheck`."""


@dataclass(frozen=True, eq=False)
class TurnedFace:
    """Where a face is, and how it may be turned.

    Attributes:
        image: Photo in RGB.
        crops: Squares for a regressor, one, or one for each roll that the head may have.
        score: Probability of a face, by the detector.
    """

    image: UInt8[np.ndarray, "_ _ 3"]
    crops: Sequence[SquareCrop]
    score: float = 1.0


def regress_turned(
    predictor: CropPredictor,
    faces: Sequence[TurnedFace],
    passes: Passes,
    rights: RightsFaces | None = None,
) -> Regression:
    """Find faces whose heads may have any roll; cameras are those of the photos.

    A turned crop is looked at in an upright picture. A head that is found far from upright in its crop is
    looked at once more, upright. Of several looks at a face the one counts in which the regressor expects the
    least error. What is then said to be upside down is looked at the other way up, and that look counts.

    Args:
        predictor: The network.
        faces: One for each row of the result.
        passes: How to look. Without `landmarks`, what is far from upright is not looked at again.
        rights: Asked of heads that are found turned or are doubtful; without it, none is upside down.
    """
    rows = [row for row, face in enumerate(faces) for _ in face.crops]
    crops = [crop for face in faces for crop in face.crops]
    images = [faces[row].image for row in rows]
    found = _look_at(predictor, images, crops, passes)
    if passes.landmarks is not None:
        upright = _upright_crops(found, passes)
        fallen = [place for place, crop in enumerate(crops) if _apart(crop, upright[place]) > _FALLEN_RAD]
        if fallen:
            again = [upright[place] for place in fallen]
            second = _look_at(predictor, [images[place] for place in fallen], again, passes)
            found, rows = found.joined(second), rows + [rows[place] for place in fallen]
    if len(rows) > len(faces):
        found = found[_surest(found.log_error, np.array(rows))]
    if rights is None or passes.landmarks is None:
        return found
    return _the_right_way_up(predictor, found, faces, passes, rights)


def _the_right_way_up(
    predictor: CropPredictor,
    found: Regression,
    faces: Sequence[TurnedFace],
    passes: Passes,
    rights: RightsFaces,
) -> Regression:
    """Faces as they were found, but for those that are upside down."""
    crops = _upright_crops(found, passes)
    doubtful = [
        row
        for row, (face, crop) in enumerate(zip(faces, crops, strict=True))
        if face.score < _SURE_SCORE or abs(_wrapped(crop.roll_rad)) > _TURNED_RAD
    ]
    righted = zip(doubtful, rights([(faces[row].image, crops[row]) for row in doubtful]), strict=True)
    again = {row: crop for row, crop in righted if crop is not None}
    if not again:
        return found
    second = _look_at(predictor, [faces[row].image for row in again], list(again.values()), passes)
    chosen = np.arange(len(found))
    chosen[list(again)] = len(found) + np.arange(len(again))
    return found.joined(second)[chosen]


def _upright_crops(found: Regression, passes: Passes) -> list[SquareCrop]:
    """Squares around the landmarks of faces, turned as their heads are."""
    assert passes.landmarks is not None
    points_px = found.landmarks_px(passes.landmarks).astype(np.float64)
    return [SquareCrop.around_points(one, SIDE_PER_BOX, roll_of_landmarks(one)) for one in points_px]


def _look_at(
    predictor: CropPredictor,
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    crops: Sequence[SquareCrop],
    passes: Passes,
) -> Regression:
    """What is found in each crop; cameras are those of the photos."""
    looks = [_Look.of(*pair, predictor.size_px) for pair in zip(images, crops, strict=True)]
    boxes = np.stack([look.box for look in looks])
    return _in_photos(regress_photos(predictor, [look.image for look in looks], boxes, passes), looks)


def _apart(first: SquareCrop, second: SquareCrop) -> float:
    """Angle between two crops, 0 to pi."""
    return abs(_wrapped(first.roll_rad - second.roll_rad))


def _wrapped(angle_rad: float) -> float:
    """The same angle in [-pi, pi)."""
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


@dataclass(frozen=True, eq=False)
class _Look:
    """A picture to look at, and how it lies in its photo.

    Attributes:
        image: The photo itself, or an upright picture of a part of it.
        box: First square around the face in the picture.
        upright: Of an upright picture, its square in the photo; None for the photo itself.
    """

    image: UInt8[np.ndarray, "_ _ 3"]
    box: Float[np.ndarray, " 4"]
    upright: SquareCrop | None = None

    @classmethod
    def of(cls, image: UInt8[np.ndarray, "_ _ 3"], crop: SquareCrop, size_px: int) -> "_Look":
        if not crop.roll_rad:
            half = crop.side_px / 2
            x, y = crop.centre_px
            return cls(image, np.array((x - half, y - half, x + half, y + half)))
        wide = replace(crop, side_px=_MARGIN * crop.side_px)
        side = min(math.ceil(wide.side_px), round(_MARGIN * _OVERSAMPLING * size_px))
        inner = (np.array((-1, -1, 1, 1)) / _MARGIN + 1) * side / 2
        return cls(wide.sample(Image.fromarray(image), side), inner, wide)


def _in_photos(found: Regression, looks: Sequence[_Look]) -> Regression:
    """What was found in pictures, in the photos that these are of."""
    if all(look.upright is None for look in looks):
        return found
    whole = SquareCrop((0.0, 0.0), 0.0)
    squares = [look.upright or whole for look in looks]
    zoom = _floats(
        [1.0 if look.upright is None else look.image.shape[0] / look.upright.side_px for look in looks]
    )
    centre_px = _floats([square.centre_px for square in squares])
    corner_px = centre_px - _floats([[square.side_px / 2] for square in squares])
    roll_rad = _floats([square.roll_rad for square in squares])
    return found.uncropped(corner_px, zoom).turned(roll_rad, centre_px)


def _floats(values: Sequence[object]) -> Float[np.ndarray, "..."]:
    return np.array(values, np.float32)


def _surest(
    log_error: Float[np.ndarray, " looks"], rows: Int[np.ndarray, " looks"]
) -> Int[np.ndarray, " faces"]:
    """Of the looks at each face, those that expect the least error."""
    order = np.lexsort((log_error, rows))
    return order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
