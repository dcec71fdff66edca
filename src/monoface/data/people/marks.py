"""The marks of a source's photos: the mesh where it is right, people's points, and first poses."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.core.errors import ModelFileError
from monoface.data.labelling.pseudo_labels import concatenate_sets
from monoface.data.people.config import PeopleConfig
from monoface.data.people.looks import BLENDSHAPES, Looks
from monoface.data.people.mesh_points import AFLW_SET, HUMAN_SET, MESH_POINTS, MESH_SET
from monoface.data.people.photos import PeoplePhotos
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.evidence import MarkedPhotos, PointModel, Poses, start_poses
from monoface.facemodel.estimation.marked_poses import (
    poses_from_marks,
    rotation_of_points,
    rotation_of_yaw,
    settled,
    yaw_rad,
)

SETS = {MESH_SET: slice(0, MESH_POINTS), HUMAN_SET: slice(468, 536), AFLW_SET: slice(536, 557)}
"""Where each landmark set lies among all points of a photo."""
MESH, HUMAN = SETS[MESH_SET], slice(468, 557)
_STEPS = 5
_NAMES_HIDING_SHAPE = ("cheekPuff",)
_FEWEST_HUMAN = 6


@dataclass(frozen=True)
class SourceMarks:
    """What is marked in the photos of a source.

    Attributes:
        points_px: Points of `SETS`; NaN where there is none, or it is not believed.
        mesh: Where the mesh is believed.
        usable: Where there is enough to pose a face.
        poses: First poses, of the mean face.
        expression: Mean of the prior of each expression weight.
        expression_sd: Its standard deviation.
    """

    points_px: Float[np.ndarray, "photos 557 2"]
    mesh: Bool[np.ndarray, " photos"]
    usable: Bool[np.ndarray, " photos"]
    poses: Poses
    expression: Float[np.ndarray, "photos expressions"]
    expression_sd: Float[np.ndarray, "photos expressions"]

    def __len__(self) -> int:
        return len(self.points_px)

    def __getitem__(self, rows: np.ndarray) -> "SourceMarks":
        names = ("points_px", "mesh", "usable", "poses", "expression", "expression_sd")
        return SourceMarks(**{name: getattr(self, name)[rows] for name in names})

    def marked(
        self,
        columns: Int[np.ndarray, " chosen"],
        sigma_mm: Float[np.ndarray, " chosen"],
        habit_mm: Float[np.ndarray, "photos 557 2"],
    ) -> MarkedPhotos:
        """Some of the points, ready to be fitted to."""
        count = len(self)
        return MarkedPhotos(
            self.points_px[:, columns],
            np.repeat(sigma_mm[None], count, axis=0),
            self.expression,
            self.expression_sd,
            habit_mm[:, columns],
        )


def all_points(model: FaceModel) -> PointModel:
    """The face model at the points of all sets."""
    return PointModel.of(model, concatenate_sets([model.landmarks(name) for name in SETS]))


def read_marks(photos: PeoplePhotos, looks: Looks, model: FaceModel, config: PeopleConfig) -> SourceMarks:
    """Marks of a source, with the mesh where its score, its yaw and people's points speak for it."""
    points = PointPicture(photos, looks).points_px
    basis = all_points(model)
    expression, sd = expression_prior(looks, model, config)
    count = len(photos)
    mesh_3d = np.concatenate((looks.points_px[:, MESH], looks.depth_px[:, MESH, None]), axis=-1)
    seen = np.isfinite(mesh_3d).all(axis=(1, 2))
    rotation = rotation_of_yaw(np.zeros(count))
    rotation[seen] = rotation_of_points(basis.mean_mm[MESH], mesh_3d[seen].astype(np.float64))
    turned = np.rad2deg(np.abs(yaw_rad(rotation)))
    mesh = seen & (looks.score >= config.min_score) & (turned <= config.mesh_yaw_deg) & ~photos.aside

    everything = MarkedPhotos(
        points, np.full((count, points.shape[1]), config.sigma_mm), expression, sd, np.zeros_like(points)
    )
    poses = start_poses(basis.chosen(np.arange(MESH_POINTS)), _only(everything, MESH), rotation)
    mesh &= _agrees(basis, everything, poses, mesh, config)
    points[~mesh, MESH] = np.nan
    human = np.isfinite(points[:, HUMAN]).all(axis=-1).sum(axis=1) >= _FEWEST_HUMAN
    alone = np.flatnonzero(human & ~mesh)
    if len(alone):
        found = poses_from_marks(basis.chosen(np.r_[HUMAN]), _only(everything[alone], HUMAN))
        first = {
            name: getattr(poses, name).copy() for name in ("rotation", "scale_px", "shift_px", "expression")
        }
        for name, values in first.items():
            values[alone] = getattr(found, name)
        poses = Poses(**first)
    return SourceMarks(points, mesh, mesh | human, poses, expression, sd)


