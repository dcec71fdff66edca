"""Self-training of the face parser: what an averaged network is sure of in photos without masks.

It is helped by a fitted face. The network alone is unsure of what it never saw, dark skin or open mouths; the
mesh knows nothing of hair and occluders. Where both agree, and where one is very sure, pixels are labelled.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.core.progress import track_batches
from monoface.data.packs.parsing_pack import UNKNOWN, ParsingPack
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.networks import FaceParser

LookForFaces = Callable[
    [Float[Tensor, "batch 3 side side"]],
    tuple[UInt8[np.ndarray, "batch side side"], Float[np.ndarray, " batch"]],
]
"""Says which class a fitted face shows at each pixel, and how large an error the regressor expects."""

_BATCH = 64
_MARGIN_PX = (CANVAS_PX - FACE_PX) // 2


@dataclass(frozen=True)
class SelfLabelConfig:
    """Which photos are labelled, and which of their pixels are believed.

    Attributes:
        photos: At most so many of each source, evenly spread.
        confidence: Probability from which on a pixel's class is believed.
        mesh_odds: By how much the class that the fitted mesh shows is likelier than the network says.
        max_error: Photos in which the regressor expects a larger error, as a fraction of the face's size, are
            left out.
    """

    photos: int = 600
    confidence: float = 0.85
    mesh_odds: float = 6.0
    max_error: float = 0.035

    def __post_init__(self) -> None:
        if self.photos < 1 or not 0 <= self.confidence <= 1 or min(self.mesh_odds, self.max_error) <= 0:
            raise ConfigError(
                "self-training: expected at least one photo, a confidence in 0..1, and positive odds and "
                f"errors, got {self.photos}, {self.confidence}, {self.mesh_odds} and {self.max_error}."
            )


def label_photos(pack: Pack, parser: FaceParser, mesh: LookForFaces, config: SelfLabelConfig) -> ParsingPack:
    """Photos with the classes of the pixels that are sure; outside of the face's crop all are unknown.

    Args:
        pack: The photos.
        parser: The teacher, in evaluation mode.
        mesh: What fitted faces say: `MeshClasses`.
        config: Which photos and pixels.

    Raises:
        DataError: If no photo shows a face that the regressor is sure of.
    """
    rows = spread_rows(len(pack), config.photos)
    inner = slice(_MARGIN_PX, _MARGIN_PX + FACE_PX)
    kept, masks = [], []
    for start in track_batches(len(rows), _BATCH, f"labelling {pack.name}", "photos"):
        part = rows[start : start + _BATCH]
        crops = torch.from_numpy(pack.canvases[part][:, inner, inner]).permute(0, 3, 1, 2).float() / 255
        expected, log_error = mesh(crops)
        probability = with_odds(class_probabilities(parser, crops), expected, config.mesh_odds)
        likeliest, classes = probability.max(dim=1)
        mask = np.full((len(part), CANVAS_PX, CANVAS_PX), UNKNOWN, dtype=np.uint8)
        mask[:, inner, inner] = torch.where(likeliest >= config.confidence, classes, UNKNOWN).numpy()
        sure = log_error <= math.log(config.max_error)
        kept.append(part[sure])
        masks.append(mask[sure])
    chosen = np.concatenate(kept)
    if not len(chosen):
        raise DataError(f"pack {pack.name}: expected faces that the regressor is sure of, found none.")
    return ParsingPack(pack.name, np.ascontiguousarray(pack.canvases[chosen]), np.concatenate(masks))


def with_odds(
    probability: Float[Tensor, "batch classes height width"],
    expected: UInt8[np.ndarray, "batch height width"],
    odds: float,
) -> Float[Tensor, "batch classes height width"]:
    """Probabilities after the expected class of each pixel, unless unknown, became likelier by given odds."""
    index = torch.from_numpy(expected).long()
    known = index != UNKNOWN
    factor = torch.ones_like(probability)
    gain = torch.where(known, odds, 1.0).to(factor)
    factor.scatter_(1, torch.where(known, index, 0)[:, None], gain[:, None])
    weighed = probability * factor
    return weighed / weighed.sum(dim=1, keepdim=True)


@torch.no_grad()
def class_probabilities(
    parser: FaceParser, crops: Float[Tensor, "batch 3 side side"]
) -> Float[Tensor, "batch classes side side"]:
    """Probability of each class, as the mean over the crops and their mirror images."""
    size, device = parser.config.size_px, next(parser.parameters()).device
    seen = torch.nn.functional.interpolate(crops.to(device), (size, size), mode="bilinear")
    there = parser(seen.contiguous(memory_format=torch.channels_last)).softmax(dim=1)
    mirrored = seen.flip(-1).contiguous(memory_format=torch.channels_last)
    mean = (there + parser(mirrored).softmax(dim=1).flip(-1)) / 2
    return torch.nn.functional.interpolate(mean, crops.shape[-2:], mode="bilinear").to(crops.device)


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
