"""What mirroring does to the modes of a face model: matrices for its coefficients, solved for on the mesh."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.data import FaceModelData

_FLIP = np.array((-1.0, 1.0, 1.0))
# Vertices nearer to the middle than that may be their own mirror images.
_MIDDLE_MM = 0.5
# Of the size of a blendshape: how far the mirror image of another one may be from it. On the shipped model
# the farthest pair is 0.07 apart, and the nearest expression that is no partner 0.6.
_PAIR_TOLERANCE = 0.25
# Directions of less variance than that part of the largest are taken for none.
_RANK_TOLERANCE = 1e-10
_CHUNK, _PART = 256, 512


def identity_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "identity identity"]:
    """Matrix that turns a face's identity coefficients (a row) into those of its mirror image.

    Modes are symmetric, antisymmetric, or mixtures of both where variances are nearly equal. The least
    squares solution is exact for a model whose modes span the mirror images of its shapes.
    """
    return _Products.of(model.identity_basis_mm, mirror_vertices(model), _FLIP).in_terms_of_modes()


def albedo_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "albedo albedo"]:
    """The same for albedo coefficients."""
    return _Products.of(model.albedo_basis, mirror_vertices(model), np.ones(3)).in_terms_of_modes()


def expression_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "expressions expressions"]:
    """The same for expression coefficients.

    Blendshapes that come in pairs, by what they do to the mesh, are exchanged exactly, whatever their names;
    so weights stay in their range. Any other basis gets the least squares solution.
    """
    products = _Products.of(_expression_motions(model), mirror_vertices(model), _FLIP)
    partner = products.partners()
    if partner is not None:
        return np.eye(len(partner), dtype=np.float32)[partner]
    return products.in_terms_of_modes()


def mirror_vertices(model: FaceModelData[np.ndarray]) -> Int[np.ndarray, " verts"]:
    """For each vertex the one that stands for its mirror image.

    That is the stated one. Where a vertex beside the middle is stated to be its own, so where the mesh is
    not symmetric, it is the vertex of the mean face that lies nearest to the mirrored place.
    """
    mean, own = model.mean_mm, np.arange(len(model.mean_mm))
    alone = np.flatnonzero((model.mirror == own) & (np.abs(mean[:, 0]) > _MIDDLE_MM))
    mirror = model.mirror.copy()
    for start in range(0, len(alone), _CHUNK):
        part = alone[start : start + _CHUNK]
        mirror[part] = nearest_points(mean[part] * _FLIP, mean)
    return mirror


def nearest_points(
    points: Float[np.ndarray, "points 3"], others: Float[np.ndarray, "others 3"]
) -> Int[np.ndarray, " points"]:
    """For each point the row of the nearest of others, by all distances at once."""
    return np.square(points[:, None] - others).sum(axis=-1).argmin(axis=1)


def _expression_motions(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "expressions verts 3"]:
    """Offsets of expressions on the mean face, turns of the eyeballs with them to first order."""
    motions, mean = model.expression_basis_mm.astype(np.float64), model.mean_mm.astype(np.float64)
    for eye in model.eyes.values():
        off = mean[eye.ball_index] - eye.centre.astype(np.float64) @ mean
        motions[:, eye.ball_index] += np.cross(eye.gaze_rad.astype(np.float64)[:, None], off[None])
    return motions


@dataclass(frozen=True, eq=False)
class _Products:
    """Scalar products of modes and of their mirror images.

    Attributes:
        modes: Of modes with modes.
        crossed: Of mirror images, in rows, with modes.
        mirrored: Of each mirror image with itself.
    """

    modes: Float[np.ndarray, "modes modes"]
    crossed: Float[np.ndarray, "modes modes"]
    mirrored: Float[np.ndarray, " modes"]

    @classmethod
    def of(
        cls,
        modes: Float[np.ndarray, "modes verts 3"],
        mirror: Int[np.ndarray, " verts"],
        flip: Float[np.ndarray, " 3"],
    ) -> Self:
        """Of modes, by the mirror image of each vertex and what becomes of the axes of its values."""
        count = len(modes)
        own, crossed, mirrored = np.zeros((count, count)), np.zeros((count, count)), np.zeros(count)
        # A part of the vertices at a time, which the caches hold.
        for start in range(0, len(mirror), _PART):
            index = mirror[start : start + _PART]
            size = 3 * len(index)
            part = modes[:, start : start + _PART].astype(np.float64).reshape(count, size)
            turned = (modes.take(index, axis=1) * flip).reshape(count, size)
            own += part @ part.T
            crossed += turned @ part.T
            mirrored += np.square(turned).sum(axis=1)
        return cls(own, crossed, mirrored)

    def in_terms_of_modes(self) -> Float[np.ndarray, "modes modes"]:
        """Matrix that turns coefficients (a row) into those of the mirror image, by least squares.

        Of modes that depend on each other linearly, the solution of least coefficients.
        """
        if not len(self.modes):
            return np.zeros((0, 0), np.float32)
        inverse = np.linalg.pinv(self.modes, rcond=_RANK_TOLERANCE, hermitian=True)
        return (self.crossed @ inverse).astype(np.float32)

    def partners(self) -> Int[np.ndarray, " modes"] | None:
        """For each mode the one that its mirror image is, up to noise; None unless all of them have one."""
        own, sizes = np.arange(len(self.modes)), self.modes.diagonal()
        if not len(own):
            return own
        squared = np.add.outer(self.mirrored, sizes) - 2 * self.crossed
        partner = squared.argmin(axis=1)
        near = squared[own, partner] <= _PAIR_TOLERANCE**2 * sizes
        mutual = partner[partner] == own
        return partner if bool((near & mutual).all()) else None
