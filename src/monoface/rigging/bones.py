"""Bones of a head: where their joints are, and how vertices follow them.

Names are Mixamo's, which engines map to humanoids by themselves. The jaw's joint, and how far the skin
follows it, come from the face model's `jawOpen`: its teeth go down by a rotation, whose axis is the joint.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from monoface.export.skeleton import Joint, Skeleton
from monoface.facemodel.data import FaceModelData

CHEST, NECK, HEAD, JAW = "Spine2", "Neck", "Head", "Jaw"
EYE_JOINTS = {"eye_left": "LeftEye", "eye_right": "RightEye"}

# The neck, seen from the chin: places from the chin of the 68 points, in millimetres.
_NECK_MM = (0.0, -35.0, -125.0)
_HEAD_MM = (0.0, 57.0, -105.0)
_CHEST_MM = (0.0, -95.0, -130.0)
# Lines from the nape down to the throat, of this slope, by their height at the chin's depth: above the first
# vertices follow the head, on the second the neck, below the third the chest.
_SLOPE = 0.4
_HEAD_LINE_MM, _NECK_LINE_MM, _CHEST_LINE_MM = -8.0, -75.0, -112.0
# A vertex follows the jaw no further than this part of what moves least is noise.
_STILL_MM = 0.3
_CHIN = 8
# Joints go with the mean of what identity moves so near.
_NEAR = 200


@dataclass(frozen=True, eq=False)
class JawHinge:
    """The rotation that `jawOpen` at weight 1 is for what is rigid of the jaw.

    Attributes:
        place_mm: A point of its axis, in the middle.
        angle_rad: About +x; positive opens.
    """

    place_mm: Float[np.ndarray, " 3"]
    angle_rad: float


@dataclass(frozen=True, eq=False)
class Bones:
    """Skeleton of the mean head, and weights of all its vertices.

    Attributes:
        skeleton: Of the mean head.
        weights: Rows sum to 1.
        hinge: Of the jaw; None if the head has no `jawOpen`.
    """

    skeleton: Skeleton
    weights: Float[np.ndarray, "verts joints"]
    hinge: JawHinge | None
    mean_mm: Float[np.ndarray, "verts 3"]

    @classmethod
    def of(cls, data: FaceModelData) -> "Bones":
        """Bones of a face model with landmarks `ibug68`; without jaw or eyes where it has none."""
        mean = data.mean_mm.astype(np.float64)
        points = data.landmarks["ibug68"]
        chin = (points.weight.astype(np.float64)[_CHIN, :, None] * mean[points.index[_CHIN]]).sum(axis=0)
        chin[0] = 0
        joints = [
            Joint(CHEST, None, chin + _CHEST_MM),
            Joint(NECK, 0, chin + _NECK_MM),
            Joint(HEAD, 1, chin + _HEAD_MM),
        ]
        columns = list(_neck_weights(mean, chin).T)
        hinge = jaw_hinge(data)
        if hinge is not None:
            joints.append(Joint(JAW, 2, hinge.place_mm))
            jaw = _jaw_weights(data, hinge)
            columns = [*(column * (1 - jaw) for column in columns), jaw]
        for part, eye in data.eyes.items():
            joints.append(Joint(EYE_JOINTS.get(part, part), 2, eye.centre.astype(np.float64) @ mean))
            mask = eye.verts
            columns = [np.where(mask, 0.0, column) for column in columns] + [mask.astype(np.float64)]
        return cls(Skeleton(tuple(joints)), np.stack(columns, axis=1), hinge, mean)

    def skeleton_of(self, neutral_mm: Float[np.ndarray, "verts 3"], data: FaceModelData) -> Skeleton:
        """Skeleton of a person: joints go with what identity moves around them, eyes with their centres."""
        moved = neutral_mm - self.mean_mm
        places = {
            EYE_JOINTS.get(part, part): eye.centre.astype(np.float64) for part, eye in data.eyes.items()
        }
        joints = []
        for joint in self.skeleton.joints:
            if joint.name in places:
                place = places[joint.name] @ neutral_mm
            else:
                near = np.argsort(((self.mean_mm - joint.place_mm) ** 2).sum(axis=1))[:_NEAR]
                place = joint.place_mm + moved[near].mean(axis=0) * (0, 1, 1)
            joints.append(Joint(joint.name, joint.parent, place))
        return Skeleton(tuple(joints))


def jaw_hinge(data: FaceModelData) -> JawHinge | None:
    """The rotation about an axis along x that explains how `jawOpen` moves the lower teeth, or the chin."""
    offsets = _jaw_open(data)
    if offsets is None:
        return None
    mean = data.mean_mm.astype(np.float64)
    rigid = _rigid_jaw(data, offsets)
    start, end = mean[rigid][:, 1:], (mean + offsets)[rigid][:, 1:]
    out, there = start - start.mean(axis=0), end - end.mean(axis=0)
    angle = np.arctan2((out[:, 0] * there[:, 1] - out[:, 1] * there[:, 0]).sum(), (out * there).sum())
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    shift = end.mean(axis=0) - turn @ start.mean(axis=0)
    place = np.linalg.lstsq(np.eye(2) - turn, shift, rcond=None)[0]
    return JawHinge(np.array((0.0, *place)), float(angle))


def _jaw_open(data: FaceModelData) -> Float[np.ndarray, "verts 3"] | None:
    if "jawOpen" not in data.expression_names:
        return None
    return data.expression_basis_mm[data.expression_names.index("jawOpen")].astype(np.float64)


def _rigid_jaw(data: FaceModelData, offsets: np.ndarray) -> Bool[np.ndarray, " verts"]:
    length = np.linalg.norm(offsets, axis=1)
    teeth = data.regions.get("teeth")
    if teeth is not None and bool(teeth.any()):
        return teeth & (length > length.max() / 4)
    return length > 0.7 * length.max()


def _jaw_weights(data: FaceModelData, hinge: JawHinge) -> Float[np.ndarray, " verts"]:
    """How far each vertex goes with the jaw: its way in `jawOpen`, as a part of the way of the bone."""
    offsets = _jaw_open(data)
    assert offsets is not None
    out = data.mean_mm.astype(np.float64) - hinge.place_mm
    cos, sin = np.cos(hinge.angle_rad), np.sin(hinge.angle_rad)
    way = np.stack(
        (0 * out[:, 0], cos * out[:, 1] - sin * out[:, 2], sin * out[:, 1] + cos * out[:, 2]), axis=1
    )
    way = way - out * (0, 1, 1)
    length = np.linalg.norm(offsets, axis=1)
    share = (offsets * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1.0)
    return np.where(length > _STILL_MM, np.clip(share, 0, 1), 0.0)


def _neck_weights(mean: np.ndarray, chin: np.ndarray) -> Float[np.ndarray, "verts 3"]:
    """Chest, neck and head."""
    out = mean - chin
    line = out[:, 1] + _SLOPE * out[:, 2]
    # At the chin's own height and depth the line is 0; throat and nape lie on lines far below.
    head = _smooth((line - _NECK_LINE_MM) / (_HEAD_LINE_MM - _NECK_LINE_MM))
    neck = _smooth((line - _CHEST_LINE_MM) / (_NECK_LINE_MM - _CHEST_LINE_MM)) - head
    return np.stack((1 - head - neck, neck, head), axis=1)


def _smooth(share: np.ndarray) -> np.ndarray:
    inside = np.clip(share, 0, 1)
    return inside * inside * (3 - 2 * inside)
