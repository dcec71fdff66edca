"""What mirroring does to the modes of a face model: matrices for its coefficients, solved for on the mesh."""

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
_CHUNK = 256


def identity_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "identity identity"]:
    """Matrix that turns a face's identity coefficients (a row) into those of its mirror image.

    Modes are symmetric, antisymmetric, or mixtures of both where variances are nearly equal. The least
    squares solution is exact for a model whose modes span the mirror images of its shapes.
    """
    basis = model.identity_basis_mm.astype(np.float64)
    return _in_terms_of(basis, _mirrored(model, basis)).astype(np.float32)


def albedo_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "albedo albedo"]:
    """The same for albedo coefficients."""
    basis = model.albedo_basis.astype(np.float64)
    return _in_terms_of(basis, basis.take(mirror_vertices(model), axis=1)).astype(np.float32)


def expression_mirror(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "expressions expressions"]:
    """The same for expression coefficients.

    Blendshapes that come in pairs, by what they do to the mesh, are exchanged exactly, whatever their names;
    so weights stay in their range. Any other basis gets the least squares solution.
    """
    motions = _expression_motions(model)
    mirrored = _mirrored(model, motions)
    partner = _partners(_flat(motions), _flat(mirrored))
    if partner is not None:
        return np.eye(len(motions), dtype=np.float32)[partner]
    return _in_terms_of(motions, mirrored).astype(np.float32)


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


def _mirrored(
    model: FaceModelData[np.ndarray], modes: Float[np.ndarray, "modes verts 3"]
) -> Float[np.ndarray, "modes verts 3"]:
    """What the mirror images of faces that move by some modes move by."""
    return modes.take(mirror_vertices(model), axis=1) * _FLIP


def _expression_motions(model: FaceModelData[np.ndarray]) -> Float[np.ndarray, "expressions verts 3"]:
    """Offsets of expressions on the mean face, turns of the eyeballs with them to first order."""
    motions, mean = model.expression_basis_mm.astype(np.float64), model.mean_mm.astype(np.float64)
    for eye in model.eyes.values():
        off = mean[eye.ball_index] - eye.centre.astype(np.float64) @ mean
        motions[:, eye.ball_index] += np.cross(eye.gaze_rad.astype(np.float64)[:, None], off[None])
    return motions


def _partners(
    modes: Float[np.ndarray, "modes size"], mirrored: Float[np.ndarray, "modes size"]
) -> Int[np.ndarray, " modes"] | None:
    """For each mode the one that its mirror image is, up to noise; None unless all of them have one."""
    if not len(modes):
        return np.zeros(0, np.int64)
    sizes = (np.square(one).sum(axis=1) for one in (mirrored, modes))
    squared = np.add.outer(*sizes) - 2 * mirrored @ modes.T
    partner, own = squared.argmin(axis=1), np.arange(len(modes))
    near = squared[own, partner] <= _PAIR_TOLERANCE**2 * np.square(modes).sum(axis=1)
    mutual = partner[partner] == own
    return partner if bool((near & mutual).all()) else None


def _in_terms_of(
    basis: Float[np.ndarray, "basis verts 3"], modes: Float[np.ndarray, "modes verts 3"]
) -> Float[np.ndarray, "modes basis"]:
    """Matrix that turns coefficients of other modes (a row) into those of a basis, by least squares.

    Of modes that depend on each other linearly, the solution of least coefficients.
    """
    if not len(basis):
        return np.zeros((len(modes), 0))
    flat = _flat(basis)
    return _flat(modes) @ flat.T @ np.linalg.pinv(flat @ flat.T, rcond=_RANK_TOLERANCE, hermitian=True)


def _flat(modes: Float[np.ndarray, "modes verts 3"]) -> Float[np.ndarray, "modes size"]:
    return modes.reshape(len(modes), modes.shape[1] * modes.shape[2])
