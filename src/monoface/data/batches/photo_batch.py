"""Batches for training: drawn from packs, cropped, and reproducible from a seed and a step number."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.core.errors import DataError
from monoface.data.batches.augment import AugmentConfig, CropPlan, crop_canvases, move_points, plan_crops
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.photo_pack import Pack
from monoface.data.packs.sampling import PackSampler
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.mirroring import CoefficientMirror, mirror_order
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.rotations import matrix_from_axis_angle

_AHEAD = 3


@dataclass(frozen=True)
class TrainingBatch(TensorBatch):
    """What a training step sees.

    Attributes:
        image: Crops in [0, 1], sRGB, channels last in memory.
        points_px: Landmarks in crop pixels by set; NaN where there is none.
        outputs: True output vectors for the crops; zeros where unknown.
        labelled: Where `outputs` is known.
        synthetic: Where the picture was drawn from them; elsewhere they were found in it.
        trust: How much the identity in `outputs` is worth, 0 to 1.
        pack: Which pack each sample is from.
        seeds: A random number of each sample, for whatever a method draws itself: draws that depend on it
            alone are equal however a batch is divided among processes, and in a run that is resumed.
    """

    image: Float[Tensor, "batch 3 height width"]
    points_px: Mapping[str, Float[Tensor, "batch points 2"]]
    outputs: Float[Tensor, "batch outputs"]
    labelled: Bool[Tensor, " batch"]
    synthetic: Bool[Tensor, " batch"]
    trust: Float[Tensor, " batch"]
    pack: Int[Tensor, " batch"]
    seeds: Int[Tensor, " batch"]


class BatchSource(Protocol):
    """Where the training loop has its batches from: a `BatchMaker`, or what draws batches of another kind."""

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> Any:
        """A step's batch, or a part of it, with a method `to(device)`; equal arguments give equal ones."""
        ...


