"""Batches of three views each, cropped alike, and reproducible from a seed and a step number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.data.batches.augment import AugmentConfig, CropPlan, crop_masks
from monoface.data.batches.photo_batch import BatchMaker, TrainingBatch
from monoface.data.batches.tensors import TensorBatch
from monoface.data.packs.sampling import PackSampler
from monoface.data.packs.view_pack import VIEW_FACE_PX, VIEWS, ViewPack
from monoface.facemodel import FaceModel
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.shading import rotate_radiance

# Fields of a plan that say where pixels come from; of its colours all but noise, and but noise and blur.
_GEOMETRY = ("canvas_crop", "turn_rad", "zoom", "mirrored")
_SHARED, _COLOUR = slice(0, 9), slice(0, 8)
_UNCHANGED_COLOUR = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class ViewAugmentConfig:
    """How crops of views vary.

    Attributes:
        crops: As of single photos; a sample's views are turned, scaled, shifted and mirrored alike. What
            covers a view belongs to it alone, and is no skin.
        own_colours: Whether each view has colours of its own. Photometric consistency needs equal ones.
    """

    crops: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            tumble=0.06, grey=0.0, colour=0.08, blur=0.1, cover=0.0, noise=0.02
        )
    )
    own_colours: bool = False


@dataclass(frozen=True)
class MultiViewBatch(TensorBatch):
    """What a training step that compares views sees; the second of three views is the target.

    Attributes:
        image: Crops in [0, 1], sRGB.
        points_px: Landmarks in crop pixels by set; NaN where there is none.
        outputs: True output vectors for the crops, in the layout of the pack's geometry, then albedo and
            light if the batch carries them; zeros where unknown.
        labelled: Where the geometry's part of `outputs` is known.
        synthetic: Where the picture was drawn from them; elsewhere they were found in it.
        lit: Where its albedo and light are.
        focal_per_size: Focal length of the camera in sides of the crop; NaN where unknown.
        skin: How probably each pixel shows the face's skin with nothing before it.
        gate: What may be compared between the views of a sample: 0 nothing, 1 colours and depths, 2 epipolar
            lines of landmarks too.
        pack: Which pack each sample is from.
        seeds: As `TrainingBatch.seeds`.
    """

    image: Float[Tensor, "batch views 3 height width"]
    points_px: Mapping[str, Float[Tensor, "batch views points 2"]]
    outputs: Float[Tensor, "batch views outputs"]
    labelled: Bool[Tensor, "batch views"]
    synthetic: Bool[Tensor, "batch views"]
    lit: Bool[Tensor, "batch views"]
    focal_per_size: Float[Tensor, "batch views"]
    skin: Float[Tensor, "batch views height width"]
    gate: Int[Tensor, " batch"]
    pack: Int[Tensor, " batch"]
    seeds: Int[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.image)

    def single_views(self) -> TrainingBatch:
        """The views of all samples as samples of their own."""
        return TrainingBatch(
            image=self.image.flatten(0, 1),
            points_px={name: points.flatten(0, 1) for name, points in self.points_px.items()},
            outputs=self.outputs.flatten(0, 1),
            labelled=self.labelled.flatten(),
            synthetic=self.synthetic.flatten(),
            trust=torch.ones_like(self.outputs[..., 0]).flatten(),
            pack=self.pack.repeat_interleave(VIEWS),
            seeds=self.seeds.repeat_interleave(VIEWS),
        )


class MultiViewBatchMaker:
    """Draws batches from packs of views.

    Args:
        packs: Training samples. Packs of one name are parts of one, which are drawn from by their sizes.
        shares: How much of a batch each pack gets, by name; normalised.
        model: The face model of the packs' coefficients.
        set_names: Landmark sets that batches carry.
        white_light: What the light part of the outputs is added to, in spherical harmonics. Without it the
            outputs are geometry alone, as those of `BatchMaker`.
        crop_px: Side of the crops.
        augment: How crops vary; None takes the middle of the canvases unchanged.

    Raises:
        ConfigError: If a share names no pack, or no share is positive.
        DataError: If a pack was made for another face model, has a share but no sample, or has canvases of
            another size than the others.
    """

    def __init__(
        self,
        packs: Sequence[ViewPack],
        shares: Mapping[str, float],
        model: FaceModel,
        set_names: tuple[str, ...],
        *,
        white_light: Float[Tensor, "9 3"] | None = None,
        crop_px: int = VIEW_FACE_PX,
        augment: ViewAugmentConfig | None = None,
    ) -> None:
        self._sampler = PackSampler(packs, shares)
        self.packs = list(packs)
        self.augment = augment
        crops = None if augment is None else augment.crops
        self.frames = BatchMaker(
            [pack.frames for pack in packs], shares, model, set_names, crop_px=crop_px, augment=crops
        )
        self._white_light = white_light
        self._mirror = CoefficientMirror(model)

    @property
    def seen(self) -> dict[str, str]:
        """By their names, the terms that the packs state which are drawn from."""
        return self.frames.seen

    @property
    def crop_px(self) -> int:
        """Side of the crops."""
        return self.frames.crop_px

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> MultiViewBatch:
        """The batch of a step, or the part of it that one of several processes computes.

        Equal arguments give equal batches, and parts are those of the same whole.
        """
        rng = np.random.default_rng((seed, step))
        chosen, rows = self._sampler.sample(rng, batch)
        plan = self._plan(rng, chosen)
        mine = np.arange(batch)[part]
        return self.assemble(chosen[mine], rows[mine], plan[_views_of(mine)])

    def assemble(
        self, chosen: Int[np.ndarray, " batch"], rows: Int[np.ndarray, " batch"], plan: CropPlan
    ) -> MultiViewBatch:
        """Cut given samples; the plan has a row for each view."""
        frames = np.zeros((len(chosen), VIEWS), dtype=np.int64)
        gate = np.zeros(len(chosen), dtype=np.int64)
        for number in np.unique(chosen):
            where = np.flatnonzero(chosen == number)
            frames[where] = self.packs[number].views[rows[where]]
            gate[where] = self.packs[number].gate[rows[where]]
        packs, flat = np.repeat(chosen, VIEWS), frames.reshape(-1)
        singles = self.frames.assemble(packs, flat, plan)
        appearance, lit = self._appearance(packs, flat, plan)
        outputs = torch.cat((singles.outputs, appearance), dim=1)

        def by_sample(tensor: Tensor) -> Tensor:
            return tensor.unflatten(0, (len(chosen), VIEWS))

        return MultiViewBatch(
            image=by_sample(singles.image),
            points_px={name: by_sample(points) for name, points in singles.points_px.items()},
            outputs=by_sample(outputs),
            labelled=by_sample(singles.labelled),
            synthetic=by_sample(singles.synthetic),
            lit=by_sample(lit),
            focal_per_size=by_sample(self._focal(packs, flat, plan)),
            skin=by_sample(self._skin(packs, flat, plan)),
            gate=torch.from_numpy(gate),
            pack=torch.from_numpy(chosen),
            seeds=singles.seeds[::VIEWS],
        )

    def _plan(self, rng: np.random.Generator, chosen: np.ndarray) -> CropPlan:
        """A row for each view; those of one sample agree in all that moves or recolours pixels."""
        plan = self.frames.plan(rng, VIEWS * len(chosen))
        first = np.repeat(np.arange(0, len(plan.zoom), VIEWS), VIEWS)
        colour = plan.colour.copy()
        if self.augment is not None and not self.augment.own_colours:
            colour[:, _SHARED] = colour[first, _SHARED]
        # Where the light is known, it is that of the picture as it was drawn.
        known = np.array([np.isfinite(pack.light).any() for pack in self.packs])[np.repeat(chosen, VIEWS)]
        colour[known, _COLOUR] = _UNCHANGED_COLOUR
        return replace(plan, colour=colour, **{name: getattr(plan, name)[first] for name in _GEOMETRY})

    def _appearance(
        self, packs: np.ndarray, rows: np.ndarray, plan: CropPlan
    ) -> tuple[Float[Tensor, "frames coeffs"], Bool[Tensor, " frames"]]:
        """Albedo and light as a layout has them, and where they are known."""
        albedo = torch.from_numpy(
            np.stack([self.packs[n].albedo[row] for n, row in zip(packs, rows, strict=True)])
        )
        light = torch.from_numpy(
            np.stack([self.packs[n].light[row] for n, row in zip(packs, rows, strict=True)])
        )
        lit = albedo.isfinite().all(dim=1) & light.isfinite().all(dim=(1, 2))
        if self._white_light is None:
            return albedo[:, :0], lit
        mirrored = torch.from_numpy(plan.mirrored).bool()
        albedo = self._mirror.albedo(albedo, mirrored)
        light = self._mirror.light(light, mirrored)
        turn = torch.from_numpy(plan.turn_rad)
        zero = torch.zeros_like(turn)
        light = rotate_radiance(light, matrix_from_axis_angle(torch.stack((zero, zero, turn), dim=-1)))
        both = torch.cat((albedo, (light - self._white_light).flatten(1)), dim=1)
        return torch.where(lit[:, None], both, 0.0), lit

    def _focal(self, packs: np.ndarray, rows: np.ndarray, plan: CropPlan) -> Float[Tensor, " frames"]:
        """Focal lengths in sides of the crops that are cut, which may be wider or closer than the face's."""
        of_face = [self.packs[n].focal_per_size[row] for n, row in zip(packs, rows, strict=True)]
        return torch.from_numpy(np.array(of_face, np.float32) * plan.zoom * VIEW_FACE_PX / self.crop_px)

    def _skin(self, packs: np.ndarray, rows: np.ndarray, plan: CropPlan) -> Tensor:
        skin = np.empty((len(rows), self.crop_px, self.crop_px), dtype=np.float32)
        for number in np.unique(packs):
            where = np.flatnonzero(packs == number)
            skin[where] = crop_masks(self.packs[number].skin, rows[where], plan[where], self.crop_px)
        return torch.from_numpy(skin)


def _views_of(samples: Int[np.ndarray, " batch"]) -> Int[np.ndarray, " views"]:
    """Rows of the views of samples."""
    return (VIEWS * samples[:, None] + np.arange(VIEWS)).reshape(-1)
