"""Meshes to be measured: those of files, and those that our weights find in photos."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64

from monoface.core.arrays import in_torch
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.scans.meshes import MeshFile
from monoface.facemodel import FaceModel

LANDMARK_SET: Final = "ibug68"
SEVEN: Final = (36, 39, 42, 45, 33, 48, 54)
"""The seven landmarks of NoW and REALY among the 68."""

# What a scanner sees of a head: skin and eyeballs.
_SEEN_PARTS = ("skin", "eye_left", "eye_right")


@dataclass(frozen=True, eq=False)
class PredictedMesh:
    """A mesh with its landmarks, in one frame and unit."""

    file: MeshFile
    landmarks: Float64[np.ndarray, "points 3"]


class MeshPredictor(ReconstructedFaces):
    """Our weights as a predictor of meshes: the largest face of a photo, found by our detector."""

    @cached_property
    def faces(self) -> Int64[np.ndarray, "faces 3"]:
        """Triangles of the meshes."""
        return seen_faces(self.model)

    def neutral(self, photo: Path | np.ndarray) -> PredictedMesh | str:
        """The face without expression, in the model frame and millimetres; or why there is none."""
        face = self.largest(photo)
        if isinstance(face, str):
            return face
        coefficients = in_torch(face.posed.coefficients)
        name = photo if isinstance(photo, Path) else Path(face.photo.name)
        return self.mesh_of(coefficients.identity, torch.zeros_like(coefficients.expression), name)

    def posed(self, photo: Path) -> PredictedMesh | str:
        """The face with its expression, in the model frame and millimetres; or why there is none."""
        face = self.largest(photo)
        if isinstance(face, str):
            return face
        found = in_torch(face.posed.coefficients)
        return self.mesh_of(found.identity, found.expression, photo)

    def points68(self, verts_mm: Float[np.ndarray, "verts 3"]) -> Float64[np.ndarray, "68 3"]:
        """The 68 points of a mesh of the face model."""
        verts = torch.from_numpy(np.asarray(verts_mm, dtype=np.float64))
        return self.model.landmarks(LANDMARK_SET).points(verts[None])[0].numpy()

    def mesh_of(
        self,
        identity: Float[torch.Tensor, "1 identity"],
        expression: Float[torch.Tensor, "1 expressions"],
        path: Path,
    ) -> PredictedMesh:
        """A mesh of the face model, with its seven landmarks."""
        with torch.no_grad():
            verts = self.model.shape(identity, expression)[0].double().numpy()
        return PredictedMesh(MeshFile(path, verts, self.faces), self.points68(verts)[list(SEVEN)])


def seen_faces(model: FaceModel) -> Int64[np.ndarray, "faces 3"]:
    """Triangles of skin and eyeballs; all of them for a model without such parts."""
    parts = [index for index, name in enumerate(model.data.part_names) if name in _SEEN_PARTS]
    seen = torch.isin(model.data.face_part, torch.tensor(parts, dtype=model.data.face_part.dtype))
    return (model.faces[seen] if bool(seen.any()) else model.faces).numpy()
