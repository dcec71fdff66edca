"""Aligned faces of known people, and batches of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.core.files import write_atomically
from monoface.data.batches.augment import AugmentConfig, crop_canvases, plan_crops
from monoface.data.packs.photo_pack import CANVAS_PX

ALIGNED_PX = 112
"""Side of the aligned face in the middle of a canvas."""

_FORMAT = 1
_HEADER = "faces.json"


@dataclass(frozen=True)
class IdentityFaces:
    """Faces of one source.

    Attributes:
        name: The source.
        canvases: Pictures, RGB, whose middle `ALIGNED_PX` are the aligned face.
        person: Number of the person within the source.
        clip: Number of the clip, or of the photo where there are no clips. Frames of one clip are too alike
            to tell whether a person is recognised.
        held_out: Which faces are of people that are kept for validation.
    """

    name: str
    canvases: UInt8[np.ndarray, "faces 160 160 3"]
    person: Int[np.ndarray, " _"]
    clip: Int[np.ndarray, " _"]
    held_out: Bool[np.ndarray, " _"]

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in ("person", "clip", "held_out")}
        for name, length in lengths.items():
            if length != len(self.canvases):
                raise DataError(f"{self.name}: expected {len(self.canvases)} rows in {name}, got {length}.")

    def __len__(self) -> int:
        return len(self.canvases)

    def aligned(self, rows: Int[np.ndarray, " rows"]) -> UInt8[np.ndarray, "rows 112 112 3"]:
        """The aligned faces themselves, without what is around them."""
        margin = (CANVAS_PX - ALIGNED_PX) // 2
        inner = slice(margin, margin + ALIGNED_PX)
        return self.canvases[rows, inner, inner]

    def save(self, folder: Path, recipe: str) -> None:
        """Write the faces; `recipe` identifies how they were made. Complete once `faces.json` is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _HEADER).unlink(missing_ok=True)
        for name in ("canvases", "person", "clip", "held_out"):
            np.save(folder / f"{name}.npy", getattr(self, name))
        header = {"format": _FORMAT, "name": self.name, "recipe": recipe}
        write_atomically(folder / _HEADER, json.dumps(header).encode())

    @classmethod
    def load(cls, folder: Path, recipe: str) -> Self:
        """Read faces; canvases stay on disk and are mapped into memory.

        Raises:
            DataError: If they are not there or not complete, damaged, or made by another recipe.
        """
        try:
            header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
            if (header["format"], header["recipe"]) != (_FORMAT, recipe):
                raise DataError(f"{folder}: made by another recipe; delete the folder to make it anew.")
            arrays = {name: np.load(folder / f"{name}.npy") for name in ("person", "clip", "held_out")}
            canvases = np.load(folder / "canvases.npy", mmap_mode="r")
            return cls(header["name"], canvases, **arrays)
        except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
            raise DataError(
                f"{folder}: no finished faces, or damaged ones ({error}); delete the folder to make it anew."
            ) from error


@dataclass(frozen=True)
class IdentityBatch:
    """What a training step sees.

    Attributes:
        image: Aligned faces in [0, 1], sRGB, channels last in memory.
        person: Number of each person among all people that are trained on.
    """

    image: Float[Tensor, "batch 3 size size"]
    person: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> "IdentityBatch":
        """The same batch on another device."""
        return IdentityBatch(self.image.to(device), self.person.to(device))


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

    def draw(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> IdentityBatch:
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


def held_out_people(
    person: Int[np.ndarray, " faces"], share: float, always: Int[np.ndarray, " people"], seed: int = 0
) -> Int[np.ndarray, " held_out"]:
    """People to keep for validation: about a given share of all, drawn by lot, and some that always are.

    Args:
        person: Number of each face's person.
        share: Share of the people, counting those that always are.
        always: People that are kept in any case.
        seed: Of the lot.
    """
    everyone = np.unique(person)
    others = np.setdiff1d(everyone, always)
    missing = max(0, round(share * len(everyone)) - len(always))
    drawn = np.random.default_rng(seed).choice(others, size=min(missing, len(others)), replace=False)
    return np.sort(np.concatenate((always, drawn)))
