"""Fewer identity modes, in closed form: area-weighted PCA of a linear model's own modes."""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel.data import FaceModelData


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
