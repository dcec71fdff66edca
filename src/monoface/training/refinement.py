"""What measuring faces needs besides a network: learned from photos, and kept in the network's file.

A provisional refinement lets the pipeline measure photos by the points alone. From that come the habits of
the network's points, and, with people of whom more is known than a photo tells, the map of identities.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from monoface.core.assets import asset_sha256
from monoface.facemodel import FaceModel
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.evidence import Evidence, Poses, gather
from monoface.facemodel.identity_prior import IdentityMap
from monoface.facemodel.point_model import PointModel
from monoface.facemodel.refinement import (
    Looked,
    RefineConfig,
    SeenPoints,
    look,
    marked_points,
    measured_identity,
)
from monoface.networks import RegressorInfo
from monoface.networks.recognition_weights import DESCRIPTOR_SIZE
from monoface.pipeline.refinement_file import DESCRIPTOR, MEASURED, REGRESSED, Refinement
from monoface.pipeline.refining import RECOGNITION_FILE, Measurement

# Variance of what a provisional map believes of the network's own identity.
_PROVISIONAL_VARIANCE = 0.3
# Information, in 1/mm^2, that a point lies where the face model has it.
_NO_HABIT = 0.05
_PHOTOS_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class MeasuredPhotos:
    """Faces of photos, one a photo, and what they were measured by.

    Attributes:
        seen: Their points.
        start: What the network says of them.
        inputs: What identity maps may see.
    """

    seen: SeenPoints
    start: Poses
    inputs: Mapping[str, Float[np.ndarray, "photos _"]]

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> "MeasuredPhotos":
        """Those of several faces."""
        every = list(measurements)
        inputs = {name: np.concatenate([one.inputs[name] for one in every]) for name in every[0].inputs}
        return cls(
            SeenPoints.joined([one.seen for one in every]), Poses.joined([one.start for one in every]), inputs
        )

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, rows: slice | np.ndarray) -> "MeasuredPhotos":
        inputs = {name: values[rows] for name, values in self.inputs.items()}
        return MeasuredPhotos(self.seen[rows], self.start[rows], inputs)


def provisional_refinement(info: RegressorInfo, model: FaceModel, config: RefineConfig) -> Refinement:
    """A refinement that believes the network, to find out what measuring would see.

    Raises:
        ConfigError: If the landmark sets of the weights' points are named twice.
        ModelFileError: If the face model lacks one of them.
    """
    size = model.identity_size
    inputs = ((DESCRIPTOR, DESCRIPTOR_SIZE), (REGRESSED, size), (MEASURED, size))
    weight = np.zeros((size, DESCRIPTOR_SIZE + 2 * size))
    weight[:, DESCRIPTOR_SIZE : DESCRIPTOR_SIZE + size] = np.eye(size)
    believed = _PROVISIONAL_VARIANCE * np.eye(size)
    identity_map = IdentityMap(inputs, weight, np.zeros(size), believed, np.zeros(size), np.eye(size))
    points = len(DensePoints.of(model, info.point_sets))
    return Refinement(config, identity_map, np.zeros((points, 3)), recognition=asset_sha256(RECOGNITION_FILE))


def find_habits(
    points: PointModel,
    mirror: Int[np.ndarray, " points"],
    photos: MeasuredPhotos,
    identity: Float[np.ndarray, "photos identity"],
    config: RefineConfig,
    rounds: int = 3,
) -> Float[np.ndarray, "points 3"]:
    """Where points lie against those of the face model: one offset each, in its frame.

    Residuals of photos of all poses say where in space a point lies on average; both sides of the face have
    the same habits. Identities are given, and poses and expressions follow within `config`: so that these do
    not take up what is a habit, let it hold expressions tightly.

    Args:
        points: The face model at the points.
        mirror: For each point the one on the other side.
        photos: Of many people.
        identity: What is known best of whom they show.
        config: How much the network's own answers count.
        rounds: Of measuring anew with the habits found so far.
    """
    habit_mm = np.zeros((len(mirror), 3))
    for _ in range(rounds):
        moved, left_over, weights, rotations = points.moved(habit_mm), [], [], []
        for rows in _slices(len(photos)):
            looked = looked_again(moved, photos[rows], identity[rows], config)
            left_over.append(looked.evidence.residual_mm)
            weights.append(looked.evidence.weight)
            rotations.append(looked.poses.rotation)
        residual_mm, weight, rotation = map(np.concatenate, (left_over, weights, rotations))
        habit_mm = habit_mm + common_offsets(residual_mm, rotation, weight, mirror)
    return habit_mm


def common_offsets(
    residual_mm: Float[np.ndarray, "photos points 2"],
    rotation: Float[np.ndarray, "photos 3 3"],
    weight: Float[np.ndarray, "photos points"],
    mirror: Int[np.ndarray, " points"],
) -> Float[np.ndarray, "points 3"]:
    """Offsets of points in the model frame that explain what pictures of many poses show, by least squares.

    Args:
        residual_mm: What pictures show of each point's offset, at the face's scale; NaN counts as weight 0.
        rotation: From the model to the camera frame.
        weight: How much each counts.
        mirror: For each point the one on the other side, which has the mirrored offset.
    """
    axes = rotation[:, :2]
    seen = np.isfinite(residual_mm).all(axis=-1)
    counted = np.where(seen, weight, 0)
    matrix = np.einsum("np,nai,naj->pij", counted, axes, axes, optimize=True) + _NO_HABIT * np.eye(3)
    slope = np.einsum("np,nai,npa->pi", counted, axes, np.nan_to_num(residual_mm), optimize=True)
    found = np.linalg.solve(matrix, slope[..., None])[..., 0]
    return (found + found[mirror] * (-1.0, 1.0, 1.0)) / 2


def looked_again(
    points: PointModel,
    photos: MeasuredPhotos,
    identity: Float[np.ndarray, "photos identity"],
    config: RefineConfig,
) -> Looked:
    """Look at photos with given identities; what they leave over is that of poses that have settled."""
    looked = look(points, photos.seen, photos.start, identity, config)
    marked = marked_points(points, photos.seen, photos.start, looked.poses, identity, config)
    evidence: Evidence = gather(points, marked, looked.poses, identity)
    return replace(looked, evidence=evidence)


def learn_identity_map(
    points: PointModel,
    photos: MeasuredPhotos,
    names: Iterable[str],
    person: Int[np.ndarray, " photos"],
    information: Float[np.ndarray, "people identity identity"],
    vector: Float[np.ndarray, "people identity"],
    config: RefineConfig,
) -> tuple[IdentityMap, MeasuredPhotos]:
    """A map from what is seen in a photo to whom it shows, and the photos with what points say measured anew.

    Args:
        points: The face model at the points, with their habits.
        photos: Of people of whom much is known.
        names: Which inputs the map sees.
        person: Whom each photo shows, as a row of the evidence.
        information: Of each person's identity, from all that is known of the person.
        vector: `information` times the identity at which that evidence alone is at its best.
        config: How points are measured.
    """
    photos = with_measured(points, photos, config)
    seen = {name: photos.inputs[name] for name in names}
    return IdentityMap.learned(seen, person, information, vector), photos


def with_measured(points: PointModel, photos: MeasuredPhotos, config: RefineConfig) -> MeasuredPhotos:
    """Photos with what their points say of the identity, by other habits or another configuration."""
    found = []
    for rows in _slices(len(photos)):
        some = photos[rows]
        looked = look(points, some.seen, some.start, some.inputs[REGRESSED], config)
        found.append(measured_identity(looked, config))
    return replace(photos, inputs={**photos.inputs, MEASURED: np.concatenate(found)})


def coverage_factor(
    distance_mm: Float[np.ndarray, " marks"], sigma_mm: Float[np.ndarray, " marks"], wanted: float = 0.68
) -> float:
    """What standard deviations are multiplied by, so that a given part of marks lies within one of them."""
    return float(np.quantile(distance_mm / np.maximum(sigma_mm, 1e-9), wanted))


def _slices(count: int) -> list[slice]:
    return [slice(start, start + _PHOTOS_AT_A_TIME) for start in range(0, count, _PHOTOS_AT_A_TIME)]
