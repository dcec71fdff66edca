"""Lips that touch in the neutral face of every identity, and in an open jaw's closed mouth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.data import FaceModelData
from monoface.modelling.closing.spreading import Spreading, Wish, spreading, unique_edges

# What the jaw moves by more than this belongs to the lower lip.
_LOWER_LIP_MM = 15.0
# Points of the lips are in touch when what faces them above or below is not further away.
_TOUCHING_MM = 1.3
_INSIDE_MM = -1.0
# The skin that is searched for contact, around the region of the lips.
_AROUND_MM = 12.0
# The skin within this of them yields.
_REACH_MM = 14.0
_FIRM = 30.0
_LOOSE = 3.0


@dataclass(frozen=True)
class LipContact:
    """Where the lips of the neutral mean face touch.

    Attributes:
        upper: Each pair's point of the upper lip, as weights of all vertices.
        lower: The point of the lower lip straight below it.
    """

    upper: Float[np.ndarray, "pairs verts"]
    lower: Float[np.ndarray, "pairs verts"]

    def parting(self, offsets: Float[np.ndarray, "*batch verts 3"]) -> Float[np.ndarray, "*batch pairs 3"]:
        """How offsets of vertices move the upper point of each pair away from the lower one."""
        return np.einsum("pv,...vc->...pc", self.upper - self.lower, offsets)


def model_lip_contact(data: FaceModelData) -> LipContact:
    """Where the lips of a face model's mean touch."""
    mean = data.mean_mm.double().numpy()
    skin = data.weld[data.faces[data.face_part == data.part_names.index("skin")]].numpy()
    lips = mean[data.regions["lips"].numpy()]
    low, high = lips.min(axis=0) - _AROUND_MM, lips.max(axis=0) + _AROUND_MM
    near = ((mean > low) & (mean < high)).all(axis=1)
    jaw_open = data.expression_basis_mm[data.expression_names.index("jawOpen")].double().numpy()
    return lip_contact(mean, skin, jaw_open, near)


def lip_contact(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    jaw_open: Float[np.ndarray, "verts 3"],
    near: Bool[np.ndarray, " verts"],
) -> LipContact:
    """The pairs of points of a closed mouth that lie on each other.

    Args:
        verts: Vertices of the neutral face.
        faces: Triangles of the skin, welded along seams.
        jaw_open: Offsets of the open jaw.
        near: Lips and what is around them.
    """
    faces = faces[near[faces].all(axis=1)]
    corners = verts[faces]
    upwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
    goes_down = np.linalg.norm(jaw_open, axis=1) > _LOWER_LIP_MM
    upper = faces[~goes_down[faces].any(axis=1) & (upwards < 0)]
    lower = faces[goes_down[faces].all(axis=1) & (upwards > 0)]
    above, below = _facing(verts, _sampled(upper, len(verts)), lower)
    below_too, above_too = _facing(verts, _sampled(lower, len(verts)), upper)
    uppers, lowers = np.concatenate((above, above_too)), np.concatenate((below, below_too))
    gap = (uppers - lowers) @ verts[:, 1]
    touching = (gap > _INSIDE_MM) & (gap < _TOUCHING_MM)
    return LipContact(uppers[touching], lowers[touching])


def _sampled(faces: np.ndarray, count: int) -> Float[np.ndarray, "points verts"]:
    """Corners of triangles and the middles of their edges, as weights of all vertices."""
    corners, edges = np.unique(faces), unique_edges(faces)
    points = np.zeros((len(corners) + len(edges), count))
    points[np.arange(len(corners)), corners] = 1
    np.add.at(points, (len(corners) + np.arange(len(edges))[:, None], edges), 0.5)
    return points


def _facing(
    verts: np.ndarray, points: Float[np.ndarray, "points verts"], faces: np.ndarray
) -> tuple[Float[np.ndarray, "pairs verts"], Float[np.ndarray, "pairs verts"]]:
    """Points, and those of triangles straight above or below them, as weights of all vertices."""
    flat = verts[faces][:, :, [0, 2]]
    first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    away = (points @ verts)[:, None, [0, 2]] - flat[:, 0]
    one = (away[..., 0] * second[:, 1] - away[..., 1] * second[:, 0]) / area
    two = (first[:, 0] * away[..., 1] - first[:, 1] * away[..., 0]) / area
    point, face = np.nonzero((one >= 0) & (two >= 0) & (one + two <= 1))
    share = np.stack((1 - one - two, one, two), axis=-1)[point, face]
    other = np.zeros((len(point), len(verts)))
    np.add.at(other, (np.arange(len(point))[:, None], faces[face]), share)
    return points[point], other


def closing(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    weld: Int[np.ndarray, " verts"],
    contact: LipContact,
) -> Spreading:
    """How lips give way to what parts them at their contact: each goes half of the way.

    Args:
        verts: Vertices of the neutral face.
        faces: Triangles of skin and mouth, welded along seams.
        weld: For each vertex the first one at its place.
        contact: Where they touch.
    """
    touching = verts[((contact.upper + contact.lower) > 0).any(axis=0)]
    moving = np.full(len(verts), False)
    for part in np.array_split(np.arange(len(verts)), 16):
        distance = np.linalg.norm(verts[part, None] - touching, axis=-1)
        moving[part] = distance.min(axis=1) < _REACH_MM
    every = np.eye(len(contact.upper))
    meet = Wish(contact.upper - contact.lower, -every, _FIRM)
    halves = Wish(np.concatenate((contact.upper, contact.lower)), np.concatenate((-every, every)) / 2, _LOOSE)
    return spreading(verts, faces, weld, moving, (meet, halves))
