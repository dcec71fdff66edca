"""How well lids and lips of a face model close, measured on drawn identities."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel
from monoface.facemodel.point_basis import PointBasis
from monoface.modelling.closing.lids import lid_chains, model_lids
from monoface.modelling.closing.lips import model_lip_contact
from monoface.modelling.mesh.symmetry import MIRROR

BLINK_WEIGHTS = tuple(step / 10 for step in range(11))
"""Weights of the blink at which eyeballs are looked for in lids."""
# Lids and their rims, in edges from the loop where skin meets the socket.
_LID_RINGS = 6
_COLUMN_MM = 2.0
_BATCH = 20


@dataclass(frozen=True)
class ClosureReport:
    """Measurements of every drawn identity, in millimetres; eyes are left, right.

    Attributes:
        lid_gap_mm: Largest distance between the edges of upper and lower lid at blink 1.
        ball_clearance_mm: Smallest distance between eyeball and lids over `BLINK_WEIGHTS`; negative where the
            ball comes through.
        lip_gap_mm: Largest vertical gap between the lips of the neutral face, over columns along the mouth.
        lip_overlap_mm: How far the lips pass through each other there, at most.
        closed_gap_mm: The gap with `jawOpen` and `mouthClose` at 1.
        closed_overlap_mm: The overlap with both at 1.
    """

    lid_gap_mm: Float[np.ndarray, "samples 2"]
    ball_clearance_mm: Float[np.ndarray, "samples 2"]
    lip_gap_mm: Float[np.ndarray, " samples"]
    lip_overlap_mm: Float[np.ndarray, " samples"]
    closed_gap_mm: Float[np.ndarray, " samples"]
    closed_overlap_mm: Float[np.ndarray, " samples"]


def check_closure(model: FaceModel, samples: int = 200, seed: int = 0) -> ClosureReport:
    """Measure identities drawn with unit variance."""
    drawn = np.random.default_rng(seed).standard_normal((samples, model.identity_size))
    identity = torch.from_numpy(drawn).float()
    eyes = [_measured_lids(model, identity, side) for side in ("left", "right")]
    gaps, clearances = zip(*eyes, strict=True)
    lips = _reduced_lips(model)
    neutral, closed = (
        _measured_lips(lips, identity, _expression(model, samples, weights))
        for weights in ({}, {"jawOpen": 1.0, "mouthClose": 1.0})
    )
    return ClosureReport(np.stack(gaps, axis=1), np.stack(clearances, axis=1), *neutral, *closed)


@dataclass(frozen=True)
class _Lids:
    """One eye of a model, reduced to what is measured; the right one is seen in the mirror.

    Attributes:
        points: The model at the vertices in question.
        flip: What the mirror does to x.
        triangles: Triangles of lids and rims, over the points.
        upper: Points along the upper edge.
        lower: Points along the lower edge.
        ball: Points of the eyeball.
        centre: Weights of the points, whose mean is the centre of the eyeball.
    """

    points: PointBasis
    flip: Float[np.ndarray, " 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    upper: Int[np.ndarray, " upper"]
    lower: Int[np.ndarray, " lower"]
    ball: Int[np.ndarray, " ball"]
    centre: Float[np.ndarray, " points"]


def _reduced(model: FaceModel, side: str) -> _Lids:
    data = model.data
    mesh, joint = model_lids(data), data.eyes["eye_left"]
    rings = mesh.ring[mesh.faces]
    triangles = mesh.faces[((rings >= 0) & (rings <= _LID_RINGS)).all(axis=1)]
    upper, lower = lid_chains(mesh)
    used = np.unique(np.concatenate((triangles.ravel(), upper, lower, joint.ball_index.numpy())))
    place = np.full(len(mesh.verts), -1)
    place[used] = np.arange(len(used))
    other = side == "right"
    return _Lids(
        points=model.subset(LandmarkSet.from_vertices(data.mirror.numpy()[used] if other else used)),
        flip=MIRROR if other else np.ones(3),
        triangles=place[triangles],
        upper=place[upper],
        lower=place[lower],
        ball=place[joint.ball_index.numpy()],
        centre=joint.centre.double().numpy()[used],
    )


def _measured_lids(
    model: FaceModel, identity: torch.Tensor, side: str
) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
    """Gap and clearance of one eye."""
    lids = _reduced(model, side)
    gaps, clearances = [], []
    for part in identity.split(_BATCH):
        nearest = np.full(len(part), np.inf)
        for weight in BLINK_WEIGHTS:
            expression = _expression(model, len(part), {f"eyeBlink{side.title()}": weight})
            verts = lids.points(part, expression).double().numpy() * lids.flip
            centre = np.einsum("v,nvc->nc", lids.centre, verts)
            radius = np.linalg.norm(verts[:, lids.ball] - centre[:, None], axis=-1).max(axis=1)
            distance = distance_to_triangles(centre, verts[:, lids.triangles]).min(axis=1)
            nearest = np.minimum(nearest, distance - radius)
        gaps.append([chain_gap(face[lids.upper], face[lids.lower]) for face in verts])
        clearances.append(nearest)
    return np.concatenate(gaps), np.concatenate(clearances)


def _expression(
    model: FaceModel, batch: int, weights: dict[str, float]
) -> Float[torch.Tensor, "batch names"]:
    expression = torch.zeros(batch, model.expression_size)
    for name, weight in weights.items():
        expression[:, model.expression_names.index(name)] = weight
    return expression


def chain_gap(first: Float[np.ndarray, "first 3"], second: Float[np.ndarray, "second 3"]) -> float:
    """Largest distance from a corner of one polyline to the other polyline."""
    return float(max(_distance_to_chain(first, second).max(), _distance_to_chain(second, first).max()))


def _distance_to_chain(points: np.ndarray, chain: np.ndarray) -> Float[np.ndarray, " points"]:
    start, edge = chain[:-1], np.diff(chain, axis=0)
    away = points[:, None] - start
    along = np.clip((away * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(away - along[..., None] * edge, axis=-1)
    return np.asarray(distance.min(axis=1))


def distance_to_triangles(
    points: Float[np.ndarray, "batch 3"], corners: Float[np.ndarray, "batch faces 3 3"]
) -> Float[np.ndarray, "batch faces"]:
    """Distance of one point from each of some triangles, for each row of a batch."""
    a, b, c = np.moveaxis(corners - points[:, None, None], 2, 0)
    normal = np.cross(b - a, c - a)
    length = np.maximum(np.linalg.norm(normal, axis=-1), 1e-12)
    height = (a * normal).sum(axis=-1) / length
    foot = normal * (height / length)[..., None]
    edges = ((a, b), (b, c), (c, a))
    inside = [(np.cross(end - start, foot - start) * normal).sum(axis=-1) >= 0 for start, end in edges]
    beside = np.minimum.reduce([_distance_of_origin(start, end) for start, end in edges])
    return np.where(np.logical_and.reduce(inside), np.abs(height), beside)


def _distance_of_origin(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    edge = end - start
    along = np.clip(-(start * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-12), 0, 1)
    return np.asarray(np.linalg.norm(start + along[..., None] * edge, axis=-1))


@dataclass(frozen=True)
class _Lips:
    """The lips of a model, reduced to where they touch on the mean face.

    Attributes:
        points: The model at the vertices in question.
        apart: For each pair of points that lie on each other what makes upper minus lower.
        column: In which column along the mouth each pair lies.
    """

    points: PointBasis
    apart: Float[np.ndarray, "pairs points"]
    column: Int[np.ndarray, " pairs"]


def _reduced_lips(model: FaceModel) -> _Lips:
    contact = model_lip_contact(model.data)
    x = contact.upper @ model.data.mean_mm[:, 0].double().numpy()
    _, column = np.unique(np.round(x / _COLUMN_MM), return_inverse=True)
    used = np.nonzero((contact.upper + contact.lower).any(axis=0))[0]
    points = model.subset(LandmarkSet.from_vertices(used))
    return _Lips(points, (contact.upper - contact.lower)[:, used], column)


def _measured_lips(
    lips: _Lips, identity: torch.Tensor, expression: torch.Tensor
) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
    """Gap and overlap in one expression."""
    height = lips.points(identity, expression)[..., 1].double().numpy()
    apart = height @ lips.apart.T
    columns = [apart[:, lips.column == column].min(axis=1) for column in range(lips.column.max() + 1)]
    return np.max(columns, axis=0), -apart.min(axis=1)
