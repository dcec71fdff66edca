"""Photos of faces from several sides, as sources of views give them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8


class DecodedLater(Sequence[np.ndarray]):
    """Pictures that are decoded when they are asked for, and not kept.

    Args:
        decode: Decodes the picture of a row.
        rows: Which rows there are.
    """

    def __init__(self, decode: Callable[[int], np.ndarray], rows: Sequence[int] | np.ndarray) -> None:
        self._decode = decode
        self._rows = [int(row) for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> "DecodedLater": ...

    def __getitem__(self, index: int | slice) -> "np.ndarray | DecodedLater":
        if isinstance(index, slice):
            return DecodedLater(self._decode, self._rows[index])
        return self._decode(self._rows[index])


@dataclass(frozen=True, eq=False)
class ViewPhotos:
    """Photos, and which of them show one face from several sides.

    Attributes:
        name: Where they come from.
        images: RGB, of any size.
        boxes: Roughly the face's crop (`roi_from_points`), in pixels of each photo.
        group: Photos of one number show one person at one moment, or nearly so.
        points_px: Annotated landmarks by set, in pixels of each photo; NaN where there is none.
        yaw_deg: Turn of each head, where it is known; positive turns the nose to image left.
        skin: How probably each pixel of a photo shows the face's skin, in 255ths, where masks are annotated.
        views: Photos of each sample, where the source says which go together.
        gate: What may be compared between them.
        trusted: Whether labels are drawn towards the annotated landmarks.
    """

    name: str
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]]
    boxes: Float[np.ndarray, "photos 4"]
    group: Int64[np.ndarray, " photos"]
    points_px: dict[str, Float32[np.ndarray, "photos points 2"]]
    yaw_deg: Float[np.ndarray, " photos"] | None = None
    skin: Sequence[UInt8[np.ndarray, "_ _"]] | None = None
    views: Int64[np.ndarray, "samples 3"] | None = None
    gate: Int64[np.ndarray, " samples"] | None = None
    trusted: bool = True

    def __len__(self) -> int:
        return len(self.images)
