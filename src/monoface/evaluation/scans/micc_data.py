"""Scans and predicted meshes of MICC Florence, as files.

Users bring the data set, in its official layout or flat, and landmarks of the scans, which do not come with
it:

    SUBJECT/Model/frontal1/obj/*.obj, or SUBJECT.obj      the scan, in millimetres
    SUBJECT.pp, .txt or .npy                              five points of it

and predictions as SUBJECT/NAME.obj or .ply with NAME.npy or .txt, the same five points of the mesh: the
middles of the subject's right and left eye, the tip of the nose, the right and left corner of the mouth. Or
photos, SUBJECT/*.jpg and so on, for weights of ours: then the face without expression is measured.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import DataError
from monoface.evaluation.scans.mesh_predictor import MeshPredictor
from monoface.evaluation.scans.meshes import MeshFile, find_mesh, find_points, read_mesh, read_points

CROP_MM: Final = 95.0
POINTS: Final = 5
_NOSE = 2
_PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
# The five points as means of the 68: eyes, tip of the nose, corners of the mouth; the subject's right comes
# first.
_OF_68 = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))


@dataclass(frozen=True, eq=False)
class MiccScan:
    """A scan within 95 mm of the tip of the nose.

    Attributes:
        verts_mm: Its vertices.
        faces: Triangles whose corners are all within, for pictures.
        landmarks_mm: The five points.
    """

    verts_mm: Float64[np.ndarray, "verts 3"]
    faces: np.ndarray
    landmarks_mm: Float64[np.ndarray, "5 3"]

    @classmethod
    def read(cls, folder: Path, subject: str) -> "MiccScan":
        """Scan of a subject; of several the first, frontal1.

        Raises:
            DataError: If scan or landmarks are missing or damaged.
        """
        official = sorted((folder / subject / "Model").glob("frontal*/obj/*.obj"))
        path = official[0] if official else find_mesh(folder / subject)
        points = folder / f"{subject}.pp"
        points_path = points if points.is_file() else find_points(folder / subject)
        if path is None or points_path is None:
            raise DataError(f"{folder}: expected a scan and its five landmarks of {subject}, found not both.")
        mesh, landmarks = read_mesh(path), read_points(points_path)
        if len(landmarks) != POINTS:
            raise DataError(f"{points_path}: expected {POINTS} landmarks, got {len(landmarks)}.")
        return cls.cropped(mesh, landmarks)

    @classmethod
    def cropped(cls, mesh: MeshFile, landmarks_mm: Float64[np.ndarray, "5 3"]) -> "MiccScan":
        """The part of a scan that is measured."""
        inside = np.linalg.norm(mesh.verts - landmarks_mm[_NOSE], axis=1) <= CROP_MM
        if not inside.any():
            raise DataError(
                f"{mesh.path}: no vertex lies within {CROP_MM:g} mm of the tip of the nose. Scan and "
                "landmarks must be in millimetres and in one frame."
            )
        new_index = np.cumsum(inside) - 1
        return cls(mesh.verts[inside], new_index[mesh.faces[inside[mesh.faces].all(axis=1)]], landmarks_mm)


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted mesh of a subject."""

    subject: str
    name: str
    file: MeshFile
    landmarks: Float64[np.ndarray, "5 3"]

    @property
    def key(self) -> str:
        """SUBJECT/NAME."""
        return f"{self.subject}/{self.name}"


def read_predictions(folder: Path) -> list[Prediction]:
    """All meshes of a folder of folders.

    Raises:
        DataError: If there is none, or one lacks its landmarks.
    """
    found = []
    for subject in sorted(path for path in folder.glob("*") if path.is_dir()):
        for path in sorted([*subject.glob("*.obj"), *subject.glob("*.ply")]):
            points = find_points(path.with_suffix(""))
            if points is None:
                raise DataError(f"{path}: expected its five landmarks beside it, as .npy or .txt.")
            landmarks = read_points(points)
            if len(landmarks) != POINTS:
                raise DataError(f"{points}: expected {POINTS} landmarks, got {len(landmarks)}.")
            found.append(Prediction(subject.name, path.stem, read_mesh(path), landmarks))
    if not found:
        raise DataError(f"{folder}: expected SUBJECT/NAME.obj or .ply, found none.")
    return found


def predict_photos(folder: Path, predictor: MeshPredictor) -> tuple[list[Prediction], dict[str, str]]:
    """Neutral meshes that weights find in photos, and why there is none, by SUBJECT/NAME.

    Raises:
        DataError: If there is no photo.
    """
    found, failures = [], {}
    for subject in sorted(path for path in folder.glob("*") if path.is_dir()):
        for path in sorted(path for path in subject.iterdir() if path.suffix.lower() in _PHOTOS):
            mesh = predictor.neutral(path)
            if isinstance(mesh, str):
                failures[f"{subject.name}/{path.stem}"] = mesh
                continue
            landmarks = five_points(predictor.points68(mesh.file.verts))
            found.append(Prediction(subject.name, path.stem, mesh.file, landmarks))
    if not found and not failures:
        raise DataError(f"{folder}: expected photos as SUBJECT/NAME.jpg, found none.")
    return found, failures


def five_points(points68: Float[np.ndarray, "68 3"]) -> Float64[np.ndarray, "5 3"]:
    """The five points as means of the 68."""
    return np.stack([points68[list(group)].mean(axis=0) for group in _OF_68]).astype(np.float64)
