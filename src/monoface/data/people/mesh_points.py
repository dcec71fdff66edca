"""Which points of the face landmarker's mesh are what."""

import numpy as np
from jaxtyping import Int

from monoface.facemodel import FaceModel, LandmarkSet

MESH_SET, HUMAN_SET, AFLW_SET = "facemesh468", "ibug68_reannotated", "aflw21"
MESH_POINTS = 468

# Points of the lids from the outer corner to the inner one, upper above lower; image left, then image right.
RIGHT_UPPER, RIGHT_LOWER = (246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155)
LEFT_UPPER, LEFT_LOWER = (466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382)
RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (263, 362)
RIGHT_IRIS, LEFT_IRIS = 468, 473
"""Centres of the irises of the subject's eyes, among the 478 points of meshes that have them."""
EYES_68 = ((36, 39, 37, 38, 40, 41), (45, 42, 44, 43, 47, 46))
EYES_MESH = ((33, 133, 160, 158, 153, 144), (263, 362, 387, 385, 380, 373))
"""Outer and inner corner, two points of the upper lid and two of the lower one, around the eye, among the
68 points, and the points of the mesh next to those: the subject's right eye, then the left one."""
INNER_LIPS = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324,
)  # fmt: skip
OUTER_LIPS = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375,
)  # fmt: skip
_LIDS = RIGHT_UPPER + RIGHT_LOWER + LEFT_UPPER + LEFT_LOWER + RIGHT_CORNERS + LEFT_CORNERS
_STEP = 3


def identity_points() -> Int[np.ndarray, " chosen"]:
    """Points that tell of who is seen: a third of them, for neighbours say the same."""
    return np.arange(0, MESH_POINTS, _STEP)


def pose_points() -> Int[np.ndarray, " chosen"]:
    """Points that tell of pose and expression: these, and all of lips and lids."""
    return np.union1d(identity_points(), np.array(INNER_LIPS + OUTER_LIPS + _LIDS))


def mirrored_points(model: FaceModel, points: LandmarkSet) -> Int[np.ndarray, " points"]:
    """Where each point of a set comes to lie when the face is mirrored: the nearest point of the set."""
    place = np.asarray(model.subset(points).mean_mm.cpu().numpy(), np.float64)
    apart = np.linalg.norm((place * (-1.0, 1.0, 1.0))[:, None] - place[None], axis=-1)
    nearest: np.ndarray = apart.argmin(axis=1)
    return nearest
