"""Several looks at a face: crop, regress, crop again around what was found, mean with the mirror image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError
from monoface.facemodel import LinearPoints
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import box_of_points, next_roi, roi_of_box
from monoface.regression.found import Regression
from monoface.regression.predictor import CropPredictor, Crops

_Boxes = Float[np.ndarray, "batch 4"]


@dataclass(frozen=True)
class Passes:
    """How often a regressor looks at a face, and what changes from one look to the next.

    Points and mirror may be of a model in PyTorch; they are used in numpy.

    Attributes:
        count: Looks at each face.
        landmarks: Points of the face model (`ibug68`) around which photos are cropped again; None keeps the
            first crop.
        follow: Crop around the landmarks wherever they are, instead of keeping the first crop where they
            have run away from it (`geometry.roi.next_roi`).
        mapped: Points of the face model (`flm18`) that a network with a landmark map is shown in further
            looks; others are shown nothing.
        mirror: That of the face model, to look at mirror images too and take the mean; None does not.
        mirror_each: Whether every look has a mirror image, not only the last one.
    """

    count: int = 1
    landmarks: LinearPoints | None = None
    follow: bool = False
    mapped: LinearPoints | None = None
    mirror: CoefficientMirror | None = None
    mirror_each: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"passes: expected at least 1, got {self.count}.")
        for name in ("landmarks", "mapped", "mirror"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, given.in_numpy())


def regress_photos(
    predictor: CropPredictor,
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    boxes: Float[np.ndarray, "batch 4"],
    passes: Passes,
    shown_px: Float[np.ndarray, "batch 18 2"] | None = None,
) -> Regression:
    """Find one face in each photo; cameras are those of the photos.

    Args:
        predictor: The network.
        images: Photos in RGB, of any sizes.
        boxes: First square around each face: left, top, right, bottom edges in pixels of the photo.
        passes: How to look.
        shown_px: What a landmark map shows in the first look, in pixels of the photos; an empty map for None.
    """
    size = predictor.size_px

    def cut(boxes: _Boxes) -> Crops:
        pairs = zip(images, boxes, strict=True)
        return np.stack([crop_and_resize(image, box, size) for image, box in pairs])

    return _regress(predictor, cut, boxes, passes, shown_px)


def regress_crops(predictor: CropPredictor, crops: Crops, passes: Passes) -> Regression:
    """Find one face in each crop; all looks are at the same crops, and cameras are theirs.

    Args:
        predictor: The network.
        crops: Of its size.
        passes: How to look, without landmarks to crop around.
    """
    if passes.landmarks is not None:
        raise ConfigError("passes: expected no landmarks to crop around, for crops are not cropped again.")
    whole = np.array((0.0, 0.0, predictor.size_px, predictor.size_px))
    return _regress(predictor, lambda _: crops, np.tile(whole, (len(crops), 1)), passes, None)


def _regress(
    predictor: CropPredictor,
    cut: Callable[[_Boxes], Crops],
    boxes: _Boxes,
    passes: Passes,
    shown_px: Float[np.ndarray, "batch 18 2"] | None,
) -> Regression:
    first = boxes
    for further in range(passes.count - 1, -1, -1):
        mapped_px = None if shown_px is None else photo_to_crop(shown_px, boxes, predictor.size_px)
        mirror = passes.mirror if passes.mirror_each or not further else None
        found = predictor.predict(cut(boxes), mapped_px, mirror=mirror).in_photo(boxes, predictor.size_px)
        if not further:
            break
        if passes.landmarks is not None:
            boxes = _boxes_around(found.landmarks_px(passes.landmarks), first, passes.follow)
        if passes.mapped is not None and predictor.sees_landmarks:
            shown_px = found.landmarks_px(passes.mapped)
    return found


def _boxes_around(points_px: Float[np.ndarray, "batch points 2"], first: _Boxes, follow: bool) -> _Boxes:
    if follow:
        return roi_of_box(box_of_points(points_px))
    return np.stack([next_roi(*pair) for pair in zip(points_px, first, strict=True)])
