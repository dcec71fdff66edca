"""Packs for the face parser: canvases with the class of each of their pixels."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from monoface.core.errors import DataError
from monoface.core.files import write_atomically
from monoface.data.labelling.pseudo_labels import roi_from_points
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.sources.fasseg import FRONTAL_SET, Fasseg
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.fitting import project_points
from monoface.geometry.crops import crop_and_resize
from monoface.networks import PARSING_CLASSES, Regressor

UNKNOWN = 255
"""Class index of pixels of which nothing is known."""

_FORMAT = 1
_HEADER = "pack.json"
_FEATURES = tuple(PARSING_CLASSES.index(name) for name in ("eyes", "nose", "mouth"))
# The box of eyes, nose and mouth against the face's crop, and how often the regressor looks again.
_CROP_OVER_FEATURES = 2.4
_LOOKS = 4


@dataclass(frozen=True)
class ParsingPack:
    """Photos of one kind.

    Attributes:
        name: What they are.
        canvases: Pictures, RGB; the face's crop is the middle, as in `Pack`.
        masks: Index into `PARSING_CLASSES` of each pixel, or `UNKNOWN`.
    """

    name: str
    canvases: UInt8[np.ndarray, "samples 160 160 3"]
    masks: UInt8[np.ndarray, "samples 160 160"]

    def __post_init__(self) -> None:
        if self.masks.shape != self.canvases.shape[:3]:
            raise DataError(
                f"pack {self.name}: expected masks of {self.canvases.shape[:3]}, got {self.masks.shape}."
            )

    def __len__(self) -> int:
        return len(self.canvases)

    def save(self, folder: Path, recipe: str) -> None:
        """Write the pack; `recipe` identifies how it was made. Complete once `pack.json` is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _HEADER).unlink(missing_ok=True)
        np.save(folder / "canvases.npy", self.canvases)
        np.save(folder / "masks.npy", self.masks)
        header = {"format": _FORMAT, "name": self.name, "recipe": recipe, "classes": PARSING_CLASSES}
        write_atomically(folder / _HEADER, json.dumps(header).encode())

    @classmethod
    def load(cls, folder: Path, recipe: str) -> "ParsingPack":
        """Read a pack that the same recipe made.

        Raises:
            DataError: If there is no complete pack, it is damaged, or another recipe made it.
        """
        try:
            header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
            made = (header["format"], header["recipe"], tuple(header["classes"]))
            if made != (_FORMAT, recipe, PARSING_CLASSES):
                raise DataError(f"{folder}: made by another recipe; delete the folder to make it anew.")
            return cls(
                header["name"], np.load(folder / "canvases.npy", mmap_mode="r"), np.load(folder / "masks.npy")
            )
        except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: no finished pack, or a damaged one ({error}).") from error


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
        held_out_frontal: So is every so manieth photo of the frontal set, from the first on.

    Raises:
        DataError: If the source is missing or damaged.
    """
    photos = list(Fasseg(folder))
    masks = [photo.mask for photo in photos]
    starts = np.stack([_starting_box(mask) for mask in masks])
    images = [photo.image for photo in photos]
    boxes = find_crops(images, starts, model, regressor)
    margin = (boxes[:, 2:] - boxes[:, :2]) * ((CANVAS_PX / FACE_PX - 1) / 2)
    boxes = np.concatenate((boxes[:, :2] - margin, boxes[:, 2:] + margin), axis=1)
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


@torch.no_grad()
def find_crops(
    images: list[UInt8[np.ndarray, "height width 3"]],
    boxes: Float[np.ndarray, "photos 4"],
    model: FaceModel,
    regressor: Regressor,
) -> Float[np.ndarray, "photos 4"]:
    """Boxes of the faces' crops, found by looking again and again from rough ones."""
    basis = model.subset(model.landmarks("ibug68"))
    layout = CoefficientLayout.of(model)
    size = regressor.config.size_px
    for _ in range(_LOOKS):
        crops = np.stack(
            [crop_and_resize(image, box, size) for image, box in zip(images, boxes, strict=True)]
        )
        seen = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        output = torch.cat([regressor.look(part)[0] for part in seen.split(64)])
        found = roi_from_points(project_points(basis, *layout.decode(output, size))).double().numpy()
        zoom = (boxes[:, 2:3] - boxes[:, :1]) / size
        boxes = np.tile(boxes[:, :2], 2) + zoom * found
    return boxes


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
