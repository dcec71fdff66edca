"""Packs: training samples of one kind, ready to be cropped, in a folder of plain arrays.

A sample is a canvas (a square picture with the face's crop in its middle) with landmarks, or with the
coefficients of the face, or both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from monoface.data.packs.arrays import ArrayFolder, expect_rows
from monoface.geometry.roi import enlarge_box

CANVAS_PX = 160
"""Side of a canvas, but for packs that say otherwise."""
FACE_PX = 120
"""Side of the face's crop in the middle of a canvas, likewise."""


@dataclass(frozen=True)
class Pack(ArrayFolder):
    """Samples of one kind.

    Attributes:
        name: What they are.
        canvases: Pictures, RGB.
        points_px: Landmarks in canvas pixels, by set; NaN where there is none. A set that no sample
            has may be missing.
        outputs: Output vectors of a `CoefficientLayout` for the crop of `face_px` in the middle; rows
            of NaN for samples whose coefficients are unknown.
        face_px: Side of the face's crop in the middle of each canvas.
        synthetic: Whether these are renders, of which all is known. Labels of photos were found in them and
            know less of who is seen than of where.
        trust: How much the identity in each sample's outputs is worth, 0 to 1; None for 1 throughout.
        terms: Under which terms the pictures may be used: sentences for cards. Empty where the pack states
            none: then they are those of the source that it is called by.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"synthetic": "drawn"}

    name: str
    canvases: UInt8[np.ndarray, "samples side side 3"]
    points_px: dict[str, Float32[np.ndarray, "samples points 2"]]
    outputs: Float32[np.ndarray, "samples outputs"]
    face_px: int = FACE_PX
    synthetic: bool = False
    trust: Float32[np.ndarray, " samples"] | None = None
    terms: str = ""

    def __post_init__(self) -> None:
        expect_rows(self, f"pack {self.name}", len(self.canvases), "points_px", "outputs", "trust")

    def __len__(self) -> int:
        return len(self.canvases)

    @property
    def canvas_px(self) -> int:
        """Side of the canvases."""
        return self.canvases.shape[1]

    def chosen(self, name: str, rows: Int[np.ndarray, " chosen"]) -> "Pack":
        """Some of the samples, as a pack of another name."""
        points_px = {key: points[rows] for key, points in self.points_px.items()}
        trust = None if self.trust is None else self.trust[rows]
        return replace(
            self,
            name=name,
            canvases=self.canvases[rows],
            points_px=points_px,
            outputs=self.outputs[rows],
            trust=trust,
        )


def canvas_box(
    boxes: Float[np.ndarray, "*batch 4"], canvas_per_face: float = CANVAS_PX / FACE_PX
) -> Float[np.ndarray, "*batch 4"]:
    """Box of the canvas around the box of a crop."""
    return enlarge_box(boxes, canvas_per_face)
