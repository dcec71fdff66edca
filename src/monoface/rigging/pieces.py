"""Pieces of surface that are added to a head's mesh behind its own vertices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from monoface.export import WholeMesh


@dataclass(frozen=True, eq=False)
class Piece:
    """A surface of its own.

    Attributes:
        verts_mm: Vertices on the neutral head.
        faces: Triangles over them.
        uv: Texture coordinates.
        weld: For each vertex the first one at its place.
        morphs_mm: Offsets of the morphs that the mesh has.
        more_mm: Offsets of further morphs, by name.
        part: Number of the part that it belongs to.
        joint: The joint that it follows.
    """

    verts_mm: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "verts 2"]
    weld: Int[np.ndarray, " verts"]
    morphs_mm: Float[np.ndarray, "morphs verts 3"]
    more_mm: Mapping[str, Float[np.ndarray, "verts 3"]]
    part: int
    joint: int


def with_pieces(mesh: WholeMesh, pieces: Sequence[Piece], morph_names: tuple[str, ...]) -> WholeMesh:
    """A mesh with pieces added.

    Args:
        mesh: The mesh, with weights of joints.
        pieces: What is added, in this order.
        morph_names: Those of the mesh and, after them, others, which move nothing but pieces that name them.
    """
    weights = mesh.joint_weights
    assert weights is not None
    starts = np.cumsum([len(mesh.verts_mm), *(len(piece.verts_mm) for piece in pieces)])
    more = morph_names[len(mesh.morph_names) :]
    own = np.concatenate((mesh.morphs_mm, np.zeros((len(more), *mesh.verts_mm.shape), mesh.morphs_mm.dtype)))
    joints = np.eye(weights.shape[1])
    shifted = list(zip(pieces, starts[:-1], strict=True))
    return replace(
        mesh,
        verts_mm=_joined(mesh.verts_mm, [piece.verts_mm for piece in pieces]),
        faces=np.concatenate((mesh.faces, *(piece.faces + start for piece, start in shifted))),
        face_part=np.concatenate(
            (mesh.face_part, *(np.full(len(piece.faces), piece.part) for piece in pieces))
        ),
        uv=_joined(mesh.uv, [piece.uv for piece in pieces]),
        weld=np.concatenate((mesh.weld, *(piece.weld + start for piece, start in shifted))),
        morphs_mm=_joined(own, [_all_morphs(piece, more) for piece in pieces], axis=1),
        morph_names=morph_names,
        numbers={
            name: np.concatenate((rows, np.zeros(starts[-1] - starts[0])))
            for name, rows in mesh.numbers.items()
        },
        joint_weights=np.concatenate(
            (weights, *(np.tile(joints[piece.joint], (len(piece.verts_mm), 1)) for piece in pieces))
        ),
    )


def _all_morphs(piece: Piece, more: Sequence[str]) -> Float[np.ndarray, "morphs verts 3"]:
    still = np.zeros_like(piece.verts_mm)
    return np.concatenate((piece.morphs_mm, *(piece.more_mm.get(name, still)[None] for name in more)))


def _joined(first: np.ndarray, others: list[np.ndarray], axis: int = 0) -> np.ndarray:
    return np.concatenate((first, *(rows.astype(first.dtype) for rows in others)), axis=axis)