class BatchMaker:
    """Draws batches from packs.

    Args:
        packs: Training samples. Packs of one name are parts of one, which are drawn from by their sizes.
        shares: How much of a batch each pack gets, by name; normalised.
        model: The face model of the packs' coefficients, for what mirroring does to them.
        set_names: Landmark sets that batches carry.
        crop_px: Side of the crops.
        augment: How crops vary; None takes the middle of the canvases unchanged.

    Raises:
        ConfigError: If a share names no pack, or no share is positive.
        DataError: If a pack was made for another face model, has a share but no sample, or has canvases of
            another size than the others.
    """

    def __init__(
        self,
        packs: list[Pack],
        shares: Mapping[str, float],
        model: FaceModel,
        set_names: tuple[str, ...],
        *,
        crop_px: int = 120,
        augment: AugmentConfig | None = None,
    ) -> None:
        self._sampler = PackSampler(packs, shares)
        self.model = model
        self.layout = CoefficientLayout.of(model)
        for pack in packs:
            if pack.outputs.shape[1] != self.layout.size:
                raise DataError(
                    f"pack {pack.name}: expected outputs of length {self.layout.size}, "
                    f"got {pack.outputs.shape[1]}; it was made for another face model."
                )
        self._canvas_px, self._face_px = _sides(packs)
        self.packs = packs
        self.sampled_packs = [
            pack for pack, weight in zip(packs, self._sampler.weights, strict=True) if weight > 0
        ]
        self.set_sizes = {name: len(model.landmarks(name)) for name in set_names}
        self.crop_px = crop_px
        self.augment = augment
        self._mirror_points = {name: mirror_order(model, name) for name in set_names}
        self._mirror = CoefficientMirror(model)

    @property
    def seen(self) -> dict[str, str]:
        """By their names, the terms that the packs state which are drawn from."""
        return {pack.name: pack.terms for pack in self.sampled_packs}

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> TrainingBatch:
        """The batch of a step, or the part of it that one of several processes computes.

        Equal arguments give equal batches, and parts are those of the same whole.
        """
        rng = np.random.default_rng((seed, step))
        chosen, rows = self._sampler.sample(rng, batch)
        plan = self.plan(rng, batch)
        mine = np.arange(batch)[part]
        return self.assemble(chosen[mine], rows[mine], plan[mine])

    def plan(self, rng: np.random.Generator, batch: int) -> CropPlan:
        """Draw how canvases of the packs are cropped."""
        return plan_crops(rng, batch, self._canvas_px, self._face_px, self.crop_px, self.augment)

    def assemble(
        self, chosen: Int[np.ndarray, " batch"], rows: Int[np.ndarray, " batch"], plan: CropPlan
    ) -> TrainingBatch:
        """Cut given samples as planned."""
        image = np.empty((len(rows), self.crop_px, self.crop_px, 3), dtype=np.float32)
        points = {
            name: np.full((len(rows), size, 2), np.nan, np.float32) for name, size in self.set_sizes.items()
        }
        outputs = np.empty((len(rows), self.layout.size), dtype=np.float32)
        trust = np.ones(len(rows), dtype=np.float32)
        for number in np.unique(chosen):
            where, pack = np.flatnonzero(chosen == number), self.packs[number]
            image[where] = crop_canvases(pack.canvases, rows[where], plan[where], self.crop_px)
            outputs[where] = pack.outputs[rows[where]]
            if pack.trust is not None:
                trust[where] = pack.trust[rows[where]]
            for name in points.keys() & pack.points_px.keys():
                points[name][where] = pack.points_px[name][rows[where]]

        labelled = torch.from_numpy(np.isfinite(outputs).all(axis=1))
        moved = {
            name: torch.from_numpy(self._moved(values, self._mirror_points[name], plan))
            for name, values in points.items()
        }
        return TrainingBatch(
            image=torch.from_numpy(image).permute(0, 3, 1, 2),
            points_px=moved,
            outputs=self._moved_outputs(torch.from_numpy(np.nan_to_num(outputs)), plan),
            labelled=labelled,
            synthetic=torch.tensor([pack.synthetic for pack in self.packs])[torch.from_numpy(chosen)],
            trust=torch.from_numpy(trust),
            pack=torch.from_numpy(chosen),
            seeds=torch.from_numpy(plan.seeds),
        )

    def _moved(self, points: np.ndarray, order: np.ndarray, plan: CropPlan) -> np.ndarray:
        renamed = np.where(plan.mirrored[:, None, None] == 1, points[:, order], points)
        return move_points(renamed, plan).astype(np.float32)

    def _moved_outputs(self, outputs: Tensor, plan: CropPlan) -> Tensor:
        coefficients, camera = self.layout.decode_weak(outputs, self._face_px)
        # The origin's place in the face's crop, then in the canvas, then in the new crop.
        margin = (self._canvas_px - self._face_px) / 2
        shift = coefficients.translation_mm[:, :2] * camera.scale_px_per_mm[:, None]
        origin_px = shift + camera.principal_px + margin
        matrix = torch.from_numpy(plan.canvas_crop)
        origin_px = (matrix[..., :2] @ origin_px[..., None])[..., 0] + matrix[..., 2]
        scale = camera.scale_px_per_mm * torch.from_numpy(plan.zoom)
        principal = torch.full_like(origin_px, self.crop_px / 2)
        shift_mm = (origin_px - principal) / scale[:, None]

        faces = self._mirror(coefficients, torch.from_numpy(plan.mirrored).bool())
        turn = torch.from_numpy(plan.turn_rad)
        zero = torch.zeros_like(turn)
        rotation = matrix_from_axis_angle(torch.stack((zero, zero, turn), dim=-1)) @ faces.rotation
        translation = torch.cat((shift_mm, coefficients.translation_mm[:, 2:]), dim=-1)
        moved = replace(faces, rotation=rotation, translation_mm=translation)
        return self.layout.encode(moved, WeakPerspectiveCamera(scale, principal), self.crop_px)


def stream_batches(
    maker: BatchSource, seed: int, start: int, stop: int | None, batch: int, part: slice = slice(None)
) -> Iterator[Any]:
    """Batches (or parts of them) of the steps from `start` on, made ahead in one background thread.

    They end before the step `stop`, or never if it is None.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        waiting: list[Future[Any]] = []
        for step in count(start) if stop is None else range(start, stop):
            waiting.append(pool.submit(maker.sample, seed, step, batch, part))
            if len(waiting) > _AHEAD:
                yield waiting.pop(0).result()
        yield from (future.result() for future in waiting)


def _sides(packs: list[Pack]) -> tuple[int, int]:
    """Side of the canvases and of the faces' crops, which all packs have in common."""
    sides = {(pack.canvas_px, pack.face_px) for pack in packs}
    if len(sides) != 1:
        raise DataError(f"packs: expected canvases and crops of one size, got {sorted(sides)}.")
    return sides.pop()
