"""Pose, expression and gaze of photos whose identities are known, and which of the photos are believed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from monoface.data.people.config import PeopleConfig
from monoface.data.people.gaze import iris_offsets_mm, known_irises
from monoface.data.people.habits import Habits
from monoface.data.people.identities import mean_length
from monoface.data.people.looks import Looks
from monoface.data.people.marks import HUMAN, MESH, SourceMarks, all_points
from monoface.data.people.mesh_points import pose_points
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.evidence import MarkedPhotos, Poses
from monoface.facemodel.estimation.gaze import EyeBalls, gaze_weights
from monoface.facemodel.estimation.marked_poses import settled, slices

KEPT, NO_MARKS, BAD_FIT, STRANGER = "kept", "no_marks", "bad_fit", "stranger"
LOOK_ALIKE = "looks_like_validation"
"""What becomes of a photo: a label; too few marks; marks far from any face of the person; somebody else than
the person's other photos; a person who may be one that is held out in another source."""

_STEPS = 4
_TOGETHER = 2048
_GAZE_SD = 0.01
_MESH_SIGMA = 1.5


@dataclass(frozen=True)
class PhotoLabels:
    """Labels of the photos of a source.

    Attributes:
        identity: Of whom each shows.
        poses: Pose and expression of each, in pixels of the photo.
        residual_mm: Mean distance of its marks from the labelled face.
        points_px: Its marks, habits taken off; NaN where there is none, or it is not believed.
        outcome: What became of it.
        sigma_mm: Standard deviation of the labelled neutral face, as a root mean square over its vertices.
        trust: How much of what identities differ in is known, 0 to 1.
    """

    identity: Float[np.ndarray, "photos identity"]
    poses: Poses
    residual_mm: Float[np.ndarray, " photos"]
    points_px: Float[np.ndarray, "photos 557 2"]
    outcome: tuple[str, ...]
    sigma_mm: Float[np.ndarray, " photos"]
    trust: Float[np.ndarray, " photos"]

    @property
    def kept(self) -> Bool[np.ndarray, " photos"]:
        """Photos with a label."""
        return np.array([one == KEPT for one in self.outcome])


@dataclass(frozen=True)
class KnownFaces:
    """Who is seen in photos, before pose and expression are fitted.

    Attributes:
        identity: Of whom each photo shows.
        variance_mm2: Mean squared error of a vertex of the neutral face that is expected of it.
        poses: Where fits begin.
        prior_mm2: Variance of a vertex over all faces.
    """

    identity: Float[np.ndarray, "photos identity"]
    variance_mm2: Float[np.ndarray, " photos"]
    poses: Poses
    prior_mm2: float


def label_photos(
    marks: SourceMarks,
    looks: Looks,
    habits: Habits,
    faces: KnownFaces,
    model: FaceModel,
    config: PeopleConfig,
    reasons: Sequence[str],
) -> PhotoLabels:
    """Fit pose and expression with the identities held.

    Args:
        marks: Of the photos.
        looks: What networks see in them.
        habits: Of the source.
        faces: Whom they show.
        model: The face model.
        config: Thresholds and standard deviations of the fit.
        reasons: Why a photo is left out already; `KEPT` where it is not.
    """
    parts = []
    for rows in slices(len(marks), _TOGETHER):
        part = np.arange(len(marks))[rows]
        who, start = faces.identity[part], faces.poses[part]
        parts.append(_label(marks[part], looks.rows(part), habits, who, start, model, config))
    found = Poses.joined([one[0] for one in parts])
    residual = np.concatenate([one[1] for one in parts])
    offset_px = habits.of(found.rotation) * found.scale_px[:, None, None]
    points = marks.points_px - offset_px
    outcome = _outcomes(marks, residual, config, reasons)
    sigma = np.sqrt(np.maximum(faces.variance_mm2, 0))
    trust = np.clip(1 - faces.variance_mm2 / faces.prior_mm2, 0, 1)
    return PhotoLabels(faces.identity, found, residual, points, outcome, sigma, trust)


def _label(
    marks: SourceMarks,
    looks: Looks,
    habits: Habits,
    identity: np.ndarray,
    poses: Poses,
    model: FaceModel,
    config: PeopleConfig,
) -> tuple[Poses, Float[np.ndarray, " photos"]]:
    columns = np.concatenate((pose_points(), np.r_[HUMAN]))
    basis = all_points(model).chosen(columns)
    sigma = np.where(columns < MESH.stop, _MESH_SIGMA, 1.0) * config.sigma_mm
    marked = marks.marked(columns, sigma, habits.of(poses.rotation))
    poses, _ = settled(basis, marked, poses, identity, _STEPS)
    marked = _looking(marked, marks, looks, poses, identity, model)
    poses, residual = settled(basis, marked, poses, identity, _STEPS)
    return poses, mean_length(residual)


def _looking(
    marked: MarkedPhotos,
    marks: SourceMarks,
    looks: Looks,
    poses: Poses,
    identity: np.ndarray,
    model: FaceModel,
) -> MarkedPhotos:
    """The prior with the eyes held where the irises say that they look."""
    balls = EyeBalls.of(model)
    names = model.expression_names
    blink = poses.expression[:, [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]]
    offsets = iris_offsets_mm(balls, looks, poses, identity)
    weights = gaze_weights(balls, offsets, poses.rotation, blink)
    seen = marks.mesh & known_irises(looks)
    mean, sd = marked.expression.copy(), marked.expression_sd.copy()
    columns = balls.columns.ravel()
    mean[:, columns] = np.where(seen[:, None], weights.reshape(len(weights), -1), mean[:, columns])
    sd[:, columns] = np.where(seen[:, None], _GAZE_SD, sd[:, columns])
    return replace(marked, expression=mean, expression_sd=sd)


def _outcomes(
    marks: SourceMarks, residual_mm: np.ndarray, config: PeopleConfig, reasons: Sequence[str]
) -> tuple[str, ...]:
    outcomes = []
    for row, reason in enumerate(reasons):
        if not marks.usable[row]:
            outcomes.append(NO_MARKS)
        elif reason != KEPT:
            outcomes.append(reason)
        elif not residual_mm[row] <= config.max_residual_mm:
            outcomes.append(BAD_FIT)
        else:
            outcomes.append(KEPT)
    return tuple(outcomes)
