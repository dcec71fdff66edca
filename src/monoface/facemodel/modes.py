"""Fewer identity modes, in closed form: area-weighted PCA of a linear model's own modes."""

import hashlib

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.facemodel.data import FaceModelData

_FLIP = (-1.0, 1.0, 1.0)
# Vertices nearer to the middle than that may be their own mirror images.
_MIDDLE_MM = 0.5
# Of the size of a blendshape: how far the mirror image of another one may be from it. On the shipped model
# the farthest pair is 0.07 apart, and the nearest expression that is no partner 0.6.
_PAIR_TOLERANCE = 0.25
# Directions of less variance than that part of the largest are taken for none.
_RANK_TOLERANCE = 1e-10
_CHUNK = 1024


def vertex_areas(
    verts: Float[Tensor, "verts 3"], faces: Tensor, weld: Tensor | None = None
) -> Float[Tensor, " verts"]:
    """Third of the area of the triangles around each vertex, in the square of the vertices' unit.

    With `weld`, the copies of a seam vertex count at its first copy.
    """
    corners = verts[faces].double()
    cross = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=-1)
    share = cross.norm(dim=-1) / 6
    index = faces if weld is None else weld[faces]
    areas = torch.zeros(len(verts), dtype=torch.float64)
    for corner in range(3):
        areas.index_add_(0, index[:, corner], share)
    return areas


def reduced_identity_modes(
    source: FaceModelData, count: int, importance: Float[Tensor, " verts"]
) -> Float[Tensor, "source_modes count"]:
    """Combinations of a model's unit-variance modes that keep the most shape variance of a surface.

    The source's shapes are mean + c^T B with c ~ N(0, I). Their covariance under the weights W (area
    times importance) has the eigenvectors B^T q / s, where q are eigenvectors of B W B^T. With
    orthonormal q, new coefficients z = Q^T c again have unit variance, the new modes are Q^T B at *any*
    vertex, and dropping modes leaves exactly their variance out.

    Args:
        source: The model to reduce.
        count: How many modes to keep.
        importance: How much the variance of each vertex counts, not negative.

    Returns:
        Q: orthonormal columns, largest variance first. Signs make the largest entry positive, so that
        equal inputs give equal coordinates on every machine.
    """
    areas = vertex_areas(source.mean_mm, source.faces, source.weld) * importance
    basis = source.identity_basis_mm.double()[:, areas > 0]
    weighted = basis * areas[areas > 0].sqrt()[:, None]
    gram = torch.einsum("ivc,jvc->ij", weighted, weighted)
    _, vectors = torch.linalg.eigh(gram)
    kept = vectors.flip(-1)[:, :count]
    largest = kept.gather(0, kept.abs().argmax(dim=0, keepdim=True))
    return kept * largest.sign()


def default_identity_modes(source: FaceModelData, count: int = 80) -> Float[Tensor, "source_modes count"]:
    """The combinations that are the shipped model's identity coordinates.

    The narrow face counts fully and the rest of the face (ears, temples, under the jaw) a fifth.
    """
    narrow, face = source.regions["narrow_face"], source.regions["face"]
    return reduced_identity_modes(source, count, torch.where(narrow, 1.0, 0.2) * (narrow | face))


def identity_mirror(model: FaceModelData) -> Float[Tensor, "identity identity"]:
    """Matrix that turns a face's identity coefficients (a row) into those of its mirror image.

    Modes are symmetric, antisymmetric, or mixtures of both where variances are nearly equal. The least
    squares solution is exact for a model whose modes span the mirror images of its shapes.
    """
    basis = model.identity_basis_mm.double()
    return _in_terms_of(basis, _mirrored(model, basis)).float()


def albedo_mirror(model: FaceModelData) -> Float[Tensor, "albedo albedo"]:
    """The same for albedo coefficients."""
    basis = model.albedo_basis.double()
    return _in_terms_of(basis, basis[:, mirror_vertices(model)]).float()


