"""Remeshing of the source: one half decimated, given its texture layout, and mirrored."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from monoface.facemodel.data import FaceModelData
from monoface.geometry.triangles import vertex_normals
from monoface.modelling.mesh import layout
from monoface.modelling.mesh.decimate import decimate
from monoface.modelling.mesh.eyeballs import left_eyeball
from monoface.modelling.mesh.seamed import SeamedMesh
from monoface.modelling.mesh.symmetry import (
    MIRROR,
    HalfMesh,
    NewMesh,
    SurfaceSample,
    symmetric_mean,
    whole_from_half,
)
from monoface.modelling.mesh.unfold import unfold

# Modes of deformation whose error counts; their share of the variance is above 99.5 %.
_EMBEDDED_MODES = 24
# Expressions are used at weights well below 1.
_EXPRESSION_SHARE = 0.5
# Lips pass through each other when the mouth is closed without an open jaw.
_UNCHECKED_EXPRESSIONS = ("mouthClose",)
_ON_PLANE_MM = 1e-3
# Corners around an eyeball.
_EYEBALL_SEGMENTS = 24


def _default_points() -> Mapping[str, int]:
    return {
        "narrow_face": 2400, "face": 620, "head": 380, "mouth": 180, "eye_sockets": 50, "gums": 290,
        "teeth": 420,
    }  # fmt: skip


@dataclass(frozen=True)
class RemeshConfig:
    """How fine the default model's mesh is.

    Attributes:
        half_points: Points kept on one half of each part. `face` is the face outside its narrow part.
    """

    half_points: Mapping[str, int] = field(default_factory=_default_points)


def remesh(source: FaceModelData, pair: Int[np.ndarray, " verts"], config: RemeshConfig) -> NewMesh:
    """A lighter mesh over a source model, exactly mirror-symmetric.

    All vertices but the eyeballs' are source vertices. Lashes, tear film and the thin blending strips
    around the eyes are left out.

    Args:
        source: A symmetric model with the parts that `read_ict_facekit` names.
        pair: Mirror image of each source vertex, from `mirror_points`.
        config: How fine.
    """
    half = _half_of(source, pair)
    names = ("narrow_face", *source.part_names)
    part = _point_parts(source)
    uv = _laid_out(source, half, pair)
    mesh = _seamed_mesh(source, pair, half, part, uv)
    targets = {names.index(name): count for name, count in config.half_points.items()}
    decimated = unfold(mesh, decimate(mesh, targets))

    used, wedges = np.unique(decimated.wedges, return_inverse=True)
    point = source.weld.numpy()[used]
    skin = HalfMesh(
        sample=SurfaceSample.at_vertices(point),
        point=point,
        faces=wedges.reshape(-1, 3),
        face_part=part_of_faces(source, decimated.wedges),
        mirrored_part=part_of_faces(source, decimated.wedges),
        uv=uv[used],
        on_plane=mesh.line[point],
    )
    return whole_from_half(_joined(skin, left_eyeball(source, _EYEBALL_SEGMENTS)), pair)


def part_of_faces(source: FaceModelData, faces: Int[np.ndarray, "faces 3"]) -> Int[np.ndarray, " faces"]:
    """Part of triangles over source vertices: the last in the source's order among their corners'.

    So triangles between the face and a socket belong to the socket.
    """
    part = _point_parts(source) - 1
    # The narrow face is number -1 here and part of `face`, number 0.
    return np.maximum(part, 0)[faces].max(axis=1)


def _point_parts(source: FaceModelData) -> Int[np.ndarray, " verts"]:
    """Number of each vertex's part in ("narrow_face", *source.part_names)."""
    parts = np.zeros(len(source.mean_mm), dtype=np.int64)
    for number, name in enumerate(source.part_names):
        parts[source.regions[name].numpy()] = number + 1
    parts[source.regions["narrow_face"].numpy()] = 0
    return parts


def _half_of(source: FaceModelData, pair: np.ndarray) -> Int[np.ndarray, "faces 3"]:
    """Triangles of the kept parts on the side x >= 0."""
    mean = symmetric_mean(source, pair)
    faces = source.faces.numpy()
    kept = [i for i, name in enumerate(source.part_names) if name in _default_points()]
    mask = np.isin(part_of_faces(source, faces), kept) & (mean[faces, 0] > -_ON_PLANE_MM).all(axis=1)
    return _same_wedges(source)[faces[mask]]


def _same_wedges(source: FaceModelData) -> Int[np.ndarray, " verts"]:
    """First copy of each vertex with the same texture coordinates; the source repeats some."""
    key = np.concatenate((source.weld.numpy()[:, None], np.round(source.uv.double().numpy() * 1e6)), axis=1)
    _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[place.ravel()])


def _seamed_mesh(
    source: FaceModelData, pair: np.ndarray, half: np.ndarray, part: np.ndarray, uv: np.ndarray
) -> SeamedMesh:
    weld = source.weld.numpy()
    names = ("narrow_face", *source.part_names)
    mean = symmetric_mean(source, pair)
    expressions = source.expression_basis_mm.double().numpy()
    checked = [i for i, name in enumerate(source.expression_names) if name not in _UNCHECKED_EXPRESSIONS]
    shapes = np.concatenate((mean[None], mean + expressions[checked]))
    normals = vertex_normals(torch.from_numpy(shapes), source.faces, source.weld).numpy()
    # The other half must not fold either, and expressions are not quite symmetric.
    shapes, normals = (np.concatenate((x, x[1:, pair] * MIRROR)) for x in (shapes, normals))
    line = pair == weld
    line &= np.abs(mean[:, 0]) < _ON_PLANE_MM
    return SeamedMesh(
        faces=weld[half],
        wedges=half,
        wedge_uv=uv,
        embedding=_embedding(source, mean, np.unique(weld[half])),
        shapes_mm=shapes,
        normals=normals,
        fixed=_skin_seams(weld, half, part == names.index("head")),
        loop=_loops(source, part),
        line=line,
        part=part,
    )


