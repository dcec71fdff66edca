"""Packs of eyes: pictures of one eye each, with what people and the face landmarker say of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from monoface.data.packs.arrays import ArrayFolder, expect_rows

EYE_CANVAS_PX = 64
"""Side of a canvas."""

EYE_CANVAS_SIDES = 3.2
"""Side of a canvas in widths of an eye: the network's crop and a margin to move it in."""


@dataclass(frozen=True)
class EyePack(ArrayFolder):
    """Eyes of one source; see `detection.eye_crops` for how they lie.

    Attributes:
        name: The source.
        canvases: Pictures, RGB; the outer corner is at image left.
        marked: Corners and lids as people marked them, as `networks.eyes.outputs.EYE_POINTS`, in widths of an
            eye from the canvas's middle; NaN where nobody did or they are not seen.
        meshed: Likewise, by the face landmarker.
        iris: Middle of the iris, by the landmarker.
        shapes: Its blendshapes, as `networks.eyes.outputs.EYE_SHAPES`; NaN where there are none.
        held_out: Which eyes are validation.
    """

    HEADER = "eyes.json"

    name: str
    canvases: UInt8[np.ndarray, "eyes 64 64 3"]
    marked: Float32[np.ndarray, "eyes 6 2"]
    meshed: Float32[np.ndarray, "eyes 6 2"]
    iris: Float32[np.ndarray, "eyes 2"]
    shapes: Float32[np.ndarray, "eyes 7"]
    held_out: Bool[np.ndarray, " eyes"]

    def __post_init__(self) -> None:
        names = ("marked", "meshed", "iris", "shapes", "held_out")
        expect_rows(self, f"eyes of {self.name}", len(self.canvases), *names)

    def __len__(self) -> int:
        return len(self.canvases)
