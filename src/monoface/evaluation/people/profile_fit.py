"""Poses neutral shapes of people on points marked in their profiles, and tells how well they fit."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from monoface.data.sources.cfp import KNOWN_POINTS, LOOKS_LEFT_68, LOOKS_RIGHT_68
from monoface.evaluation.landmarks.predictors import LANDMARK_SET, LANDMARK_SET_REANNOTATED
from monoface.facemodel import FaceModel, LandmarkSet
from monoface.facemodel.estimation.evidence import (
    Evidence,
    MarkedPhotos,
    PointModel,
    Poses,
    follow,
    gather,
    settle,
    start_poses,
)

POINTS: Final = len(KNOWN_POINTS)

# What is believed of a mark and of an expression before a photo is seen; see likeness in docs/benchmarks.md.
_SIGMA_MM, _EXPRESSION, _EXPRESSION_SD = 2.0, 0.06, 0.15
_STEPS, _CALIBRATIONS = 10, 3
_START_YAW_RAD = 1.3
# The marks of a photo err together, so they count as half as many.
_SHARE_OF_EVIDENCE = 0.5


@dataclass(frozen=True, eq=False)
class MarkedProfiles:
    """Points marked in profiles of people.

    Attributes:
        points_px: The 22 points that are points of the 68, in pixels of each photo.
        looks_left: Whether each profile looks to image left.
        person: Row of each photo's person.
    """

    points_px: Float64[np.ndarray, "photos 22 2"]
    looks_left: Bool[np.ndarray, " photos"]
    person: Int64[np.ndarray, " photos"]

    @property
    def people(self) -> int:
        """Number of people."""
        return int(self.person.max()) + 1 if len(self.person) else 0


@dataclass(frozen=True, eq=False)
class PosedProfiles:
    """How shapes lie on the marks.

    Attributes:
        distance_mm: Of each mark to its point of the shape, at the face's scale, the annotators' habits taken
            off.
        points_px: Where the points of the shapes lie, the annotators' habits added.
    """

    distance_mm: Float64[np.ndarray, "photos 22"]
    points_px: Float64[np.ndarray, "photos 22 2"]


@dataclass(frozen=True, eq=False)
class _Side:
    """The profiles that look to one side."""

    rows: Int64[np.ndarray, " photos"]
    model: PointModel
    bounds: tuple[float, float] | None
    marked: MarkedPhotos
    start: Poses

    def follow(self, poses: Poses, evidence: Evidence, step: Float64[np.ndarray, "photos identity"]) -> Poses:
        """Poses after the identities took a step, expressions within their range."""
        return self._within(follow(self.model, poses, evidence, step))

    def settle(
        self, marked: MarkedPhotos, poses: Poses, identity: Float64[np.ndarray, "photos identity"]
    ) -> Poses:
        """Poses after one step while the identities stay, expressions within their range."""
        return self._within(settle(self.model, marked, poses, identity))

    def _within(self, poses: Poses) -> Poses:
        if self.bounds is None:
            return poses
        return replace(poses, expression=np.clip(poses.expression, *self.bounds))


class ProfileFitter:
    """Poses shapes on marked profiles: weak perspective and expression free, identity fixed.

    The annotators' habits (at which places of the face they put a point) are found first: at each point the
    median of what the mean face leaves over, of the profiles of both sides, one side mirrored.

    Args:
        model: Whose identities are posed.
        profiles: The marks.

    Raises:
        ModelFileError: If the face model has no 68 points.
    """

    def __init__(self, model: FaceModel, profiles: MarkedProfiles) -> None:
        self.profiles = profiles
        self.landmark_set = profile_landmark_set(model)
        self._identity_size = model.identity_size
        points = model.landmarks(self.landmark_set)
        self._habit_mm = np.zeros((POINTS, 2))
        self._sides = [
            _side(model, points, profiles, looks_left=looks_left)
            for looks_left in sorted(set(profiles.looks_left.tolist()))
        ]
        for _ in range(_CALIBRATIONS):
            self._habit_mm = self._habit_mm + self._common_residual()

    @property
    def habit_mm(self) -> Float64[np.ndarray, "22 2"]:
        """The annotators' habits at a face that looks to image left: x right, y down."""
        return self._habit_mm

    def pose(self, identity: Float[np.ndarray, "people identity"] | None = None) -> PosedProfiles:
        """Pose one shape a person on all of the person's profiles; the mean face by default."""
        if identity is None:
            identity = np.zeros((self.profiles.people, self._identity_size))
        distance_mm = np.full((len(self.profiles.person), POINTS), np.nan)
        points_px = np.full((len(self.profiles.person), POINTS, 2), np.nan)
        for side in self._sides:
            of_photo = identity[self.profiles.person[side.rows]].astype(np.float64)
            residual_mm, scale_px = self._pose_side(side, of_photo)
            distance_mm[side.rows] = np.linalg.norm(residual_mm, axis=-1)
            points_px[side.rows] = side.marked.points_px - residual_mm * scale_px[:, None, None]
        return PosedProfiles(distance_mm, points_px)

    def fit(self) -> Float64[np.ndarray, "people identity"]:
        """The shape of each person that fits the marks best, under the face model's prior."""
        people, size = self.profiles.people, self._identity_size
        identity = np.zeros((people, size))
        poses = [side.start for side in self._sides]
        for _ in range(_STEPS):
            information, vector = np.tile(np.eye(size), (people, 1, 1)), -identity
            gathered: list[Evidence] = []
            for side, posed in zip(self._sides, poses, strict=True):
                person = self.profiles.person[side.rows]
                one = gather(side.model, self._with_habit(side), posed, identity[person])
                np.add.at(information, person, _SHARE_OF_EVIDENCE * one.information)
                np.add.at(vector, person, _SHARE_OF_EVIDENCE * one.vector)
                gathered.append(one)
            step = np.linalg.solve(information, vector[..., None])[..., 0]
            poses = [
                side.follow(posed, one, step[self.profiles.person[side.rows]])
                for side, posed, one in zip(self._sides, poses, gathered, strict=True)
            ]
            identity = identity + step
        return identity

    def evidence(
        self, identity: Float[np.ndarray, "people identity"]
    ) -> tuple[Float64[np.ndarray, "people identity identity"], Float64[np.ndarray, "people identity"]]:
        """What all profiles of each person say of the identity itself: information matrices and vectors.

        Args:
            identity: Where it is linearised, after each shape was posed.
        """
        people, size = self.profiles.people, self._identity_size
        information, vector = np.zeros((people, size, size)), np.zeros((people, size))
        for side in self._sides:
            person = self.profiles.person[side.rows]
            of_photo = identity[person].astype(np.float64)
            one = self._posed_evidence(side, of_photo)[0]
            told = one.vector + (one.information @ of_photo[..., None])[..., 0]
            np.add.at(information, person, one.information)
            np.add.at(vector, person, told)
        return information, vector

    def _pose_side(
        self, side: _Side, of_photo: Float64[np.ndarray, "photos identity"]
    ) -> tuple[Float64[np.ndarray, "photos 22 2"], Float64[np.ndarray, " photos"]]:
        """What shapes leave over of the marks of a side, in millimetres, and pixels a millimetre."""
        evidence, poses = self._posed_evidence(side, of_photo)
        return evidence.residual_mm, poses.scale_px

    def _posed_evidence(
        self, side: _Side, of_photo: Float64[np.ndarray, "photos identity"]
    ) -> tuple[Evidence, Poses]:
        marked, poses = self._with_habit(side), side.start
        for _ in range(_STEPS):
            poses = side.settle(marked, poses, of_photo)
        return gather(side.model, marked, poses, of_photo), poses

    def _with_habit(self, side: _Side) -> MarkedPhotos:
        return replace(side.marked, habit_mm=side.marked.habit_mm + self._mirrored(side) * self._habit_mm)

    def _mirrored(self, side: _Side) -> Float64[np.ndarray, "photos 1 2"]:
        """Signs that take a residual to a face that looks to image left, and back."""
        sign = np.where(self.profiles.looks_left[side.rows], 1.0, -1.0)
        return np.stack((sign, np.ones_like(sign)), axis=-1)[:, None]

    def _common_residual(self) -> Float64[np.ndarray, "22 2"]:
        """Median over the photos of what the mean face leaves over, mirrored to look to image left."""
        left_over = []
        for side in self._sides:
            residual_mm, _ = self._pose_side(side, np.zeros((len(side.rows), self._identity_size)))
            left_over.append(residual_mm * self._mirrored(side))
        return np.median(np.concatenate(left_over), axis=0)


