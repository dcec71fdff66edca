"""Packs of views: photos of one face from several sides, and which three of them go together."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from monoface.core.errors import DataError
from monoface.data.packs.photo_pack import PACK_HEADER, Pack

VIEW_CANVAS_PX = 280
"""Side of the canvases of views."""
VIEW_FACE_PX = 224
"""Side of the face's crop in the middle of them."""
VIEWS = 3
"""Views of a sample; the one in the middle is the target, as published."""

SINGLE, SEEN_TOGETHER, MATCHED = 0, 1, 2
"""Gates: nothing is compared between views; colours and depths are; epipolar lines of landmarks too."""


@dataclass(frozen=True)
class ViewPack:
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

    frames: Pack
    skin: UInt8[np.ndarray, "frames side side"]
    albedo: Float32[np.ndarray, "frames albedo"]
    light: Float32[np.ndarray, "frames 9 3"]
    focal_per_size: Float32[np.ndarray, " frames"]
    views: Int64[np.ndarray, "samples 3"]
    gate: Int64[np.ndarray, " samples"]

    def __post_init__(self) -> None:
        count = len(self.frames)
        for name in ("skin", "albedo", "light", "focal_per_size"):
            if len(getattr(self, name)) != count:
                raise DataError(
                    f"pack {self.name}: expected {count} rows in {name}, got {len(getattr(self, name))}."
                )
        if len(self.gate) != len(self.views):
            raise DataError(
                f"pack {self.name}: expected {len(self.views)} rows in gate, got {len(self.gate)}."
            )
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

    def save(self, folder: Path, recipe: str) -> None:
        """Write the pack; `recipe` identifies how it was made. Complete once `pack.json` is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PACK_HEADER).unlink(missing_ok=True)
        for name in ("skin", "albedo", "light", "focal_per_size", "views", "gate"):
            np.save(folder / f"{name}.npy", getattr(self, name))
        self.frames.save(folder, recipe)

    @classmethod
    def load(cls, folder: Path, recipe: str | None = None) -> "ViewPack":
        """Read a pack; pictures stay on disk and are mapped into memory.

        Raises:
            DataError: If there is no complete pack, it is damaged, or another recipe than asked for made it.
        """
        frames = Pack.load(folder, recipe)
        try:
            return cls(
                frames=frames,
                skin=np.load(folder / "skin.npy", mmap_mode="r"),
                albedo=np.load(folder / "albedo.npy"),
                light=np.load(folder / "light.npy"),
                focal_per_size=np.load(folder / "focal_per_size.npy"),
                views=np.load(folder / "views.npy"),
                gate=np.load(folder / "gate.npy"),
            )
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete the folder to make it anew.") from error
