"""Batches of eyes: crops that vary, and where lids and irises come to lie in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig, CropPlan, crop_canvases, move_points, plan_crops
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.eye_pack import EYE_CANVAS_PX, EYE_CANVAS_SIDES, EyePack
from monoface.networks.eyes.outputs import EYE_CROP_SIDES, EYE_HEIGHT_PX, EYE_SHAPES, EYE_WIDTH_PX

_BLINK: Final = EYE_SHAPES.index("eyeBlink")
_CANVAS_PX_PER_EYE: Final = EYE_CANVAS_PX / EYE_CANVAS_SIDES
_CROP_PX_PER_EYE: Final = EYE_WIDTH_PX / EYE_CROP_SIDES
_ROWS: Final = slice((EYE_WIDTH_PX - EYE_HEIGHT_PX) // 2, (EYE_WIDTH_PX + EYE_HEIGHT_PX) // 2)


@dataclass(frozen=True)
class EyeBatch(TensorBatch):
    """What a training step sees; labels are NaN where there are none.

    Attributes:
        image: Crops in [0, 1], sRGB.
        marked: Points by people, in widths of an eye from the middle of the crop.
        meshed: Likewise, by the face landmarker.
        iris: Middle of the iris, likewise.
        shapes: Blendshapes of the landmarker.
    """

    image: Float[Tensor, "batch 3 28 40"]
    marked: Float[Tensor, "batch 6 2"]
    meshed: Float[Tensor, "batch 6 2"]
    iris: Float[Tensor, "batch 2"]
    shapes: Float[Tensor, "batch 7"]


class EyeBatchMaker:
    """Draws eyes that are not held out: shut ones and those that people marked more often.

    Args:
        packs: Where eyes come from.
        shut: How much likelier an eye is for each whole blink, squared, of which there are few.
        marked: How much likelier an eye is whose lids people marked.
        augment: How crops vary.

    Raises:
        ConfigError: If no eye is left to train on.
    """

    def __init__(
        self,
        packs: Sequence[EyePack],
        *,
        shut: float = 6.0,
        marked: float = 1.6,
        augment: AugmentConfig | None = None,
    ) -> None:
        self._packs = list(packs)
        rows = [np.flatnonzero(~pack.held_out) for pack in packs]
        self._rows = np.concatenate(
            [np.stack((np.full(len(some), number), some), axis=1) for number, some in enumerate(rows)]
        )
        if not len(self._rows):
            raise ConfigError("eyes: expected eyes to train on, found none that is not held out.")
        likely = np.concatenate(
            [_likely(pack, some, shut, marked) for pack, some in zip(packs, rows, strict=True)]
        )
        self._cumulative = np.cumsum(likely)
        self._augment = augment

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> EyeBatch:
        """The batch of a step, or the part of it that one of several processes computes."""
        rng = np.random.default_rng((seed, step))
        places = rng.random(batch) * self._cumulative[-1]
        chosen = np.minimum(np.searchsorted(self._cumulative, places, side="right"), len(self._rows) - 1)
        plan = _plan(rng, batch, self._augment)
        mine = np.arange(batch)[part]
        return _cut(self._packs, self._rows[chosen[mine]], plan[mine])


def held_out_eyes(pack: EyePack) -> EyeBatch:
    """All eyes of a pack that are validation, cut as in use."""
    rows = np.flatnonzero(pack.held_out)
    placed = np.stack((np.zeros_like(rows), rows), axis=1)
    return _cut([pack], placed, _plan(np.random.default_rng(0), len(rows), None))


def _plan(rng: np.random.Generator, batch: int, augment: AugmentConfig | None) -> CropPlan:
    face_px = round(EYE_CROP_SIDES * _CANVAS_PX_PER_EYE)
    return plan_crops(rng, batch, EYE_CANVAS_PX, face_px, EYE_WIDTH_PX, augment)


def _cut(packs: Sequence[EyePack], rows: Int[np.ndarray, "batch 2"], plan: CropPlan) -> EyeBatch:
    """Crops of eyes, given by the numbers of their packs and their rows there, and their labels."""
    pictures: Float32[np.ndarray, "batch 40 40 3"]
    pictures = np.empty((len(rows), EYE_WIDTH_PX, EYE_WIDTH_PX, 3), np.float32)
    for number in np.unique(rows[:, 0]):
        where = np.flatnonzero(rows[:, 0] == number)
        canvases: UInt8[np.ndarray, "eyes 64 64 3"] = packs[number].canvases
        pictures[where] = crop_canvases(canvases, rows[where, 1], plan[where], EYE_WIDTH_PX)

    def labels(name: str) -> Float32[np.ndarray, "batch ..."]:
        return np.stack([getattr(packs[number], name)[row] for number, row in rows])

    def placed(points: Float32[np.ndarray, "batch points 2"]) -> Float[Tensor, "batch points 2"]:
        moved = move_points(points * np.float32(_CANVAS_PX_PER_EYE) + EYE_CANVAS_PX / 2, plan)
        return torch.from_numpy(((moved - EYE_WIDTH_PX / 2) / _CROP_PX_PER_EYE).astype(np.float32))

    return EyeBatch(
        torch.from_numpy(np.ascontiguousarray(pictures[:, _ROWS].transpose(0, 3, 1, 2))),
        placed(labels("marked")),
        placed(labels("meshed")),
        placed(labels("iris")[:, None])[:, 0],
        torch.from_numpy(labels("shapes")),
    )


def _likely(
    pack: EyePack, rows: Int[np.ndarray, " rows"], shut: float, marked: float
) -> Float[np.ndarray, " rows"]:
    blink = np.nan_to_num(pack.shapes[rows, _BLINK])
    by_people = np.isfinite(pack.marked[rows]).all(axis=(1, 2))
    return (1 + shut * np.square(blink)) * np.where(by_people, marked, 1.0)
