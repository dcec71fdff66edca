"""Where marks lie relative to the face model's points on average: an annotator's, or a network's, habits.

They are found on mean faces whose expression is held, so that no expression takes them up, and kept in the
frame of the upright head, in millimetres at its scale: for faces that look ahead, half aside and aside,
mirror images sharing theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.data.people.config import PeopleConfig
from monoface.data.people.marks import SETS, SourceMarks, all_points
from monoface.data.people.mesh_points import AFLW_SET, HUMAN_SET, MESH_SET, mirrored_points
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.evidence import PointModel, Poses
from monoface.facemodel.estimation.marked_poses import settled, upright_turn, yaw_rad
from monoface.facemodel.landmarks import LEFT_RIGHT_21, LEFT_RIGHT_68

# Middles of the ranges of yaw; habits change linearly between them.
_YAWS_DEG = (0.0, 35.0, 70.0)
_BOUNDS_DEG = (0.0, 20.0, 50.0, 91.0)
_ROUNDS, _STEPS = 3, 5
_FEWEST = 12
_MOST = 400


@dataclass(frozen=True)
class Habits:
    """Mean offsets of the marks of one source.

    Attributes:
        offset_mm: From the face model's points to the marks, in the picture of the upright head, at its
            scale, by yaw: ahead, half aside and aside, for faces that look to image left.
        mirror: Where each point comes to lie in the mirror.
    """

    offset_mm: Float[np.ndarray, "yaws 557 2"]
    mirror: Int[np.ndarray, " 557"]

    def of(self, rotation: Float[np.ndarray, "photos 3 3"]) -> Float[np.ndarray, "photos 557 2"]:
        """Offsets in the pictures of posed faces."""
        yaw_deg = np.rad2deg(yaw_rad(rotation))
        share = np.stack(
            [np.interp(np.abs(yaw_deg), _YAWS_DEG, row) for row in np.eye(len(_YAWS_DEG))], axis=1
        )
        upright = np.einsum("nb,bpc->npc", share, self.offset_mm)
        right = yaw_deg < 0
        upright[right] = upright[right][:, self.mirror] * (-1.0, 1.0)
        return upright @ upright_turn(rotation).transpose(0, 2, 1)

    def as_arrays(self) -> dict[str, np.ndarray]:
        """All of it as plain arrays, by name."""
        return {"offset_mm": self.offset_mm.astype(np.float32), "mirror": self.mirror}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From what `as_arrays` gave."""
        return cls(arrays["offset_mm"].astype(np.float64), arrays["mirror"])


def mirror_of_sets(model: FaceModel) -> Int[np.ndarray, " 557"]:
    """Where each of all points comes to lie in the mirror."""
    tables = {HUMAN_SET: np.array(LEFT_RIGHT_68), AFLW_SET: np.array(LEFT_RIGHT_21)}
    tables[MESH_SET] = mirrored_points(model, model.landmarks(MESH_SET))
    return np.concatenate([tables[name] + where.start for name, where in SETS.items()])


def find_habits(marks: SourceMarks, model: FaceModel, config: PeopleConfig) -> Habits:
    """Habits of a source, from up to some hundred photos of each range of yaw.

    Points and ranges with fewer than a dozen marks have none of their own: such a range takes those of the
    range before it.
    """
    basis, mirror = all_points(model), mirror_of_sets(model)
    rows = _calibrating(marks)
    marks = marks[rows]
    habits = Habits(np.zeros((len(_YAWS_DEG), len(basis.mean_mm), 2)), mirror)
    poses = marks.poses
    for _ in range(_ROUNDS):
        poses, residual = _residuals(basis, marks, poses, habits, config)
        turn = upright_turn(poses.rotation)
        upright = (residual + habits.of(poses.rotation)) @ turn
        habits = Habits(_medians(upright, np.rad2deg(yaw_rad(poses.rotation)), mirror), mirror)
    return habits


def _calibrating(marks: SourceMarks) -> Int[np.ndarray, " chosen"]:
    """Evenly spread photos of each range of yaw."""
    turned = np.abs(np.rad2deg(yaw_rad(marks.poses.rotation)))
    chosen = []
    for low, high in pairwise(_BOUNDS_DEG):
        here = np.flatnonzero(marks.usable & (turned >= low) & (turned < high))
        chosen.append(here[:: max(1, -(-len(here) // _MOST))])
    return np.sort(np.concatenate(chosen))


def _residuals(
    basis: PointModel, marks: SourceMarks, poses: Poses, habits: Habits, config: PeopleConfig
) -> tuple[Poses, Float[np.ndarray, "photos 557 2"]]:
    count = len(basis.mean_mm)
    sigma = np.full(count, config.sigma_mm)
    marked = marks.marked(np.arange(count), sigma, habits.of(poses.rotation))
    identity = np.zeros((len(marks), basis.identity_size))
    return settled(basis, marked, poses, identity, _STEPS, expressions=False)


def _medians(
    upright: Float[np.ndarray, "photos 557 2"], yaw_deg: np.ndarray, mirror: np.ndarray
) -> Float[np.ndarray, "yaws 557 2"]:
    """Median offset of each point and range of yaw, over the photos and their mirror images."""
    mirrored = upright[:, mirror] * (-1.0, 1.0)
    found = np.zeros((len(_YAWS_DEG), *upright.shape[1:]))
    for number, (low, high) in enumerate(pairwise(_BOUNDS_DEG)):
        ahead = number == 0
        left = upright[(np.abs(yaw_deg) < high) if ahead else (yaw_deg >= low) & (yaw_deg < high)]
        right = mirrored[(np.abs(yaw_deg) < high) if ahead else (yaw_deg <= -low) & (yaw_deg > -high)]
        both = np.concatenate((left, right))
        enough = np.isfinite(both).all(axis=-1).sum(axis=0) >= _FEWEST
        found[number] = found[max(number - 1, 0)]
        found[number, enough] = np.nanmedian(both[:, enough], axis=0)
    return found
