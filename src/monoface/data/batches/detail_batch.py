"""Batches for the fine stage: heads under two lights side by side, and photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.detail_pack import DetailPack

# Share of pairs of heads that relief and paint of another head are added to, and how much of them.
_GRAFTED = 0.3
_GRAFT = (0.4, 1.0)
# Share of pairs of heads that are seen less sharply, as small photos show faces, and how much so.
_BLURRED = 0.6
_BLUR = (0.3, 1.0)


@dataclass(frozen=True)
class DetailBatch(TensorBatch):
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
        donor: Row of a head whose relief and paint may be added; its own row where there is none.
        graft: How much of them is added; the same for both lights.
        mirrored: Whether the mirror image is looked at; the same for both lights.
        blur: How far a head is seen as small photos show faces, 0 to 1; the same for both lights.
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
    donor: Int[Tensor, " batch"]
    graft: Float[Tensor, " batch"]
    mirrored: Bool[Tensor, " batch"]
    blur: Float[Tensor, " batch"]


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

    Says of each row whether its mirror image is looked at, and which head's relief is added to it.

    Args:
        heads: Packs whose rows of one head lie side by side; may be missing.
        photos: May be missing.
        photo_share: Part of a batch that are photos.

    Raises:
        ConfigError: If the share asks for what is missing.
        DataError: If no head is seen under two lights.
    """

    def __init__(
        self, heads: Sequence[DetailPack], photos: Sequence[DetailPack] = (), photo_share: float = 0.25
    ) -> None:
        if not 0 <= photo_share <= 1:
            raise ConfigError(f"photo_share: expected 0 to 1, got {photo_share}.")
        if (photo_share < 1 and not heads) or (photo_share > 0 and not photos):
            raise ConfigError(f"photo_share {photo_share}: expected packs of what has a share, got none.")
        self._share = photo_share
        self._pairs = [(pack, row) for pack in heads for row in _first_of_pairs(pack.head)]
        self._photos = [(pack, row) for pack in photos for row in range(len(pack))]
        if heads and not self._pairs:
            raise DataError("packs of heads: expected heads under two lights, got none.")

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> DetailBatch:
        """The batch of a step, or a part of it; equal arguments give equal batches."""
        rng = np.random.default_rng((seed, step, 31))
        pairs = round(batch * (1 - self._share) / 2)
        rows: list[tuple[DetailPack, int]] = []
        for _ in range(pairs):
            pack, first = self._pairs[rng.integers(len(self._pairs))]
            rows += [(pack, first), (pack, first + 1)]
        others = self._photos or self._pairs
        while len(rows) < batch:
            rows.append(others[rng.integers(len(others))])
        numbers = np.arange(batch)
        of_pair = numbers < 2 * pairs
        twins = np.where(of_pair, numbers ^ 1, numbers)
        # Both rows of a pair get the same donor; a photo gets any head.
        donors = 2 * rng.integers(max(pairs, 1), size=batch)
        shares = np.where(of_pair & (rng.random(batch) > _GRAFTED), 0.0, rng.uniform(*_GRAFT, batch))
        mirrored = rng.random(batch) < 0.5
        blur = np.where(of_pair & (rng.random(batch) < _BLURRED), rng.uniform(*_BLUR, batch), 0.0)
        for values in (donors, shares, mirrored, blur):
            values[1 : 2 * pairs : 2] = values[0 : 2 * pairs : 2]
        if not pairs:
            donors, shares = numbers, np.zeros(batch)
        kept = numbers[part]
        return assemble(
            rows[:batch][part],
            _within(kept, twins[part]),
            _within(kept, donors[part]),
            np.where(np.isin(donors[part], kept), shares[part], 0.0),
            mirrored[part],
            blur[part],
        )


def assemble(
    rows: Sequence[tuple[DetailPack, int]],
    twin: Int[np.ndarray, " rows"] | None = None,
    donor: Int[np.ndarray, " rows"] | None = None,
    graft: Float[np.ndarray, " rows"] | None = None,
    mirrored: Bool[np.ndarray, " rows"] | None = None,
    blur: Float[np.ndarray, " rows"] | None = None,
) -> DetailBatch:
    """A batch of given rows of packs, with pictures if all of these have some.

    Without twins, grafts, mirror images and blur, if not given.
    """
    own = np.arange(len(rows))

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(pack, name)[row] for pack, row in rows])).float()

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
        twin=torch.from_numpy(own if twin is None else twin),
        donor=torch.from_numpy(own if donor is None else donor),
        graft=torch.from_numpy(np.zeros(len(rows)) if graft is None else graft).float(),
        mirrored=torch.from_numpy(np.zeros(len(rows), dtype=bool) if mirrored is None else mirrored),
        blur=torch.from_numpy(np.zeros(len(rows)) if blur is None else blur).float(),
    )
    if any(pack.picture is None or pack.camera is None for pack, _ in rows):
        return batch
    pictures = stacked("picture").permute(0, 3, 1, 2) / 255
    return PicturedDetailBatch(**vars(batch), picture=pictures, camera=stacked("camera"))


def _first_of_pairs(head: np.ndarray) -> list[int]:
    """Rows that the next row shares its head with."""
    first: list[int] = np.flatnonzero(head[:-1] == head[1:]).tolist()
    return first


def _within(kept: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rows of a batch as rows of a part of it; in place of one outside of it, each row itself."""
    place = {int(number): row for row, number in enumerate(kept)}
    return np.array([place.get(int(other), row) for row, other in enumerate(others)], dtype=np.int64)
