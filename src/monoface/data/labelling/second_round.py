"""Second round of labels: what a trained network sees in photos, drawn towards their landmarks.

The face-mesh network that labels the first round is right to 3 % of the face's size on frontal photos
but only to 4 % beyond 30 degrees of yaw, and marks nothing beyond 48; fits to annotated points alone do
not know the hidden half. A network that was trained on both is better than either, and better again
when it is corrected by the points that people annotated.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.core.errors import ConfigError
from monoface.core.progress import track
from monoface.data.batches.augment import crop_canvases, plan_crops
from monoface.data.labelling.profile_yaw import turn_profiles_further
from monoface.data.labelling.pseudo_labels import TEACHER_SET, concatenate_sets
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet, PointBasis
from monoface.facemodel.fitting import CorrectionConfig, LandmarkFit, correct_fit
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.networks import load_regressor
from monoface.regression import CropPredictor, Passes, regress_crops

_BATCH = 512
_MARGIN_PX = (CANVAS_PX - FACE_PX) / 2
# Neighbouring points of the face-mesh network say the same; a sixth of them is enough to correct a guess.
_TEACHER_STEP = 6


@dataclass(frozen=True)
class SecondRoundConfig:
    """How a trained network labels photos anew.

    Attributes:
        weights: The trained regressor; without one there is no second round.
        correction: How its prediction is weighed against landmarks.
        teacher_weight: Weight of all points of the face-mesh network together; an annotated set has 1.
        teacher_yaw_deg: Yaw up to which the face-mesh network's points are believed.
        extra_yaw_deg: How much further faces that look aside are turned; see `data.profile_yaw`.
        min_annotated: Annotated points that a photo must have, if the face-mesh network marked nothing.
        max_error_percent: Photos whose annotated points lie further from the corrected prediction keep
            their points alone.
        max_turned_percent: Photos whose dense points lie further from it are not turned out of plane.
    """

    weights: Path | None = None
    correction: CorrectionConfig = field(default_factory=CorrectionConfig)
    teacher_yaw_deg: float = 30.0
    # Fixed; see `core.fixed_settings`.
    teacher_weight: ClassVar[float] = 0.1
    extra_yaw_deg: ClassVar[float] = 2.0
    min_annotated: ClassVar[int] = 5
    max_turned_percent: ClassVar[float] = 2.5
    max_error_percent: float = 6.0


@dataclass(frozen=True)
class Relabelled:
    """A pack with new labels.

    Attributes:
        pack: The photos; points of the face-mesh network only where they are still believed.
        turnable: Near-frontal photos whose geometry fits well enough to be turned out of plane.
        aside_deg: How far each face looks aside; NaN where its coefficients are not known.
    """

    pack: Pack
    turnable: Bool[np.ndarray, " samples"]
    aside_deg: Float[np.ndarray, " samples"]


@dataclass(frozen=True)
class Corrected:
    """What a network sees in photos, after correction.

    Attributes:
        outputs: Output vectors for crops of `FACE_PX`.
        error_percent: Mean distance of the landmarks that corrected; infinite where there are none.
        teacher: Where the face-mesh network was believed.
    """

    outputs: Float[Tensor, "samples outputs"]
    error_percent: Float32[np.ndarray, " samples"]
    teacher: Bool[np.ndarray, " samples"]


class SecondRound:
    """Labels packs of the first round anew.

    Args:
        model: The face model; has the landmark sets of the packs.
        config: With weights.

    Raises:
        ConfigError: If there are no weights, or they are of another coefficient space.
    """

    def __init__(self, model: FaceModel, config: SecondRoundConfig) -> None:
        if config.weights is None:
            raise ConfigError("second round: expected the weights of a trained regressor, got none.")
        regressor, info = load_regressor(config.weights)
        if info.coefficient_space != model.coefficient_space:
            raise ConfigError(
                f"second round: expected weights in the space {model.coefficient_space}, got "
                f"{info.coefficient_space}."
            )
        self.config = config
        self._model = model
        self._layout = CoefficientLayout.of(model)
        self._predictor = CropPredictor.of_network(regressor, self._layout)
        self._passes = Passes(
            2 if self._predictor.sees_landmarks else 1,
            mapped=model.subset(model.landmarks(FLM18)),
            mirror=CoefficientMirror(model),
            mirror_each=True,
        )

    def relabel(self, pack: Pack) -> Relabelled:
        """The same photos with the network's corrected predictions for labels, where they are believed."""
        found = self.corrected(pack)
        annotated = sum(
            np.isfinite(points).all(axis=-1).sum(axis=-1)
            for name, points in pack.points_px.items()
            if name != TEACHER_SET
        )
        known = found.teacher | (annotated >= self.config.min_annotated)
        known &= found.error_percent <= self.config.max_error_percent
        outputs = np.where(known[:, None], found.outputs.numpy(), np.nan).astype(np.float32)
        points_px = dict(pack.points_px)
        if TEACHER_SET in points_px:
            points_px[TEACHER_SET] = np.where(
                found.teacher[:, None, None], points_px[TEACHER_SET], np.float32(np.nan)
            )
        turnable = known & found.teacher & (found.error_percent <= self.config.max_turned_percent)
        aside = np.where(known, _yaw_deg(self._layout, found.outputs).abs().numpy(), np.nan)
        return Relabelled(dataclasses.replace(pack, outputs=outputs, points_px=points_px), turnable, aside)

    def corrected(self, pack: Pack) -> Corrected:
        """The network's predictions, drawn towards the landmarks that each photo has."""
        sets = {name: self._thinned(name) for name in sorted(pack.points_px)}
        used = [pack.points_px[name][:, rows] for name, rows in sets.items()]
        points = torch.from_numpy(np.concatenate(used, axis=1)) - _MARGIN_PX
        start = self.predict(pack)
        start_yaw = _yaw_deg(self._layout, start).abs()
        weights, teacher = self._weights({name: len(rows) for name, rows in sets.items()}, points, start_yaw)
        chosen = [_rows_of(self._model.landmarks(name), rows) for name, rows in sets.items()]
        basis = self._model.subset(concatenate_sets(chosen))
        parts = track(_parts(len(pack)), f"correcting labels of {pack.name}", "batches")
        fits = [self._correct(basis, start[rows], points[rows], weights[rows]) for rows in parts]
        return Corrected(
            torch.cat([fit.output for fit in fits]),
            torch.cat([fit.error_percent for fit in fits]).numpy(),
            teacher,
        )

    def predict(self, pack: Pack) -> Float[Tensor, "samples outputs"]:
        """The network's predictions, before any correction: mean of those for photos and mirror images."""
        parts = track(_parts(len(pack)), f"labelling {pack.name} anew", "batches")
        return torch.cat([self._predict(pack, np.arange(len(pack))[rows]) for rows in parts])

    def _correct(self, basis: PointBasis, start: Tensor, points: Tensor, weights: Tensor) -> LandmarkFit:
        fit = correct_fit(basis, start, points, weights, FACE_PX, self.config.correction)
        seen = torch.where(weights[..., None] > 0, points, torch.nan)
        turned = turn_profiles_further(fit, basis, seen, self.config.extra_yaw_deg, FACE_PX)
        # Without two points nothing says how large a face that was turned should be.
        enough = ((weights > 0).sum(dim=1) >= 2)[:, None]
        return dataclasses.replace(turned, output=torch.where(enough, turned.output, fit.output))

    def _thinned(self, name: str) -> Int[np.ndarray, " chosen"]:
        """Which points of a set are used."""
        return np.arange(0, len(self._model.landmarks(name)), _TEACHER_STEP if name == TEACHER_SET else 1)

    def _predict(self, pack: Pack, rows: Int[np.ndarray, " batch"]) -> Float[Tensor, "batch outputs"]:
        """Mean of the predictions for the crops and for their mirror images.

        A network with a landmark map looks twice, the second time with the landmarks of the first mean.
        """
        size = self._predictor.size_px
        middle = plan_crops(np.random.default_rng(0), len(rows), CANVAS_PX, FACE_PX, size, None)
        found = regress_crops(self._predictor, crop_canvases(pack.canvases, rows, middle, size), self._passes)
        return in_torch(self._layout.encode(found.coefficients, found.camera, size))

    def _weights(
        self, sizes: dict[str, int], points: Tensor, yaw_deg: Tensor
    ) -> tuple[Float[Tensor, "samples points"], Bool[np.ndarray, " samples"]]:
        """Weight of each landmark, and in which photos the face-mesh network is believed."""
        weights = []
        teacher = torch.zeros(len(points), dtype=torch.bool)
        start = 0
        for name, size in sizes.items():
            seen = points[:, start : start + size].isfinite().all(dim=-1)
            share = seen / seen.sum(dim=1, keepdim=True).clamp_min(1)
            if name == TEACHER_SET:
                teacher = seen.any(dim=1) & (yaw_deg <= self.config.teacher_yaw_deg)
                share = share * self.config.teacher_weight * teacher[:, None]
            weights.append(share)
            start += size
        return torch.cat(weights, dim=1), teacher.numpy()


def _rows_of(points: LandmarkSet, rows: np.ndarray) -> LandmarkSet:
    return LandmarkSet(points.index[rows], points.weight[rows])


def _parts(count: int) -> list[slice]:
    return [slice(start, min(start + _BATCH, count)) for start in range(0, count, _BATCH)]


def _yaw_deg(layout: CoefficientLayout, outputs: Tensor) -> Float[Tensor, " samples"]:
    rotation = layout.decode(outputs, FACE_PX)[0].rotation
    return torch.rad2deg(head_angles_from_matrix(camera_to_head(rotation))[0])
