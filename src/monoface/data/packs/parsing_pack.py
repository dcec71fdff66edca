"""Packs for the face parser: canvases with the class of each of their pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import DataError
from monoface.data.packs.arrays import ArrayFolder
from monoface.networks import PARSING_CLASSES

UNKNOWN = 255
"""Class index of pixels of which nothing is known."""


@dataclass(frozen=True)
class ParsingPack(ArrayFolder):
    """Photos of one kind.

    Attributes:
        name: What they are.
        canvases: Pictures, RGB; the face's crop is the middle, as in `Pack`.
        masks: Index into `PARSING_CLASSES` of each pixel, or `UNKNOWN`.
    """

    FIXED: ClassVar[Mapping[str, Any]] = {"format": 1, "classes": list(PARSING_CLASSES)}

    name: str
    canvases: UInt8[np.ndarray, "samples 160 160 3"]
    masks: UInt8[np.ndarray, "samples 160 160"]

    def __post_init__(self) -> None:
        if self.masks.shape != self.canvases.shape[:3]:
            raise DataError(
                f"pack {self.name}: expected masks of {self.canvases.shape[:3]}, got {self.masks.shape}."
            )

    def __len__(self) -> int:
        return len(self.canvases)
