"""Packs of unwrapped faces: what the fine stage learns from, with known relief or without."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float16, Float32, Int, UInt8

from monoface.data.packs.arrays import ArrayFolder


@dataclass(frozen=True)
class DetailPack(ArrayFolder):
    """Unwrapped faces and the coarse faces that were fitted to them.

    Attributes:
        photo: sRGB.
        seen: Weight of each texel, in steps of 1/255.
        verts_camera: Vertices in the camera frame, millimetres.
        rotation: From the model frame to the camera frame.
        albedo: Coefficients.
        light: In the camera frame.
        height_mm: Known relief; NaN where there is none.
        paint: Known logarithm of what changes the light without being relief, grey; NaN if not known.
        maps: What the translator sees (`displacement.evidence`), made once, so that a step is cheap.
        head: Number of the face: rows of one number are one face under several lights, one after the other.
        picture: Crops of the photos, sRGB, for losses on pixels; packs may be without.
        camera: Of these, weakly perspective: pixels a millimetre, and where the viewing axis meets them.
    """

    FIXED: ClassVar[Mapping[str, Any]] = {"format": "monoface-detail-pack-1"}
    MAPPED = (
        *("photo", "seen", "verts_camera", "rotation", "albedo", "light"),
        *("height_mm", "paint", "maps", "head", "picture", "camera"),
    )

    photo: UInt8[np.ndarray, "faces size size 3"]
    seen: UInt8[np.ndarray, "faces size size"]
    verts_camera: Float32[np.ndarray, "faces verts 3"]
    rotation: Float32[np.ndarray, "faces 3 3"]
    albedo: Float32[np.ndarray, "faces albedo"]
    light: Float32[np.ndarray, "faces 9 3"]
    height_mm: Float16[np.ndarray, "faces size size"]
    paint: Float16[np.ndarray, "faces size size"]
    maps: Float16[np.ndarray, "faces channels size size"]
    head: Int[np.ndarray, " faces"]
    picture: UInt8[np.ndarray, "faces side side 3"] | None = None
    camera: Float32[np.ndarray, "faces 3"] | None = None

    def __len__(self) -> int:
        return len(self.photo)
