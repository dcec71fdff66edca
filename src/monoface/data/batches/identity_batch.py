"""Batches of aligned faces of known people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig, crop_canvases, plan_crops
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.identity_pack import ALIGNED_PX, IdentityFaces
from monoface.data.packs.photo_pack import CANVAS_PX


@dataclass(frozen=True)
class IdentityBatch(TensorBatch):
    """What a training step sees.

    Attributes:
        image: Aligned faces in [0, 1], sRGB, channels last in memory.
        person: Number of each person among all people that are trained on.
    """

    image: Float[Tensor, "batch 3 size size"]
    person: Int[Tensor, " batch"]


class IdentityBatchMaker:
    """Draws faces of people that are not held out.

    Args:
        sources: Where faces come from; people of different sources count as different.
        balance: How often people are seen: in proportion to the number of their faces to this power.
            1 draws all faces alike, 0 all people.
        augment: How crops vary; None cuts out the aligned faces unchanged.

    Attributes:
        people: Number of people.

    Raises:
        ConfigError: If there are fewer than two people, for then there is nothing to tell apart.
    """

    def __init__(
        self, sources: Sequence[IdentityFaces], *, balance: float = 0.5, augment: AugmentConfig | None = None
    ) -> None:
        rows, people = [], []
        self.people = 0
        for number, source in enumerate(sources):
            trained = np.flatnonzero(~source.held_out)
            names, person = np.unique(source.person[trained], return_inverse=True)
            rows.append(np.stack((np.full(len(trained), number), trained), axis=1))
            people.append(person + self.people)
            self.people += len(names)
        if self.people < 2:
            raise ConfigError(f"identity: expected at least two people to train on, got {self.people}.")
        self._sources = list(sources)
        self._rows = np.concatenate(rows)
        self._person = np.concatenate(people)
        self._augment = augment
        faces_of = np.bincount(self._person)[self._person]
        self._cumulative = np.cumsum(faces_of ** (balance - 1.0))

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> IdentityBatch:
        """The batch of a step, or the part of it that one of several processes computes."""
        rng = np.random.default_rng((seed, step))
        places = rng.random(batch) * self._cumulative[-1]
        chosen = np.minimum(np.searchsorted(self._cumulative, places, side="right"), len(self._rows) - 1)
        plan = plan_crops(rng, batch, CANVAS_PX, ALIGNED_PX, ALIGNED_PX, self._augment)
        mine = np.arange(batch)[part]
        chosen, plan = chosen[mine], plan[mine]
        image = np.empty((len(mine), ALIGNED_PX, ALIGNED_PX, 3), dtype=np.float32)
        for number in np.unique(self._rows[chosen, 0]):
            where = np.flatnonzero(self._rows[chosen, 0] == number)
            canvases, rows = self._sources[number].canvases, self._rows[chosen[where], 1]
            image[where] = crop_canvases(canvases, rows, plan[where], ALIGNED_PX)
        person = torch.from_numpy(self._person[chosen])
        return IdentityBatch(torch.from_numpy(image).permute(0, 3, 1, 2), person)
