"""Batches for the face parser: crops with the class of each pixel, varied far beyond what the photos show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from PIL import Image
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig, CropPlan, crop_canvases, plan_crops
from monoface.data.batches.occluders import OccluderConfig, cover_face
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.parsing_pack import UNKNOWN, ParsingPack
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.networks import PARSING_CLASSES

_BACKGROUND, _SKIN, _HAIR, _EYES, _NOSE, _MOUTH, _OCCLUDER = range(len(PARSING_CLASSES))
# How far log linear RGB of skin moves, from light to dark, and how much each class follows: the line of
# skin tones, along which blue and green fall faster than red.
_TONE_LINE = np.array((0.75, 1.0, 1.15), dtype=np.float32)
_FOLLOWS_TONE = np.array((0.0, 1.0, 0.0, 0.0, 1.0, 0.75, 0.0), dtype=np.float32)
# How far tones go either way, in logarithms of linear green: 2 leaves an eighth of its light.
_DARKER, _LIGHTER = 2.2, 0.4
_SRGB_EXPONENT = 2.2
_CORNER_PX = 50


@dataclass(frozen=True)
class ParsingAugmentConfig:
    """How crops and their classes vary.

    Attributes:
        crop: Turn, size, colour and noise. Its own plain covers are not used.
        occluders: What comes to lie over faces.
        tone: Probability that skin gets another tone.
        background: Probability that what is behind a head is replaced, where the mask says what that is.
    """

    crop: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(turn_deg=14, scale=0.1, shift=0.05, cover=0.0, tumble=0.05)
    )
    occluders: OccluderConfig = field(default_factory=OccluderConfig)
    tone: float = 0.6
    background: float = 0.6


@dataclass(frozen=True)
class ParsingBatch(TensorBatch):
    """What a training step of the parser sees.

    Attributes:
        image: Crops in [0, 1], sRGB.
        classes: Index into `PARSING_CLASSES` of each pixel; 255 where nothing is known.
        pack: Which pack each sample is from.
    """

    image: Float[Tensor, "batch 3 height width"]
    classes: Int[Tensor, "batch height width"]
    pack: Int[Tensor, " batch"]


class ParsingBatchMaker:
    """Draws batches from packs.

    Args:
        packs: Training samples.
        shares: How much of a batch each pack gets, by name; normalised.
        scenery: Canvases whose pixels become backgrounds and surfaces of occluders.
        crop_px: Side of the crops.
        augment: How crops vary; None takes the middle of the canvases unchanged.

    Raises:
        ConfigError: If a share names no pack, no share is positive, or there is no scenery.
    """

    def __init__(
        self,
        packs: Sequence[ParsingPack],
        shares: Mapping[str, float],
        scenery: UInt8[np.ndarray, "photos 160 160 3"],
        *,
        crop_px: int = 128,
        augment: ParsingAugmentConfig | None = None,
    ) -> None:
        names = [pack.name for pack in packs]
        if unknown := shares.keys() - set(names):
            raise ConfigError(f"shares: no pack is called {', '.join(sorted(unknown))}; there are {names}.")
        weights = np.array([shares.get(name, 0.0) for name in names])
        if weights.sum() <= 0 or min(weights) < 0 or not len(scenery):
            raise ConfigError("parsing batches: expected positive shares and some scenery.")
        self.packs = list(packs)
        self.crop_px = crop_px
        self.augment = augment
        self._scenery = scenery
        self._cumulative = np.cumsum(weights / weights.sum())

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> ParsingBatch:
        """The batch of a step, or the part of it that one of several processes computes.

        Equal arguments give equal batches, and parts are those of the same whole.
        """
        rng = np.random.default_rng((seed, step))
        chosen = np.minimum(np.searchsorted(self._cumulative, rng.random(batch)), len(self.packs) - 1)
        rows = np.array([rng.integers(len(self.packs[number])) for number in chosen])
        crop = self.augment.crop if self.augment else None
        plan = plan_crops(rng, batch, CANVAS_PX, FACE_PX, self.crop_px, crop)
        return self._assemble(chosen, rows, plan, np.arange(batch)[part])

    def each(self, number: int, seed: int) -> ParsingBatch:
        """Every sample of a pack once, in order."""
        count = len(self.packs[number])
        crop = self.augment.crop if self.augment else None
        plan = plan_crops(np.random.default_rng(seed), count, CANVAS_PX, FACE_PX, self.crop_px, crop)
        return self._assemble(np.full(count, number), np.arange(count), plan, np.arange(count))

    def _assemble(
        self, chosen: np.ndarray, rows: np.ndarray, plan: CropPlan, mine: Int[np.ndarray, " part"]
    ) -> ParsingBatch:
        images = np.empty((len(mine), self.crop_px, self.crop_px, 3), dtype=np.float32)
        classes = np.empty(images.shape[:3], dtype=np.uint8)
        for place, sample in enumerate(mine):
            pack = self.packs[chosen[sample]]
            one = CropPlan(**{name: values[sample, None] for name, values in vars(plan).items()})
            images[place], classes[place] = self._sample(pack, int(rows[sample]), one)
        return ParsingBatch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            torch.from_numpy(classes).long(),
            torch.from_numpy(chosen[mine]),
        )

    def _sample(
        self, pack: ParsingPack, row: int, plan: CropPlan
    ) -> tuple[Float32[np.ndarray, "height width 3"], UInt8[np.ndarray, "height width"]]:
        """A crop and its classes, as planned; all else follows from the plan's seed."""
        canvas, mask = np.asarray(pack.canvases[row]), pack.masks[row]
        if self.augment is not None:
            rng = np.random.default_rng(int(plan.seeds[0]))
            canvas, mask = self._varied(canvas, mask, rng, self.augment)
        image = crop_canvases(canvas[None], np.zeros(1, int), plan, self.crop_px)[0]
        return image, crop_classes(mask, plan.canvas_crop[0], self.crop_px)

    def _varied(
        self, canvas: np.ndarray, mask: np.ndarray, rng: np.random.Generator, augment: ParsingAugmentConfig
    ) -> tuple[UInt8[np.ndarray, "side side 3"], UInt8[np.ndarray, "side side"]]:
        """A canvas in another skin, before another background, and partly covered.

        All of it is seen by the same camera, so it is done before colour, blur and noise.
        """
        if rng.random() < augment.tone:
            darker = float(rng.uniform(-_LIGHTER, _DARKER))
            canvas = with_other_tone(canvas, mask, darker)
        if rng.random() < augment.background and not (mask == UNKNOWN).any():
            canvas = np.where((mask == _BACKGROUND)[..., None], self._surface(rng, corner=True), canvas)
        surface = self._surface(rng, corner=rng.random() < 0.5)
        return cover_face(canvas, mask, surface, rng, augment.occluders)

    def _surface(self, rng: np.random.Generator, *, corner: bool) -> UInt8[np.ndarray, "160 160 3"]:
        """A square part of a photo, enlarged to a canvas and turned by quarters.

        Args:
            rng: Where randomness comes from.
            corner: Whether it is from a corner of the photo, where no face is to be expected.
        """
        photo = self._scenery[rng.integers(len(self._scenery))]
        side = int(rng.integers(16, _CORNER_PX if corner else CANVAS_PX))
        ends = rng.integers(0, 2, 2) if corner else rng.random(2)
        left, top = (ends * (CANVAS_PX - side)).astype(int)
        part = Image.fromarray(np.ascontiguousarray(photo[top : top + side, left : left + side]))
        enlarged = np.asarray(part.resize((CANVAS_PX, CANVAS_PX), Image.Resampling.BILINEAR))
        turned: np.ndarray = np.rot90(enlarged, int(rng.integers(4)))
        return turned


