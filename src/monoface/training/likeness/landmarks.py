"""Where annotators of 68 points put them on the faces of finished weights: `pipeline.landmark_file`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from monoface.data.sources import Aflw2000
from monoface.facemodel import LinearPoints
from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.pipeline import Face, Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.landmark_file import save_landmark_habits

SOURCE = "aflw2000_dev"
"""Folder of the photos that show where annotators mean the points to be."""

_ROBUST_MM = 5.0
# An offset of 0 counts as so many photos do in which it is seen.
_PHOTOS_OF_NONE = 5.0
# A face whose points are so far off, as a part of the face's size, is another face.
_FARTHEST = 0.15


def learn_landmark_habits(
    path: Path, data: Path, face_model: Path | None = None
) -> dict[str, Float[np.ndarray, "68 3"]]:
    """Find the offsets of both annotations on the faces of weights, and put them into their file.

    Args:
        path: The finished weights.
        data: Holds the folder `aflw2000_dev`.
        face_model: File of the weights' face model; the shipped one by default.

    Returns:
        Offsets in the model frame, in millimetres, by the name of the landmark set.

    Raises:
        DataError: If the photos cannot be read.
    """
    save_landmark_habits({}, path)
    tools = Reconstructor(ReconstructorConfig(weights=str(path), face_model=face_model))
    photos = Aflw2000.open(data / SOURCE)
    marked = {"ibug68": photos.points68_px[..., :2]}
    if photos.points68_reannotated_px is not None:
        marked["ibug68_reannotated"] = photos.points68_reannotated_px
    faces = [_nearest(tools, photos.image(row), marked["ibug68"][row]) for row in range(len(photos))]
    habits = {}
    for name, points_px in marked.items():
        basis = tools.face_model.subset(tools.face_model.landmarks(name))
        pairs = zip(faces, points_px, strict=True)
        seen = [_left_over(face, points, basis) for face, points in pairs if face is not None]
        habits[name] = offsets_of(np.stack([one[0] for one in seen]), np.stack([one[1] for one in seen]))
    save_landmark_habits(habits, path)
    return habits


def offsets_of(
    residual_mm: Float[np.ndarray, "photos 68 2"], rotation: Float[np.ndarray, "photos 3 3"]
) -> Float[np.ndarray, "68 3"]:
    """Offsets in the model frame, the same on both sides, that leave least over in pictures.

    Args:
        residual_mm: How far marks are from the points of the faces, in the picture at the face's scale.
        rotation: From the model to the camera frame.
    """
    offset = np.zeros((68, 3))
    across = rotation[:, :2]
    for _ in range(10):
        off = residual_mm - np.einsum("nac,pc->npa", across, offset)
        weight = 1 / (1 + (off**2).sum(axis=-1) / _ROBUST_MM**2)
        left = np.einsum("np,nac,nad->pcd", weight, across, across) + _PHOTOS_OF_NONE * np.eye(3)
        right = np.einsum("np,npa,nac->pc", weight, residual_mm, across)
        found = np.linalg.solve(left, right[..., None])[..., 0]
        offset = (found + found[list(LEFT_RIGHT_68)] * (-1.0, 1.0, 1.0)) / 2
    return offset


def _nearest(tools: Reconstructor, image: np.ndarray, points_px: Float[np.ndarray, "68 2"]) -> Face | None:
    size = float(np.sqrt(np.prod(points_px.max(axis=0) - points_px.min(axis=0))))
    apart = {
        float(np.linalg.norm(face.landmarks68_px - points_px, axis=1).mean()): face
        for face in tools.reconstruct(image).all_faces
    }
    return apart[min(apart)] if apart and min(apart) < _FARTHEST * size else None


def _left_over(
    face: Face, points_px: Float[np.ndarray, "68 2"], basis: LinearPoints
) -> tuple[Float[np.ndarray, "68 2"], Float[np.ndarray, "3 3"]]:
    found = face.posed.coefficients
    places_px = face.project(basis.in_numpy()(found.identity, found.expression)[0])
    scale = float(face.posed.camera.scale_at(found.translation_mm[:, 2])[0])
    return (points_px - places_px) / scale, found.rotation[0].astype(np.float64)


def strength_mm(habits: Mapping[str, Float[np.ndarray, "68 3"]]) -> dict[str, float]:
    """Mean length of the offsets of each set."""
    return {name: float(np.linalg.norm(mm, axis=1).mean()) for name, mm in habits.items()}
