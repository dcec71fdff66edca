"""Self-training of the face parser: what an averaged network is sure of in photos without masks."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.packs import CANVAS_PX, FACE_PX, Pack
from monoface.data.parsing_packs import UNKNOWN, ParsingPack
from monoface.networks import FaceParser

_BATCH = 64
_MARGIN_PX = (CANVAS_PX - FACE_PX) // 2


@dataclass(frozen=True)
class SelfLabelConfig:
    """Which photos are labelled, and which of their pixels are believed.

    Attributes:
        photos: At most so many of each source, evenly spread.
        confidence: Probability from which on a pixel's class is believed.
    """

    photos: int = 1500
    confidence: float = 0.85

    def __post_init__(self) -> None:
        if self.photos < 1 or not 0 <= self.confidence <= 1:
            raise ConfigError(
                "self-training: expected at least one photo and a confidence in 0..1, "
                f"got {self.photos} and {self.confidence}."
            )


def label_photos(pack: Pack, parser: FaceParser, config: SelfLabelConfig) -> ParsingPack:
    """Photos with the classes that a parser is sure of; what lies outside of the face's crop is unknown.

    Args:
        pack: The photos.
        parser: The teacher, in evaluation mode.
        config: Which photos and pixels.
    """
    rows = spread_rows(len(pack), config.photos)
    canvases = np.ascontiguousarray(pack.canvases[rows])
    masks = np.full(canvases.shape[:3], UNKNOWN, dtype=np.uint8)
    inner = slice(_MARGIN_PX, _MARGIN_PX + FACE_PX)
    for start in range(0, len(rows), _BATCH):
        part = slice(start, start + _BATCH)
        crops = torch.from_numpy(canvases[part, inner, inner]).permute(0, 3, 1, 2).float() / 255
        probability, classes = class_probabilities(parser, crops).max(dim=1)
        sure = torch.where(probability >= config.confidence, classes, UNKNOWN)
        masks[part, inner, inner] = sure.to(torch.uint8).numpy()
    return ParsingPack(pack.name, canvases, masks)


@torch.no_grad()
def class_probabilities(
    parser: FaceParser, crops: Float[Tensor, "batch 3 side side"]
) -> Float[Tensor, "batch classes side side"]:
    """Probability of each class, as the mean over the crops and their mirror images."""
    size = parser.config.size_px
    seen = torch.nn.functional.interpolate(crops, (size, size), mode="bilinear")
    there = parser(seen.contiguous(memory_format=torch.channels_last)).softmax(dim=1)
    mirrored = seen.flip(-1).contiguous(memory_format=torch.channels_last)
    mean = (there + parser(mirrored).softmax(dim=1).flip(-1)) / 2
    return torch.nn.functional.interpolate(mean, crops.shape[-2:], mode="bilinear")


def scenery_of(packs: list[Pack], count: int) -> UInt8[np.ndarray, "photos 160 160 3"]:
    """So many canvases of each pack, without those whose corners lie outside of their photos."""
    chosen = np.concatenate([pack.canvases[spread_rows(len(pack), count)] for pack in packs])
    ends = (slice(_MARGIN_PX), slice(-_MARGIN_PX, None))
    corners = [chosen[:, y, x] for y in ends for x in ends]
    filled = np.stack([corner.reshape(len(chosen), -1).mean(axis=1) > 4 for corner in corners]).all(axis=0)
    scenery: np.ndarray = chosen[filled]
    return scenery


def spread_rows(size: int, count: int) -> np.ndarray:
    """Up to `count` rows of `size`, evenly spread, in order."""
    return np.unique(np.linspace(0, size - 1, min(size, count)).astype(int))
