"""Packs: training samples of one kind, ready to be cropped, in a folder of plain arrays.

A sample is a canvas (a square picture with the face's crop in its middle) with landmarks, or with the
coefficients of the face, or both.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, UInt8

from monoface.core.errors import DataError
from monoface.core.files import write_atomically

CANVAS_PX = 160
"""Side of a canvas, but for packs that say otherwise."""
FACE_PX = 120
"""Side of the face's crop in the middle of a canvas, likewise."""

_FORMAT = 1
_TRUST = "trust.npy"
PACK_HEADER = "pack.json"
"""The file whose presence says that a pack is complete."""


@dataclass(frozen=True)
class Pack:
    """Samples of one kind.

    Attributes:
        name: What they are.
        canvases: Pictures, RGB.
        points_px: Landmarks in canvas pixels, by set; NaN where there is none. A set that no sample
            has may be missing.
        outputs: Output vectors of a `CoefficientLayout` for the crop of `face_px` in the middle; rows
            of NaN for samples whose coefficients are unknown.
        face_px: Side of the face's crop in the middle of each canvas.
        drawn: Whether these are drawn heads, of which all is known. Labels of photos were found in them and
            know less of who is seen than of where.
        trust: How much the identity in each sample's outputs is worth, 0 to 1; None for 1 throughout.
        terms: Under which terms the pictures may be used: sentences for cards. Empty where the pack states
            none: then they are those of the source that it is called by.
    """

    name: str
    canvases: UInt8[np.ndarray, "samples side side 3"]
    points_px: dict[str, Float32[np.ndarray, "samples points 2"]]
    outputs: Float32[np.ndarray, "samples outputs"]
    face_px: int = FACE_PX
    drawn: bool = False
    trust: Float32[np.ndarray, " samples"] | None = None
    terms: str = ""

    def __post_init__(self) -> None:
        count = len(self.canvases)
        lengths = {name: len(points) for name, points in self.points_px.items()}
        lengths["outputs"] = len(self.outputs)
        if self.trust is not None:
            lengths["trust"] = len(self.trust)
        for name, length in lengths.items():
            if length != count:
                raise DataError(f"pack {self.name}: expected {count} rows in {name}, got {length}.")

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

    def save(self, folder: Path, recipe: str) -> None:
        """Write the pack; `recipe` identifies how it was made. Complete once `pack.json` is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PACK_HEADER).unlink(missing_ok=True)
        np.save(folder / "canvases.npy", self.canvases)
        np.save(folder / "outputs.npy", self.outputs)
        for name, points in self.points_px.items():
            np.save(folder / f"points.{name}.npy", points)
        if self.trust is not None:
            np.save(folder / _TRUST, self.trust)
        header: dict[str, Any] = {
            "format": _FORMAT,
            "name": self.name,
            "recipe": recipe,
            "points": sorted(self.points_px),
        }
        header |= {"face_px": self.face_px, "drawn": self.drawn, "trust": self.trust is not None}
        header["terms"] = self.terms
        write_atomically(folder / PACK_HEADER, json.dumps(header).encode())

    @classmethod
    def load(cls, folder: Path, recipe: str | None = None) -> "Pack":
        """Read a pack; canvases stay on disk and are mapped into memory.

        Raises:
            DataError: If there is no complete pack, it is damaged, or another recipe than asked for made it.
        """
        path = folder / PACK_HEADER
        if not path.is_file():
            raise DataError(f"{folder}: expected a finished pack, found no {PACK_HEADER}.")
        try:
            header = json.loads(path.read_text(encoding="utf-8"))
            if header["format"] != _FORMAT or recipe not in (None, header["recipe"]):
                raise DataError(f"{folder}: made by another recipe; delete the folder to make it anew.")
            return cls(
                name=header["name"],
                canvases=np.load(folder / "canvases.npy", mmap_mode="r"),
                points_px={name: np.load(folder / f"points.{name}.npy") for name in header["points"]},
                outputs=np.load(folder / "outputs.npy"),
                # Packs of the first version have one size of the crop.
                face_px=int(header.get("face_px", FACE_PX)),
                drawn=bool(header.get("drawn", False)),
                trust=np.load(folder / _TRUST) if header.get("trust", False) else None,
                terms=str(header.get("terms", "")),
            )
        except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete the folder to make it anew.") from error