class PointPicture:
    """All points of the photos of a source, side by side."""

    def __init__(self, photos: PeoplePhotos, looks: Looks) -> None:
        size = SETS[AFLW_SET].stop
        self.points_px = np.full((len(photos), size, 2), np.nan)
        self.points_px[:, MESH] = looks.points_px[:, :MESH_POINTS]
        for name, points in photos.points_px.items():
            self.points_px[:, SETS[name]] = points


def check_expressions(model: FaceModel) -> None:
    """What the landmarker says of expressions is in ARKit's names, which the model's must be."""
    names = model.expression_names
    # `_neutral` is none of the model's.
    ours = len(names) == BLENDSHAPES - 1 and list(names) == sorted(names) and "eyeBlinkLeft" in names
    if model.bounded and ours:
        return
    raise ModelFileError(
        f"people: expected a face model with the {BLENDSHAPES - 1} blendshapes of ARKit in the order of "
        f"their names, got {len(names)} expressions, such as {', '.join(names[:2])}. Label photos for this "
        "model with `monoface data prepare`, which asks for landmarks alone."
    )


def expression_prior(
    looks: Looks, model: FaceModel, config: PeopleConfig
) -> tuple[Float[np.ndarray, "photos expressions"], Float[np.ndarray, "photos expressions"]]:
    """Mean and standard deviation of each expression weight before any mark is looked at."""
    names = model.expression_names
    known = np.isfinite(looks.blendshapes).all(axis=1) & (looks.score >= config.min_score)
    mean = np.full((len(looks), len(names)), config.expression_mean)
    sd = np.full_like(mean, config.expression_sd)
    # `_neutral` comes first; the others stand in the order of their names, as ours do.
    mean[known] = np.clip(looks.blendshapes[known, 1:], 0, 1)
    sd[known] = config.blendshape_sd
    for column, name in enumerate(names):
        if name.startswith("eyeLook"):
            mean[~known, column], sd[~known, column] = 0.0, config.hiding_sd
        if name in _NAMES_HIDING_SHAPE:
            mean[~known, column], sd[:, column] = 0.0, config.hiding_sd
    return mean, sd


def _agrees(
    basis: PointModel, marked: MarkedPhotos, poses: Poses, mesh: np.ndarray, config: PeopleConfig
) -> Bool[np.ndarray, " photos"]:
    """Where people's points lie near those of the mesh's face, or there are none."""
    agrees = np.ones(len(marked), dtype=bool)
    human = np.isfinite(marked.points_px[:, HUMAN]).all(axis=-1).any(axis=1)
    rows = np.flatnonzero(mesh & human)
    if not len(rows):
        return agrees
    identity = np.zeros((len(rows), basis.identity_size))
    every = np.r_[0:MESH_POINTS:8, HUMAN]
    # A sigma this large makes people's points witnesses that pull at nothing.
    sigma = np.where(every < MESH_POINTS, config.sigma_mm, 1e4)
    some = replace(
        marked[rows],
        points_px=marked.points_px[rows][:, every],
        sigma_mm=np.repeat(sigma[None], len(rows), axis=0),
        habit_mm=marked.habit_mm[rows][:, every],
    )
    _, residual = settled(basis.chosen(every), some, poses[rows], identity, 3, expressions=False)
    off = np.linalg.norm(residual[:, every >= MESH_POINTS], axis=-1)
    agrees[rows] = np.nanmedian(off, axis=1) <= config.max_disagreement_mm
    return agrees


def _only(marked: MarkedPhotos, columns: slice) -> MarkedPhotos:
    return replace(
        marked,
        points_px=marked.points_px[:, columns],
        sigma_mm=marked.sigma_mm[:, columns],
        habit_mm=marked.habit_mm[:, columns],
    )
