"""What the default face model promises, measured: accuracy against its source, symmetry, folds, texture."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.facemodel.data import FaceModelData
from monoface.geometry.triangles import vertex_normals
from monoface.modelling.mesh.correspondence import MeshPoints, skin_points

# A triangle is degenerate when twice its area is less than this times its longest edge, squared.
_DEGENERATE = 1e-3
FOLDING_BY_DESIGN = ("mouthClose",)
"""Expressions that make lips pass through each other unless the jaw is open."""


REWRITTEN = ("eyeBlinkLeft", "eyeBlinkRight", "mouthClose")
"""Expressions that differ from the source's on purpose, so that lids and lips meet."""


@dataclass(frozen=True)
class FaceModelReport:
    """Measurements of a face model; distances in millimetres.

    Attributes:
        identity_rms_mm: Error of each of the sampled identities over the narrow face.
        expression_rms_mm: Error of each expression over the narrow face, against its source.
        folded: Number of folded or degenerate triangles in the neutral face and in each expression.
        asymmetry_mm: Largest difference between the mean and its mirror image.
        symmetric_faces: Whether mirrored triangles are triangles.
        uv_overlaps: Pairs of triangles that overlap in the texture.
        loops: Number of edges of each closed loop along which the skin meets another part or ends.
    """

    identity_rms_mm: Float[np.ndarray, " samples"]
    expression_rms_mm: Mapping[str, float]
    folded: Mapping[str, int]
    asymmetry_mm: float
    symmetric_faces: bool
    uv_overlaps: Int[np.ndarray, "pairs 2"]
    loops: tuple[int, ...]


def check_face_model(source: FaceModelData, model: FaceModelData, samples: int = 500) -> FaceModelReport:
    """Measure a model made from a source by `learn_face_model`."""
    return FaceModelReport(
        identity_rms_mm=identity_errors(source, model, samples),
        expression_rms_mm=expression_errors(source, model),
        folded=folded_triangles(model),
        asymmetry_mm=mean_asymmetry(model),
        symmetric_faces=faces_are_symmetric(model),
        uv_overlaps=uv_overlaps(model.uv.double().numpy(), model.faces.numpy()),
        loops=skin_loops(model),
    )


def narrow_face_points(
    source: FaceModelData, model: FaceModelData
) -> tuple[Int[np.ndarray, " verts"], MeshPoints]:
    """Vertices of the source's narrow face, and the points of the model's skin that correspond to them."""
    vertices = np.unique(source.weld[source.regions["narrow_face"]].numpy())
    return vertices, skin_points(source, model, vertices)


def identity_errors(
    source: FaceModelData, model: FaceModelData, samples: int, seed: int = 0
) -> Float[np.ndarray, " samples"]:
    """RMS distance, in millimetres, between identities of the source and their best reproductions.

    Faces are drawn from the source's unit-variance modes. The model reproduces each with the identity
    coefficients that fit it best; distances are taken at the source's vertices of the narrow face, to the
    corresponding point of the model's surface. So truncated modes, the coarser mesh and rounding all count.
    """
    wanted, points = narrow_face_points(source, model)
    drawn = np.random.default_rng(seed).standard_normal((samples, len(source.identity_basis_mm)))
    modes = source.identity_basis_mm.double().numpy()[:, wanted].reshape(len(source.identity_basis_mm), -1)
    offset = source.mean_mm.double().numpy()[wanted] - points.take(model.mean_mm.double().numpy())
    wanted_offsets = drawn @ modes + offset.reshape(1, -1)
    basis = points.take(model.identity_basis_mm.double().numpy()).reshape(len(model.identity_basis_mm), -1)
    fitted = np.linalg.solve(basis @ basis.T, basis @ wanted_offsets.T).T @ basis
    residual = (wanted_offsets - fitted).reshape(samples, -1, 3)
    return np.sqrt((residual**2).sum(axis=-1).mean(axis=-1))


def expression_errors(source: FaceModelData, model: FaceModelData) -> dict[str, float]:
    """RMS distance, in millimetres, of each expression at weight 1 from the source's, neutral identity.

    At the source's vertices of the narrow face, to the corresponding point of the model's surface.
    """
    wanted, points = narrow_face_points(source, model)
    errors = {}
    for number, name in enumerate(model.expression_names):
        row = source.expression_names.index(name)
        shape = (source.mean_mm + source.expression_basis_mm[row]).double().numpy()[wanted]
        ours = points.take((model.mean_mm + model.expression_basis_mm[number]).double().numpy())
        errors[name] = float(np.sqrt(((shape - ours) ** 2).sum(axis=-1).mean()))
    return errors


