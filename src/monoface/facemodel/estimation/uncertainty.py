"""How far each vertex of a measured face may be off: the posterior of its coefficients, seen at the mesh."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import numpy_of
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.facemodel.formulas.linear_model import LinearFaceModel

_REGION = "narrow_face"


@dataclass(frozen=True, eq=False)
class ShapeUncertainty:
    """Posterior covariance of one face's shape.

    Attributes:
        covariance: Of its expression weights and, after them, its identity coefficients.
        factor: What standard deviations are multiplied by, so that they hold on photos that people marked.
    """

    covariance: Float[np.ndarray, "modes modes"]
    factor: float

    @classmethod
    def of(cls, faces: RefinedFaces, row: int, factor: float) -> "ShapeUncertainty":
        """That of one of several measured faces."""
        identity, by_identity = faces.identity_covariance[row], faces.expression_by_identity[row]
        crossed = by_identity @ identity
        expression = faces.expression_covariance[row] + crossed @ by_identity.T
        covariance = np.block([[expression, crossed], [crossed.T, identity]]).astype(np.float32)
        return cls(covariance, factor)

    def vertex_sigma_mm(self, mesh: "VertexUncertainty") -> Float[np.ndarray, " verts"]:
        """Standard deviation of each vertex.

        Args:
            mesh: Of the face model.
        """
        return (self.factor * mesh.sigma_mm(self.covariance)).astype(np.float32)

    def mean_sigma_mm(self, mesh: "VertexUncertainty") -> float:
        """Mean of the standard deviations of vertices over the narrow face.

        Args:
            mesh: Of the face model.
        """
        return self.factor * mesh.mean_sigma_mm(self.covariance)


class VertexUncertainty:
    """Standard deviations of vertices from covariances of coefficients, for faces of one model.

    What the coefficients move is compared after the best rigid alignment over the narrow face: where a head
    is and how it is turned is no uncertainty of its shape.

    Args:
        model: The face model; correctives are left out.
    """

    def __init__(self, model: LinearFaceModel) -> None:
        self._model = model

    def sigma_mm(self, covariance: Float[np.ndarray, "modes modes"]) -> Float[np.ndarray, " verts"]:
        """Root mean over the three axes of each vertex's variance in the model frame.

        Args:
            covariance: Of expression weights and, after them, identity coefficients.
        """
        return _sigma_mm(covariance, self._modes)

    def mean_sigma_mm(self, covariance: Float[np.ndarray, "modes modes"]) -> float:
        """Mean of `sigma_mm` over the narrow face, for which the other vertices are not computed."""
        return float(_sigma_mm(covariance, self._narrow_modes).mean())

    @cached_property
    def _narrow_modes(self) -> Float[np.ndarray, "modes narrow 3"]:
        return np.ascontiguousarray(self._modes[:, numpy_of(self._model.data.regions[_REGION])])

    @cached_property
    def _modes(self) -> Float[np.ndarray, "modes verts 3"]:
        """Offsets of expressions and identity modes without the rigid motion that is in them."""
        model = self._model
        modes = np.concatenate((numpy_of(model.expression_basis_mm), numpy_of(model.identity_basis_mm)))
        verts = numpy_of(model.mean_mm).astype(np.float64)
        motions = np.concatenate(
            [np.broadcast_to(axis, verts.shape)[None] for axis in np.eye(3)]
            + [np.cross(axis, verts)[None] for axis in np.eye(3)]
        )
        inside = numpy_of(model.data.regions[_REGION])
        flat = motions[:, inside].reshape(len(motions), -1)
        rigid = np.linalg.lstsq(flat.T, modes[:, inside].reshape(len(modes), -1).T, rcond=None)[0]
        return (modes - np.tensordot(rigid.T, motions, axes=1)).astype(np.float32)


def _sigma_mm(
    covariance: Float[np.ndarray, "modes modes"], modes: Float[np.ndarray, "modes verts 3"]
) -> Float[np.ndarray, " verts"]:
    flat = modes.reshape(len(modes), -1)
    variances: Float[np.ndarray, " axes"] = ((covariance @ flat) * flat).sum(axis=0)
    # Rounding may leave a little less than nothing.
    return np.sqrt(np.maximum(variances.reshape(-1, 3).mean(axis=1), 0))