def expression_mirror(model: FaceModelData) -> Float[Tensor, "expressions expressions"]:
    """The same for expression coefficients.

    Blendshapes that come in pairs, by what they do to the mesh, are exchanged exactly, whatever their names;
    so weights stay in their range. Any other basis gets the least squares solution.
    """
    motions = _expression_motions(model)
    mirrored = _mirrored(model, motions)
    partner = _partners(motions.flatten(1), mirrored.flatten(1))
    if partner is not None:
        return torch.eye(len(motions))[partner]
    return _in_terms_of(motions, mirrored).float()


def mirror_vertices(model: FaceModelData) -> Int[Tensor, " verts"]:
    """For each vertex the one that stands for its mirror image.

    That is the stated one. Where a vertex beside the middle is stated to be its own, so where the mesh is
    not symmetric, it is the vertex of the mean face that lies nearest to the mirrored place.
    """
    mean = model.mean_mm
    own = torch.arange(len(mean), device=mean.device)
    alone = ((model.mirror == own) & (mean[:, 0].abs() > _MIDDLE_MM)).nonzero()[:, 0]
    if not len(alone):
        return model.mirror
    places = mean[alone] * mean.new_tensor(_FLIP)
    nearest = torch.cat([torch.cdist(part, mean).argmin(dim=1) for part in places.split(_CHUNK)])
    return model.mirror.index_copy(0, alone, nearest)


def _mirrored(model: FaceModelData, modes: Float[Tensor, "modes verts 3"]) -> Float[Tensor, "modes verts 3"]:
    """What the mirror images of faces that move by some modes move by."""
    return modes[:, mirror_vertices(model)] * modes.new_tensor(_FLIP)


def _expression_motions(model: FaceModelData) -> Float[Tensor, "expressions verts 3"]:
    """Offsets of expressions on the mean face, turns of the eyeballs with them to first order."""
    motions = model.expression_basis_mm.double()
    mean = model.mean_mm.double()
    for eye in model.eyes.values():
        off = mean[eye.ball_index] - eye.centre.double() @ mean
        turns = torch.linalg.cross(eye.gaze_rad.double()[:, None], off[None], dim=-1)
        motions = motions.index_add(1, eye.ball_index, turns)
    return motions


def _partners(modes: Float[Tensor, "modes size"], mirrored: Tensor) -> Int[Tensor, " modes"] | None:
    """For each mode the one that its mirror image is, up to noise; None unless all of them have one."""
    if not len(modes):
        return torch.zeros(0, dtype=torch.int64)
    distance = torch.cdist(mirrored, modes)
    partner = distance.argmin(dim=1)
    own = torch.arange(len(modes))
    near = distance[own, partner] <= _PAIR_TOLERANCE * modes.norm(dim=1)
    mutual = partner[partner] == own
    return partner if bool((near & mutual).all()) else None


def _in_terms_of(basis: Tensor, modes: Tensor) -> Tensor:
    """Matrix that turns coefficients of other modes (a row) into those of a basis, by least squares.

    Of modes that depend on each other linearly, the solution of least coefficients.
    """
    gram = torch.einsum("ivc,jvc->ij", basis, basis)
    cross = torch.einsum("ivc,jvc->ij", modes, basis)
    if not len(basis):
        return gram
    return cross @ torch.linalg.pinv(gram, rtol=_RANK_TOLERANCE, hermitian=True)


def coefficient_space(
    combination: Float[Tensor, "source_modes count"], expression_names: tuple[str, ...]
) -> str:
    """Name of the coordinates that a combination of a source's modes and a list of expressions make.

    It is the same for every remesh of one source, so weights trained for one fit all; it forgives
    differences of rounding between machines.
    """
    digest = hashlib.sha256((100 * combination).round().to(torch.int8).numpy().tobytes())
    digest.update("\n".join(expression_names).encode())
    return digest.hexdigest()[:16]
