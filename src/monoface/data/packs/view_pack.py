"""Packs of views: photos of one face from several sides, and which three of them go together."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from monoface.core.errors import DataError
from monoface.data.packs.arrays import ArrayFolder, expect_rows
from monoface.data.packs.photo_pack import Pack

VIEW_CANVAS_PX = 280
"""Side of the canvases of views."""
VIEW_FACE_PX = 224
"""Side of the face's crop in the middle of them."""
VIEWS = 3
"""Views of a sample; the one in the middle is the target, as published."""

SINGLE, SEEN_TOGETHER, MATCHED = 0, 1, 2
"""Gates: nothing is compared between views; colours and depths are; epipolar lines of landmarks too."""


@dataclass(frozen=True)
class ViewPack(ArrayFolder):
    """Samples of three views each.

    Attributes:
        frames: The single pictures, with what is known about them. A frame may be a view of several samples.
        skin: How probably each pixel shows the face's skin with nothing before it, in 255ths.
        albedo: Albedo coefficients of frames; NaN where unknown.
        light: Radiance in spherical harmonics in the camera frame, of frames; NaN where unknown.
        focal_per_size: Focal length of the camera of each frame, in sides of its face's crop; NaN where
            unknown.
        views: Frames of each sample.
        gate: What may be compared between the views of each sample.
    """

    MAPPED = ("skin",)

    frames: Pack
    skin: UInt8[np.ndarray, "frames side side"]
    albedo: Float32[np.ndarray, "frames albedo"]
    light: Float32[np.ndarray, "frames 9 3"]
    focal_per_size: Float32[np.ndarray, " frames"]
    views: Int64[np.ndarray, "samples 3"]
    gate: Int64[np.ndarray, " samples"]

    def __post_init__(self) -> None:
        count, what = len(self.frames), f"pack {self.name}"
        expect_rows(self, what, count, "skin", "albedo", "light", "focal_per_size")
        expect_rows(self, what, len(self.views), "gate")
        if len(self.views) and not 0 <= self.views.min() <= self.views.max() < count:
            raise DataError(f"pack {self.name}: expected views among its {count} frames, got others.")

    @property
    def name(self) -> str:
        """What the samples are."""
        return self.frames.name

    def __len__(self) -> int:
        return len(self.views)

    def with_terms(self, terms: str) -> "ViewPack":
        """The same views, of which is known under which terms they may be used."""
        return replace(self, frames=replace(self.frames, terms=terms))
