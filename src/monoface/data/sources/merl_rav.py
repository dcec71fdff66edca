"""MERL-RAV: 68 points on photos of AFLW, each marked as seen, covered or hidden by the face itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from monoface.core.errors import DataError
from monoface.data.sources.aflw import MAX_OUTSIDE_PX, Split, outside_px
from monoface.data.sources.archive import LabelSpec, TarImages, read_labels, to_pixel_centre_convention
from monoface.data.sources.source import PhotoSource, rows_where

SEEN: Final = 0
"""State of a point that is seen."""

COVERED: Final = 1
"""State of a point that something covers; its place is the annotators' estimate."""

HIDDEN: Final = 2
"""State of a point that the face itself hides; it has no place."""

TERMS: Final = (
    'MERL-RAV (Kumar et al., "LUVLi Face Alignment", CVPR 2020), on photos of AFLW: research use, cite '
    "the paper."
)
"""Under which terms the points may be used; for the card of what is learned from them."""


@dataclass(frozen=True)
class MerlRavPhoto:
    """One crop.

    Attributes:
        key: Its name in `Aflw`.
        image: RGB.
        points68_px: The 68 iBUG points in pixels of the crop, NaN where `state` is `HIDDEN`; the jaw follows
            the visible outline.
        state: `SEEN`, `COVERED` or `HIDDEN`, of each point.
        split: Part of AFLW it belongs to.
    """

    key: str
    image: UInt8[np.ndarray, "120 120 3"]
    points68_px: Float32[np.ndarray, "68 2"]
    state: UInt8[np.ndarray, " 68"]
    split: Split


class MerlRav(PhotoSource[MerlRavPhoto]):
    """Points for 12,275 of the 19,080 crops of `Aflw`, whose splits they follow.

    They were matched to the crops by AFLW's own 21 points, from which they differ by about 2.5 % of the
    crop's side; `residual` is the median difference of a photo.

    Args:
        folder: That of `Aflw`: `images-*.tar`, `labels.npz`, and `merl_rav.npz`.
        split: Only this part; None for both.
        max_outside_px: Leave out photos with a point farther outside the crop; None keeps all.

    Raises:
        DataError: If the files are missing, damaged, or not laid out as described.

    Reference:
        Kumar et al., "LUVLi Face Alignment: Estimating Landmarks' Location, Uncertainty, and Visibility
        Likelihood", CVPR 2020.
    """

    def __init__(
        self, folder: Path, *, split: Split | None = None, max_outside_px: float | None = MAX_OUTSIDE_PX
    ) -> None:
        specs = {
            "points68_px": LabelSpec("f", (68, 2)),
            "state": LabelSpec("u", (68,)),
            "residual": LabelSpec("f"),
        }
        path = folder / "merl_rav.npz"
        labels = read_labels(path, specs)
        _check_states(path, labels["points68_px"], labels["state"])
        labels["points68_px"] = to_pixel_centre_convention(labels["points68_px"].astype(np.float32))
        labels["split"] = _splits_of(folder, labels["key"])
        keep = np.ones(len(labels["key"]), dtype=bool) if split is None else labels["split"] == split
        if max_outside_px is not None:
            keep &= outside_px(labels["points68_px"]) <= max_outside_px
        labels = rows_where(keep, labels)

        super().__init__(TarImages(folder), labels["key"].tolist())
        self.points68_px: Float32[np.ndarray, "photos 68 2"] = labels["points68_px"]
        self.state: UInt8[np.ndarray, "photos 68"] = labels["state"].astype(np.uint8)
        self.residual: Float32[np.ndarray, " photos"] = labels["residual"].astype(np.float32)
        self.splits: tuple[Split, ...] = tuple(labels["split"].tolist())

    @property
    def seen(self) -> Bool[np.ndarray, "photos 68"]:
        """Which points are seen, neither covered nor hidden."""
        return self.state == SEEN

    def __getitem__(self, index: int) -> MerlRavPhoto:
        return MerlRavPhoto(
            self.keys[index],
            self.image(index),
            self.points68_px[index],
            self.state[index],
            self.splits[index],
        )


def _splits_of(folder: Path, keys: np.ndarray) -> np.ndarray:
    labels = read_labels(folder / "labels.npz", {"split": LabelSpec("U")})
    split_of = dict(zip(labels["key"].tolist(), labels["split"].tolist(), strict=True))
    unknown = sorted(set(keys.tolist()) - split_of.keys())
    if unknown:
        raise DataError(
            f"{folder / 'merl_rav.npz'}: expected keys of {folder / 'labels.npz'}, got {unknown[0]!r} and "
            f"{len(unknown) - 1} others that are not there. Fetch both files again."
        )
    return np.array([split_of[key] for key in keys.tolist()])


def _check_states(path: Path, points_px: np.ndarray, state: np.ndarray) -> None:
    if state.size and state.max() > HIDDEN:
        raise DataError(f"{path}, state: expected 0, 1 or 2, got {state.max()}.")
    if not np.array_equal(np.isfinite(points_px).all(axis=-1), state != HIDDEN):
        raise DataError(f"{path}: expected a place for every point that is not hidden, and for no other.")