def folded_triangles(model: FaceModelData) -> dict[str, int]:
    """Triangles that are folded over or degenerate, in the neutral face and in each expression at weight 1.

    A triangle is folded when its normal points against the surface around it: against the sum of the unit
    normals at its corners, in the same shape. It is degenerate when its area is next to nothing for the
    length of its edges.
    """
    mean = model.mean_mm.double()
    shapes = {"neutral": mean}
    shapes |= {
        n: mean + b.double() for n, b in zip(model.expression_names, model.expression_basis_mm, strict=True)
    }
    faces = model.faces
    counts = {}
    for name, verts in shapes.items():
        around = vertex_normals(verts, faces, model.weld)[faces].sum(dim=1)
        corners = verts[faces]
        edges = corners - corners.roll(1, dims=1)
        cross = torch.linalg.cross(edges[:, 1], edges[:, 2], dim=-1)
        folded = (cross * around).sum(dim=-1) <= 0
        flat = cross.norm(dim=-1) < _DEGENERATE * edges.square().sum(dim=-1).amax(dim=-1)
        counts[name] = int((folded | flat).sum())
    return counts


def mean_asymmetry(model: FaceModelData) -> float:
    """Largest distance between a vertex of the mean and the mirror image of its mirrored vertex, in mm."""
    mirrored = model.mean_mm[model.mirror] * model.mean_mm.new_tensor((-1.0, 1.0, 1.0))
    return float((mirrored - model.mean_mm).norm(dim=-1).max())


def faces_are_symmetric(model: FaceModelData) -> bool:
    """Whether mirroring is an involution of the vertices that takes triangles to triangles, turned over."""

    def keys(faces: torch.Tensor) -> set[tuple[int, ...]]:
        smallest = faces.argmin(dim=1, keepdim=True)
        order = (smallest + torch.arange(3)) % 3
        return {tuple(row) for row in faces.gather(1, order).tolist()}

    involution = bool((model.mirror[model.mirror] == torch.arange(len(model.mirror))).all())
    return involution and keys(model.faces) == keys(model.mirror[model.faces].flip(1))


def skin_loops(model: FaceModelData) -> tuple[int, ...]:
    """Number of edges of each loop where the skin ends: at lips, lids and the neck; longest first.

    The lining of the eye sockets does not count as skin here. A loop that is no simple closed curve comes
    out as 0.
    """
    outside = (model.face_part == model.part_names.index("skin")) & ~model.regions["eye_sockets"][
        model.faces
    ].any(dim=1)
    skin = model.weld[model.faces[outside]]
    edges = torch.cat((skin[:, :2], skin[:, 1:], skin[:, [2, 0]]))
    unique, count = torch.unique(edges.sort(dim=1).values, dim=0, return_counts=True)
    neighbours: dict[int, list[int]] = {}
    for one, two in unique[count == 1].tolist():
        neighbours.setdefault(one, []).append(two)
        neighbours.setdefault(two, []).append(one)
    lengths = []
    while neighbours:
        start = next(iter(neighbours))
        stack, loop = [start], set()
        while stack:
            vertex = stack.pop()
            if vertex not in loop:
                loop.add(vertex)
                stack.extend(neighbours[vertex])
        simple = all(len(neighbours[vertex]) == 2 for vertex in loop)
        lengths.append(len(loop) if simple else 0)
        for vertex in loop:
            del neighbours[vertex]
    return tuple(sorted(lengths, reverse=True))


def uv_overlaps(
    uv: Float[np.ndarray, "verts 2"], faces: Int[np.ndarray, "faces 3"], tolerance: float = 1e-7
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of triangles whose insides overlap in the texture by more than `tolerance` in every direction.

    By the separating-axis theorem, over all pairs that share a cell of a grid: no sampling.
    """
    corners = uv[faces]
    pairs = _pairs_in_cells(
        corners.min(axis=1), corners.max(axis=1), cells=int(np.sqrt(len(faces)) * 0.7) + 1
    )
    first, second = corners[pairs[:, 0]], corners[pairs[:, 1]]
    separate = np.zeros(len(pairs), dtype=bool)
    for triangle in (first, second):
        for corner in range(3):
            edge = triangle[:, (corner + 1) % 3] - triangle[:, corner]
            axis = np.stack((-edge[:, 1], edge[:, 0]), axis=1)
            axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-18)
            a, b = ((t * axis[:, None]).sum(axis=-1) for t in (first, second))
            separate |= np.minimum(a.max(1), b.max(1)) - np.maximum(a.min(1), b.min(1)) <= tolerance
    return pairs[~separate]


def _pairs_in_cells(low: np.ndarray, high: np.ndarray, cells: int) -> Int[np.ndarray, "pairs 2"]:
    start, stop = np.floor(low * cells).astype(int), np.floor(high * cells).astype(int)
    members: dict[tuple[int, int], list[int]] = {}
    for row, ((x0, y0), (x1, y1)) in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                members.setdefault((x, y), []).append(row)
    pairs = [np.array(rows)[np.stack(np.triu_indices(len(rows), 1), axis=1)] for rows in members.values()]
    unique = np.unique(np.concatenate(pairs), axis=0)
    boxes_meet = (low[unique[:, 0]] < high[unique[:, 1]]) & (low[unique[:, 1]] < high[unique[:, 0]])
    return unique[boxes_meet.all(axis=1)]
