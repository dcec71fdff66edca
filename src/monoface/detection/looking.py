"""Running the detection networks on crops of photos, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.detection.blazeface import BlazeFace, Candidates
from monoface.detection.crops import SquareCrop


@dataclass(frozen=True, eq=False)
class View:
    """One look at a photo.

    Attributes:
        photo: RGB photo.
        crop: The part of it to look at.
        mirrored: Whether the network sees the crop mirrored; what it finds is then of the mirrored crop.
    """

    photo: Image.Image
    crop: SquareCrop
    mirrored: bool = False

    def sample(self, size: int) -> UInt8[np.ndarray, "size size 3"]:
        """The view's pixels."""
        pixels = self.crop.sample(self.photo, size)
        return pixels[:, ::-1] if self.mirrored else pixels


def look(network: BlazeFace, views: Sequence[View], min_score: float, batch_size: int) -> list[Candidates]:
    """Run a network on views; what it finds in each, in pixels of the network's input."""
    found: list[Candidates] = []
    for start in range(0, len(views), batch_size):
        batch = views[start : start + batch_size]
        found += network(np.stack([view.sample(network.spec.size_px) for view in batch]), min_score)
    return found


def look_in_photo(
    network: BlazeFace, views: Sequence[View], min_score: float, batch_size: int
) -> list[Candidates]:
    """Run a network on views that are not mirrored; what it finds in each, in pixels of the photo."""
    found = look(network, views, min_score, batch_size)
    size = network.spec.size_px
    return [one.in_photo(view.crop, size) for one, view in zip(found, views, strict=True)]
