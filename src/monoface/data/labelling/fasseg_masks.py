"""Labelled heads of `fasseg`: photos and masks, cut as the pipeline would cut the photos."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from monoface.data.packs.parsing_pack import ParsingPack
from monoface.data.packs.photo_pack import CANVAS_PX, canvas_box
from monoface.data.sources.fasseg import FRONTAL_SET, Fasseg
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.geometry.crops import crop_and_resize
from monoface.geometry.roi import box_of_points, roi_of_box
from monoface.networks import PARSING_CLASSES, Regressor
from monoface.regression import CropPredictor, Passes, regress_photos

_FEATURES = tuple(PARSING_CLASSES.index(name) for name in ("eyes", "nose", "mouth"))
# The box of eyes, nose and mouth against the face's crop, and how often the regressor looks again.
_CROP_OVER_FEATURES = 2.4
_LOOKS = 4
_BATCH = 64


@dataclass(frozen=True)
class LabelledHeads:
    """The photos of `fasseg` as canvases.

    Attributes:
        pack: Pictures and masks.
        yaw_deg: Turn of each head.
        person: Number of the person; photos of the frontal set have negative numbers of their own, for its
            people are not told apart.
        held_out: Which are kept for validation.
    """

    pack: ParsingPack
    yaw_deg: Float[np.ndarray, " samples"]
    person: Int[np.ndarray, " samples"]
    held_out: Bool[np.ndarray, " samples"]


def read_labelled_heads(
    folder: Path, model: FaceModel, regressor: Regressor, held_out_people: int = 4, held_out_frontal: int = 5
) -> LabelledHeads:
    """Cut the photos of `fasseg` as the pipeline would.

    Args:
        folder: Of the source.
        model: The regressor's face model.
        regressor: Finds the faces, beginning from the mask's eyes, nose and mouth.
        held_out_people: So many of the people seen from all sides are kept for validation: the last ones.
        held_out_frontal: So is every n-th photo of the frontal set, from the first on.

    Raises:
        DataError: If the source is missing or damaged.
    """
    photos = list(Fasseg(folder))
    masks = [photo.mask for photo in photos]
    starts = np.stack([_starting_box(mask) for mask in masks])
    images = [photo.image for photo in photos]
    boxes = canvas_box(find_crops(images, starts, model, regressor))
    canvases = [crop_and_resize(image, box, CANVAS_PX) for image, box in zip(images, boxes, strict=True)]
    cut = [_cut_mask(mask, box) for mask, box in zip(masks, boxes, strict=True)]
    person = np.array([photo.person for photo in photos])
    frontal = np.flatnonzero(person == FRONTAL_SET)
    people = np.unique(person[person != FRONTAL_SET])
    held_out = np.isin(person, people[len(people) - held_out_people :])
    held_out[frontal[::held_out_frontal]] = True
    person[frontal] = -1 - np.arange(len(frontal))
    pack = ParsingPack("fasseg", np.stack(canvases), np.stack(cut))
    return LabelledHeads(pack, np.array([photo.yaw_deg for photo in photos]), person, held_out)


def find_crops(
    images: list[UInt8[np.ndarray, "height width 3"]],
    boxes: Float[np.ndarray, "photos 4"],
    model: FaceModel,
    regressor: Regressor,
) -> Float[np.ndarray, "photos 4"]:
    """Boxes of the faces' crops, found by looking again and again from rough ones."""
    landmarks = model.subset(model.landmarks("ibug68"))
    predictor = CropPredictor.of_network(regressor, CoefficientLayout.of(model))
    passes = Passes(_LOOKS, landmarks=landmarks, follow=True)
    found = []
    for start in range(0, len(images), _BATCH):
        rows = slice(start, start + _BATCH)
        found.append(regress_photos(predictor, images[rows], boxes[rows], passes).landmarks_px(landmarks))
    return roi_of_box(box_of_points(np.concat(found)))


def _starting_box(mask: UInt8[np.ndarray, "height width"]) -> Float[np.ndarray, " 4"]:
    rows, columns = np.nonzero(np.isin(mask, _FEATURES))
    low = np.array((columns.min(), rows.min()), dtype=float)
    high = np.array((columns.max(), rows.max()), dtype=float) + 1
    half = _CROP_OVER_FEATURES / 2 * (high - low).max()
    centre = (low + high) / 2
    return np.concatenate((centre - half, centre + half))


def _cut_mask(
    mask: UInt8[np.ndarray, "height width"], box: Float[np.ndarray, " 4"]
) -> UInt8[np.ndarray, "160 160"]:
    """Class of the pixel under the centre of each pixel of the canvas; background beyond the photo."""
    at = [
        np.floor(low + (np.arange(CANVAS_PX) + 0.5) * (high - low) / CANVAS_PX).astype(int)
        for low, high in ((box[1], box[3]), (box[0], box[2]))
    ]
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=np.uint8)
    padded[1:-1, 1:-1] = mask
    rows, columns = (np.clip(index, -1, size) + 1 for index, size in zip(at, mask.shape, strict=True))
    cut: np.ndarray = padded[rows[:, None], columns]
    return cut