def profile_landmark_set(model: FaceModel) -> str:
    """The landmark set that marks are compared with: that of the re-annotated points if there is one."""
    return LANDMARK_SET_REANNOTATED if LANDMARK_SET_REANNOTATED in model.data.landmarks else LANDMARK_SET


def _side(model: FaceModel, points: LandmarkSet, profiles: MarkedProfiles, *, looks_left: bool) -> _Side:
    rows = np.flatnonzero(profiles.looks_left == looks_left)
    of_68 = list(LOOKS_LEFT_68 if looks_left else LOOKS_RIGHT_68)
    half = PointModel.of(model, LandmarkSet(points.index[of_68], points.weight[of_68]))
    # Expressions are cut to their range after each step. To hold them there within the step, as the point
    # model would, fits better by a fifteenth, and figures would not compare with those first stated.
    bounds, half = half.bounds, replace(half, bounds=None)
    count = len(rows)
    marked = MarkedPhotos(
        points_px=profiles.points_px[rows],
        sigma_mm=np.full((count, POINTS), _SIGMA_MM),
        expression=np.full((count, half.expression_size), 0.0 if bounds is None else _EXPRESSION),
        expression_sd=np.full((count, half.expression_size), 1.0 if bounds is None else _EXPRESSION_SD),
        habit_mm=np.zeros((count, POINTS, 2)),
    )
    yaw = _START_YAW_RAD if looks_left else -_START_YAW_RAD
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turned = np.diag([1.0, -1.0, -1.0]) @ [[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]]
    return _Side(rows, half, bounds, marked, start_poses(half, marked, np.tile(turned, (count, 1, 1))))
