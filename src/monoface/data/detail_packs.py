"""Packs of unwrapped faces: what the fine stage learns from, with known relief or without."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Float32, Int, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.core.files import write_atomically

_FORMAT = "monoface-detail-pack-1"
_HEADER = "pack.json"
_OPTIONAL = ("picture", "camera")


@dataclass(frozen=True)
class DetailPack:
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
        maps: What the translator sees (`methods.detail.maps`), made once, so that a step is cheap.
        head: Number of the face: rows of one number are one face under several lights, one after the other.
        picture: Crops of the photos, sRGB, for losses on pixels; packs may be without.
        camera: Of these, weakly perspective: pixels a millimetre, and where the viewing axis meets them.
    """

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

    def save(self, folder: Path) -> None:
        """Write the pack; complete once `pack.json` is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _HEADER).unlink(missing_ok=True)
        for name, array in vars(self).items():
            (folder / f"{name}.npy").unlink(missing_ok=True)
            if array is not None:
                np.save(folder / f"{name}.npy", array)
        write_atomically(folder / _HEADER, json.dumps({"format": _FORMAT, "faces": len(self)}).encode())

    @classmethod
    def load(cls, folder: Path) -> "DetailPack":
        """Read a pack; its arrays stay on disk and are mapped into memory.

        Raises:
            DataError: If there is no complete pack, or it is damaged.
        """
        path = folder / _HEADER
        if not path.is_file():
            raise DataError(f"{folder}: expected a finished pack, found no {_HEADER}.")
        try:
            if json.loads(path.read_text(encoding="utf-8"))["format"] != _FORMAT:
                raise DataError(f"{folder}: written in another format; delete the folder to make it anew.")
            files = {field.name: folder / f"{field.name}.npy" for field in fields(cls)}
            kept = {name: file for name, file in files.items() if name not in _OPTIONAL or file.is_file()}
            return cls(**{name: np.load(file, mmap_mode="r") for name, file in kept.items()})
        except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete the folder to make it anew.") from error

    @classmethod
    def joined(cls, packs: Sequence["DetailPack"]) -> "DetailPack":
        """Several packs as one, in memory; faces are numbered anew."""
        first = np.cumsum([0, *(int(pack.head.max()) + 1 for pack in packs[:-1])])
        known = [name for name in vars(packs[0]) if all(getattr(pack, name) is not None for pack in packs)]
        arrays = {name: np.concatenate([getattr(pack, name) for pack in packs]) for name in known}
        heads = [pack.head + start for pack, start in zip(packs, first, strict=True)]
        return cls(**arrays | {"head": np.concatenate(heads)})


@dataclass(frozen=True)
class DetailBatch:
    """What a step of the fine stage sees.

    Attributes:
        photo: Unwrapped photos, sRGB, 0 to 1.
        seen: Weight of each texel.
        verts_camera: Coarse faces in the camera frame, millimetres.
        rotation: From the model frame to the camera frame.
        albedo: Coefficients.
        light: In the camera frame.
        height_mm: Known relief; zeros where unknown.
        paint: Known paint; zeros where unknown.
        maps: What the translator sees.
        known: Whether relief and paint are known.
        twin: Row of the same face under another light; its own row where there is none.
    """

    photo: Float[Tensor, "batch 3 size size"]
    seen: Float[Tensor, "batch size size"]
    verts_camera: Float[Tensor, "batch verts 3"]
    rotation: Float[Tensor, "batch 3 3"]
    albedo: Float[Tensor, "batch albedo"]
    light: Float[Tensor, "batch 9 3"]
    height_mm: Float[Tensor, "batch size size"]
    paint: Float[Tensor, "batch size size"]
    maps: Float[Tensor, "batch channels size size"]
    known: Bool[Tensor, " batch"]
    twin: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> "DetailBatch":
        """The same batch on another device."""
        return type(self)(**{name: tensor.to(device) for name, tensor in vars(self).items()})


@dataclass(frozen=True)
class PicturedDetailBatch(DetailBatch):
    """What it also sees where all packs have pictures.

    Attributes:
        picture: Crops of the photos, sRGB, 0 to 1.
        camera: Of these: pixels a millimetre, and where the viewing axis meets them.
    """

    picture: Float[Tensor, "batch 3 side side"]
    camera: Float[Tensor, "batch 3"]


class DetailBatchMaker:
    """Draws batches: heads under two lights side by side, and photos.

    Args:
        heads: Rows come in pairs of one head; may be missing.
        photos: May be missing.
        photo_share: Part of a batch that are photos.

    Raises:
        ConfigError: If the share asks for what is missing.
    """

    def __init__(
        self, heads: DetailPack | None, photos: DetailPack | None, photo_share: float = 0.25
    ) -> None:
        if not 0 <= photo_share <= 1:
            raise ConfigError(f"photo_share: expected 0 to 1, got {photo_share}.")
        if (photo_share < 1 and heads is None) or (photo_share > 0 and photos is None):
            raise ConfigError(f"photo_share {photo_share}: expected packs of what has a share, got none.")
        self._heads, self._photos, self._share = heads, photos, photo_share
        self._first = np.zeros(0, dtype=np.int64) if heads is None else _first_of_pairs(heads.head)

    def draw(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> DetailBatch:
        """The batch of a step, or a part of it; equal arguments give equal batches."""
        rng = np.random.default_rng((seed, step, 31))
        pairs = round(batch * (1 - self._share) / 2)
        rows: list[tuple[DetailPack, int]] = []
        for _ in range(pairs):
            assert self._heads is not None
            first = int(self._first[rng.integers(len(self._first))])
            rows += [(self._heads, first), (self._heads, first + 1)]
        while len(rows) < batch:
            pack = self._photos or self._heads
            assert pack is not None
            rows.append((pack, int(rng.integers(len(pack)))))
        numbers = np.arange(batch)
        twins = np.where(numbers < 2 * pairs, numbers ^ 1, numbers)
        return assemble(rows[:batch][part], _within(numbers[part], twins[part]))


def assemble(rows: Sequence[tuple[DetailPack, int]], twin: Int[np.ndarray, " rows"]) -> DetailBatch:
    """A batch of given rows of packs, with pictures if all of these have some."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(pack, name)[row] for pack, row in rows]).astype(np.float32))

    height = stacked("height_mm")
    batch = DetailBatch(
        photo=stacked("photo").permute(0, 3, 1, 2) / 255,
        seen=stacked("seen") / 255,
        verts_camera=stacked("verts_camera"),
        rotation=stacked("rotation"),
        albedo=stacked("albedo"),
        light=stacked("light"),
        height_mm=height.nan_to_num(),
        paint=stacked("paint").nan_to_num(),
        maps=stacked("maps"),
        known=height.isfinite().flatten(1).all(dim=1),
        twin=torch.from_numpy(np.asarray(twin)),
    )
    if any(pack.picture is None or pack.camera is None for pack, _ in rows):
        return batch
    pictures = stacked("picture").permute(0, 3, 1, 2) / 255
    return PicturedDetailBatch(**vars(batch), picture=pictures, camera=stacked("camera"))


def _first_of_pairs(head: np.ndarray) -> np.ndarray:
    """Rows that the next row shares its head with."""
    first: np.ndarray = np.flatnonzero(head[:-1] == head[1:])
    if not len(first):
        raise DataError("pack of heads: expected heads under two lights, got none.")
    return first


def _within(numbers: np.ndarray, twins: np.ndarray) -> np.ndarray:
    """Twins as rows of a part of a batch; a twin outside of it is none."""
    place = {int(number): row for row, number in enumerate(numbers)}
    return np.array([place.get(int(twin), row) for row, twin in enumerate(twins)])