def _embedding(
    source: FaceModelData, mean: np.ndarray, points: Int[np.ndarray, " points"]
) -> Float[np.ndarray, "verts dims"]:
    """Mean position, then principal coordinates of each point's offsets in all modes, in millimetres."""
    identity = source.identity_basis_mm.double().numpy()
    offsets = np.concatenate((identity, _EXPRESSION_SHARE * source.expression_basis_mm.double().numpy()))
    flat = offsets.transpose(1, 0, 2).reshape(len(mean), -1)
    centred = flat[points] - flat[points].mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.concatenate((mean, flat @ vectors[:, -_EMBEDDED_MODES:]), axis=1)


def _skin_seams(weld: np.ndarray, half: np.ndarray, inside: np.ndarray) -> Bool[np.ndarray, " verts"]:
    """Points with several wedges: the outline of the charts, whose notches must not be cut across."""
    wedges = np.unique(half)
    points, count = np.unique(weld[wedges], return_counts=True)
    seams = np.zeros(len(weld), dtype=bool)
    seams[points[count > 1]] = True
    return seams & inside


def _loops(source: FaceModelData, part: np.ndarray) -> Bool[np.ndarray, " verts"]:
    """Points of the lip and lid loops, where skin meets the sockets, and of the open border of the neck."""
    weld = source.weld.numpy()
    faces = weld[source.faces.numpy()]
    names = ("narrow_face", *source.part_names)
    sockets = [names.index("mouth"), names.index("eye_sockets")]
    skin = [names.index("narrow_face"), names.index("face")]
    mixed = faces[np.isin(part[faces], sockets).any(axis=1)]
    locked = np.zeros(len(weld), dtype=bool)
    locked[mixed[np.isin(part[mixed], skin)]] = True
    head = names.index("head")
    locked[_open_border(faces[(part[faces] <= head).all(axis=1)], head, part)] = True
    return locked


def _open_border(faces: np.ndarray, head: int, part: np.ndarray) -> np.ndarray:
    edges = np.sort(np.concatenate((faces[:, :2], faces[:, 1:], faces[:, ::2])), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(unique[count == 1])
    return border[part[border] == head]


def _laid_out(source: FaceModelData, half: np.ndarray, pair: np.ndarray) -> Float[np.ndarray, "verts 2"]:
    """Texture coordinates of the half's wedges in the layout of the default model."""
    uv = source.uv.double().numpy().copy()
    on_plane = pair == source.weld.numpy()
    chart = _charts(half, len(uv))
    part = part_of_faces(source, half)
    upper = _is_upper(source, half)
    boxes = {
        "face": layout.FACE, "head": layout.HEAD, "mouth": layout.MOUTH,
        "eye_sockets": layout.EYE_SOCKETS, "gums": layout.GUMS,
    }  # fmt: skip
    groups: dict[layout.Box, list[np.ndarray]] = {}
    for number in np.unique(chart[half[:, 0]]):
        faces = chart[half[:, 0]] == number
        name = source.part_names[np.bincount(part[faces]).argmax()]
        teeth = layout.UPPER_TEETH if upper[faces].mean() > 0.5 else layout.LOWER_TEETH
        groups.setdefault(boxes.get(name, teeth), []).append(np.unique(half[faces]))
    for box, charts in groups.items():
        wedges = np.concatenate(charts)
        uv[wedges] = layout.fit_into(uv[wedges], box, on_plane[wedges])
    return uv


def _charts(faces: np.ndarray, count: int) -> Int[np.ndarray, " wedges"]:
    """Number of the connected piece of texture that each wedge belongs to."""
    from scipy.sparse import coo_matrix  # Of the extra `facemodel`.
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate((faces[:, :2], faces[:, 1:]))
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels)


def _is_upper(source: FaceModelData, faces: np.ndarray) -> Bool[np.ndarray, " faces"]:
    """Whether triangles stay in place when the jaw opens."""
    jaw = source.expression_basis_mm[source.expression_names.index("jawOpen")].norm(dim=-1).numpy()
    return np.asarray(jaw[faces].max(axis=1) < 1.0)


def _joined(first: HalfMesh, second: HalfMesh) -> HalfMesh:
    verts, points = len(first.uv), first.point.max() + 1
    return HalfMesh(
        sample=SurfaceSample(
            np.concatenate((first.sample.index, second.sample.index)),
            np.concatenate((first.sample.weight, second.sample.weight)),
        ),
        point=np.concatenate((first.point, second.point + points)),
        faces=np.concatenate((first.faces, second.faces + verts)),
        face_part=np.concatenate((first.face_part, second.face_part)),
        mirrored_part=np.concatenate((first.mirrored_part, second.mirrored_part)),
        uv=np.concatenate((first.uv, second.uv)),
        on_plane=np.concatenate((first.on_plane, second.on_plane)),
    )
