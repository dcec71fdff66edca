"""The face model as users have it: numpy arrays, one face at a time."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.core.arrays import in_numpy, numpy_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.default import face_model_file
from monoface.facemodel.formulas.numpy_model import NumpyFaceModel
from monoface.facemodel.storage import read_face_model_data


class MorphableModel:
    """3D morphable model of a head: identity, expression and albedo, in numpy.

    Model frame: right-handed, millimetres, +x towards the subject's left, +y up, +z out of the face, origin
    inside the head. Identity and albedo coefficients have unit variance. Arrays cannot be written to: copy
    what you want to change. `FaceModel` is the same model in PyTorch, for training.

    Args:
        data: What the model consists of.

    Attributes:
        mean_mm: Vertices of the mean, neutral face.
        identity_basis_mm: Offsets of unit-variance identity modes.
        expression_basis_mm: Offsets of expressions at weight 1, of the mean person; eyeballs move along the
            chords of their turns.
        albedo_mean: Linear RGB of each vertex.
        albedo_basis: Offsets in linear RGB of unit-variance albedo modes; may have no row.
        faces: Triangles, counter-clockwise seen from outside.
        face_part: Index of each triangle's part in `part_names`.
        part_names: For instance skin, eye_left, teeth.
        uv: Texture coordinates, origin top left; seam vertices are doubled.
        regions: Named sets of vertices; `narrow_face` and `face` always.
        landmark_names: Names of the landmark sets that are stored.
        expression_names: One for each expression.
        expression_bounds: (0, 1) for blendshapes, None for Gaussian spaces.
        provenance: Where the model comes from, and its terms.
    """

    def __init__(self, data: FaceModelData) -> None:
        self._data = data
        self.mean_mm: Float[np.ndarray, "verts 3"] = _frozen(data.mean_mm)
        self.identity_basis_mm: Float[np.ndarray, "identity verts 3"] = _frozen(data.identity_basis_mm)
        self.albedo_mean: Float[np.ndarray, "verts 3"] = _frozen(data.albedo_mean)
        self.albedo_basis: Float[np.ndarray, "albedo verts 3"] = _frozen(data.albedo_basis)
        self.faces: Int[np.ndarray, "faces 3"] = _frozen(data.faces)
        self.face_part: Int[np.ndarray, " faces"] = _frozen(data.face_part)
        self.part_names: tuple[str, ...] = data.part_names
        self.uv: Float[np.ndarray, "verts 2"] = _frozen(data.uv)
        self.regions: Mapping[str, Bool[np.ndarray, " verts"]] = {
            name: _frozen(region) for name, region in data.regions.items()
        }
        self.landmark_names: tuple[str, ...] = tuple(sorted(data.landmarks))
        self.expression_names: tuple[str, ...] = data.expression_names
        self.expression_bounds: tuple[float, float] | None = data.expression_bounds
        self.provenance: Mapping[str, Any] = dict(data.provenance)

    @classmethod
    def load(cls, path: str | Path | None = None) -> "MorphableModel":
        """Read a face model: a file that `monoface facemodel learn` wrote, or the shipped one.

        Raises:
            AssetError: If the shipped file is missing or damaged.
            ModelFileError: If the file cannot be read.
        """
        return cls(read_face_model_data(face_model_file(None if path is None else Path(path))))

    @cached_property
    def expression_basis_mm(self) -> Float[np.ndarray, "expressions verts 3"]:
        """Offsets of expressions at weight 1; see the class."""
        nobody = np.zeros((1, self._model.identity_size), np.float32)
        return _frozen(self._model.expression_basis_for(nobody)[0])

    def __repr__(self) -> str:
        sizes = f"{len(self.identity_basis_mm)} identity, {len(self.expression_names)} expression"
        return f"MorphableModel({len(self.mean_mm)} vertices, {sizes}, {len(self.albedo_basis)} albedo modes)"

    def verts_mm(
        self,
        identity: Float[np.ndarray, " identity"] | None = None,
        expression: Float[np.ndarray, " expressions"] | None = None,
    ) -> Float[np.ndarray, "verts 3"]:
        """Vertices of a face in the model frame, with its eyes turned by `eyeLook*` expressions.

        Args:
            identity: Shape coefficients; the mean face by default.
            expression: Expression weights; neutral by default. `expression_of` makes them from names.

        Raises:
            ConfigError: If there are more or fewer coefficients than the model has.
        """
        shape = self._model.identity_size, self._model.expression_size
        rows = [
            _row(*given)
            for given in zip(("identity", "expression"), (identity, expression), shape, strict=True)
        ]
        return self._model.shape(*rows)[0]

    def expression_of(self, weights: Mapping[str, float]) -> Float[np.ndarray, " expressions"]:
        """Expression weights by name, such as `jawOpen`; zero for all that are not named.

        Raises:
            ConfigError: If the model has no expression of such a name.
        """
        unknown = ", ".join(sorted(weights.keys() - set(self.expression_names)))
        if unknown:
            raise ConfigError(f"expression: expected names of `expression_names`, got {unknown}.")
        return np.array([weights.get(name, 0.0) for name in self.expression_names], dtype=np.float32)

    def albedo(
        self, coefficients: Float[np.ndarray, " albedo"] | None = None
    ) -> Float[np.ndarray, "verts 3"]:
        """Diffuse reflectance of each vertex in linear RGB, 0 to 1; the mean by default.

        Raises:
            ConfigError: If there are more or fewer coefficients than the model has.
        """
        return self._model.albedo(_row("albedo", coefficients, self._model.albedo_size))[0]

    def landmarks(self, name: str) -> "Landmarks":
        """Landmark set of that name: `ibug68`, and those of `landmark_names`.

        Raises:
            ModelFileError: If the model has no such set.
        """
        found = self._model.landmarks(name)
        return Landmarks(_frozen(found.index), _frozen(found.weight))

    @cached_property
    def _model(self) -> NumpyFaceModel:
        return NumpyFaceModel(in_numpy(self._data))


class Landmarks:
    """Points of a mesh, each a weighted mean of a few vertices.

    Attributes:
        index: Vertices of each point; unused places repeat a vertex with weight 0.
        weight: Their weights, which sum to 1 in each row.
    """

    def __init__(
        self, index: Int[np.ndarray, "landmarks entries"], weight: Float[np.ndarray, "landmarks entries"]
    ) -> None:
        if index.shape != weight.shape:
            raise ModelFileError(f"landmarks: expected as many weights as vertices, got {weight.shape}.")
        self.index = index
        self.weight = weight

    def __len__(self) -> int:
        return len(self.index)

    def points(self, verts: Float[np.ndarray, "verts axes"]) -> Float[np.ndarray, "landmarks axes"]:
        """The points on a mesh, in the frame and unit of its vertices."""
        return (self.weight[..., None] * verts[self.index]).sum(axis=1)


def _frozen(given: Any) -> np.ndarray:
    # A copy, so that neither side can change the other's numbers.
    array = np.array(numpy_of(given))
    array.flags.writeable = False
    return array


def _row(name: str, values: np.ndarray | None, size: int) -> Float[np.ndarray, "1 values"]:
    row = np.zeros(size) if values is None else np.asarray(values)
    if row.shape != (size,):
        raise ConfigError(f"{name}: expected {size} coefficients, got shape {row.shape}.")
    return row.astype(np.float32)[None]