def crop_classes(
    mask: UInt8[np.ndarray, "side side"], canvas_crop: Float32[np.ndarray, "2 3"], crop_px: int
) -> UInt8[np.ndarray, "height width"]:
    """Class of the canvas's pixel under the centre of each pixel of a crop; background outside of it."""
    inverse = np.linalg.inv(canvas_crop[:, :2])
    centres = np.arange(crop_px, dtype=np.float32) + np.float32(0.5)
    x, y = centres - canvas_crop[0, 2], (centres - canvas_crop[1, 2])[:, None]
    # One pixel of background on every side stands for all that lies beyond.
    padded = np.pad(mask, 1, constant_values=_BACKGROUND)
    at_x, at_y = (
        np.clip(row[0] * x + row[1] * y + 1, 0, limit - 1).astype(np.int32)
        for row, limit in zip(inverse, padded.shape[::-1], strict=True)
    )
    cut: np.ndarray = padded[at_y, at_x]
    return cut


def with_other_tone(
    canvas: UInt8[np.ndarray, "height width 3"], mask: UInt8[np.ndarray, "height width"], darker: float
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture whose skin is darker or lighter along the line of skin tones; the light stays.

    Args:
        canvas: Picture, sRGB.
        mask: Classes of its pixels; unknown ones keep their colour.
        darker: By how much the logarithm of linear green falls; may be negative.
    """
    follows = _FOLLOWS_TONE[np.where(mask == UNKNOWN, _BACKGROUND, mask)]
    padded = np.pad(follows, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    soft = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    gain = np.exp(-darker / _SRGB_EXPONENT * soft[..., None] * _TONE_LINE)
    changed: np.ndarray = np.clip(canvas * gain, 0, 255).astype(np.uint8)
    return changed
