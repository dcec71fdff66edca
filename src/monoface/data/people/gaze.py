"""Irises of the landmarker's mesh, against the eyeballs of posed faces."""

import numpy as np
from jaxtyping import Bool, Float

from monoface.data.people.looks import Looks
from monoface.data.people.mesh_points import LEFT_IRIS, RIGHT_IRIS
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.gaze import EyeBalls
from monoface.facemodel.estimation.marked_poses import slices, upright_turn

_IRISES = (LEFT_IRIS, RIGHT_IRIS)


def iris_offsets_mm(
    balls: EyeBalls, looks: Looks, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Float[np.ndarray, "photos 2 2"]:
    """From the middle of each eyeball to its iris in the picture of the upright head, at its scale."""
    parts = []
    for rows in slices(len(looks), 4096):
        some = poses[rows]
        centre = balls.centres(identity[rows]) @ some.rotation.transpose(0, 2, 1)
        irises = looks.points_px[rows][:, list(_IRISES)]
        off = (irises - some.shift_px[:, None]) / some.scale_px[:, None, None] - centre[..., :2]
        parts.append(off @ upright_turn(some.rotation))
    return np.concatenate(parts)


def known_irises(looks: Looks) -> Bool[np.ndarray, " photos"]:
    """Photos whose mesh has irises."""
    return np.isfinite(looks.points_px[:, list(_IRISES)]).all(axis=(1, 2))
