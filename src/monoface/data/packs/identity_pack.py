"""Packs of aligned faces of known people."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from monoface.data.packs.arrays import ArrayFolder, expect_rows
from monoface.data.packs.photo_pack import CANVAS_PX

ALIGNED_PX = 112
"""Side of the aligned face in the middle of a canvas."""


@dataclass(frozen=True)
class IdentityFaces(ArrayFolder):
    """Faces of one source.

    Attributes:
        name: The source.
        canvases: Pictures, RGB, whose middle `ALIGNED_PX` are the aligned face.
        person: Number of the person within the source.
        clip: Number of the clip, or of the photo where there are no clips. Frames of one clip are too alike
            to tell whether a person is recognised.
        held_out: Which faces are of people that are kept for validation.
    """

    HEADER = "faces.json"

    name: str
    canvases: UInt8[np.ndarray, "faces 160 160 3"]
    person: Int[np.ndarray, " _"]
    clip: Int[np.ndarray, " _"]
    held_out: Bool[np.ndarray, " _"]

    def __post_init__(self) -> None:
        expect_rows(self, self.name, len(self.canvases), "person", "clip", "held_out")

    def __len__(self) -> int:
        return len(self.canvases)

    def aligned(self, rows: Int[np.ndarray, " rows"]) -> UInt8[np.ndarray, "rows 112 112 3"]:
        """The aligned faces themselves, without what is around them."""
        margin = (CANVAS_PX - ALIGNED_PX) // 2
        inner = slice(margin, margin + ALIGNED_PX)
        return self.canvases[rows, inner, inner]


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
