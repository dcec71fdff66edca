"""Blinks that shut the eye of every identity: upper and lower lid meet along a line, whoever blinks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.facemodel.data import FaceModelData
from monoface.modelling.closing.spreading import EdgePoints, Spreading, Wish, spreading, unique_edges

# How far aside the height of a ridge is compared.
_BESIDE_MM = 1.0
# How firmly edges are led to each other, and how firmly by the shares.
_FIRM = 120.0
_LOOSE = 30.0
# The upper lid goes this part of the way that is missing; the lower one goes the rest.
_UPPER_SHARE = 0.85
# Where the upper edge comes to lie as seen from the lower one: a little lower, and a little before it.
_BELOW_MM = 0.045
_BEFORE_MM = 0.03
# So near to the corners it is higher instead, or the triangles between both edges would be turned over.
_CORNER_MM = 3.0
_ABOVE_MM = 0.12
# The skin that a blink moves by more than this yields, as far away from the edges as that.
_YIELDING_MM = 0.1
_REACH_MM = 16.0
_ROUNDS = 3
# The ring of vertices that are far away.
_FAR = 99
_FOLLOWING = 0.5
# Rims are this many edges wide, from the loop where skin meets the socket.
_RIM_RINGS = (2, 3)
# How much distance from the ball counts beside height, where the edges of the upper and lower rim are sought.
_OUTWARDS = (1.4, 1.15)


@dataclass(frozen=True)
class LidMesh:
    """The lids of one eye on the side x > 0, as they are in the mean face.

    Attributes:
        verts: All vertices of the mean face.
        faces: Triangles of skin, with the lining of sockets, welded along seams.
        weld: For each vertex the first one at its place.
        ring: For each vertex of the skin how many edges it is from the loop where skin meets the lining of
            this eye's socket; -1 for the lining, a large number elsewhere.
        centre: Of the eyeball.
    """

    verts: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    weld: Int[np.ndarray, " verts"]
    ring: Int[np.ndarray, " verts"]
    centre: Float[np.ndarray, " 3"]


def model_lids(data: FaceModelData) -> LidMesh:
    """The lids of the left eye of a face model with sockets."""
    mean = data.mean_mm.double().numpy()
    skin = data.faces[data.face_part == data.part_names.index("skin")].numpy()
    centre = data.eyes["eye_left"].centre.double().numpy() @ mean
    return lid_mesh(mean, skin, data.weld.numpy(), data.regions["eye_sockets"].numpy(), centre)


def lid_mesh(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    weld: Int[np.ndarray, " verts"],
    lining: Bool[np.ndarray, " verts"],
    centre: Float[np.ndarray, " 3"],
) -> LidMesh:
    """The lids around an eyeball on the side x > 0.

    Args:
        verts: Vertices of the mean face.
        faces: Triangles of the skin, with the sockets.
        weld: For each vertex the first one at its place.
        lining: The lining of the sockets.
        centre: Of the eyeball.
    """
    faces = weld[faces]
    mixed = lining[faces].any(axis=1)
    skin, loop = faces[~mixed], np.unique(faces[mixed])
    loop = loop[(verts[loop, 0] > 0) & ~lining[loop]]
    ring = np.full(len(verts), _FAR)
    ring[loop] = 0
    for step in range(1, 8):
        near = np.unique(skin[(ring[skin] == step - 1).any(axis=1)])
        ring[near[ring[near] == _FAR]] = step
    ring[lining & (verts[:, 0] > 0)] = -1
    return LidMesh(verts, faces, weld, ring[weld], centre)


@dataclass(frozen=True)
class LidEdges:
    """Points of both lids' edges in the same columns, from the inner to the outer corner."""

    upper: EdgePoints
    lower: EdgePoints


def lid_chains(mesh: LidMesh) -> tuple[Int[np.ndarray, " upper"], Int[np.ndarray, " lower"]]:
    """Vertices along the front edges of both rims, from the inner corner of the eye to the outer one.

    An edge is where a lid is both low (the upper one; the lower one: high) and far from the eyeball's centre.
    """
    near = (mesh.ring >= _RIM_RINGS[0]) & (mesh.ring <= _RIM_RINGS[1])
    rim = np.nonzero(near)[0]
    inner, outer = int(rim[mesh.verts[rim, 0].argmin()]), int(rim[mesh.verts[rim, 0].argmax()])
    (x0, y0), (x1, y1) = mesh.verts[inner, :2], mesh.verts[outer, :2]
    above = mesh.verts[:, 1] - y0 - (y1 - y0) / (x1 - x0) * (mesh.verts[:, 0] - x0)
    edges = unique_edges(mesh.faces)
    edges = edges[near[edges].all(axis=1)]
    out = np.linalg.norm(mesh.verts - mesh.centre, axis=1)
    ends = np.isin(np.arange(len(near)), (inner, outer))
    chains = []
    for side, outwards in zip((1, -1), _OUTWARDS, strict=True):
        own = edges[((side * above > 0) | ends)[edges].all(axis=1)]
        chains.append(_ridge(mesh.verts, outwards * out - side * mesh.verts[:, 1], own, inner, outer))
    return chains[0], chains[1]


def _ridge(
    verts: np.ndarray, height: np.ndarray, edges: np.ndarray, start: int, end: int
) -> Int[np.ndarray, " chain"]:
    """Vertices of the way along edges that stays highest, where height is a value at each vertex."""
    from scipy.sparse import coo_matrix  # Of the extra `facemodel`.
    from scipy.sparse.csgraph import dijkstra

    used = np.unique(edges)
    beside = np.abs(verts[used, None, 0] - verts[None, used, 0]) < _BESIDE_MM
    highest = np.where(beside, height[used], -np.inf).max(axis=1)
    deficit = np.zeros(len(verts))
    deficit[used] = highest - height[used]
    length = np.linalg.norm(verts[edges[:, 0]] - verts[edges[:, 1]], axis=1)
    cost = length * (0.5 + deficit[edges].mean(axis=1) ** 2)
    graph = coo_matrix((cost, (edges[:, 0], edges[:, 1])), shape=(len(verts), len(verts)))
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    chain = [end]
    while chain[-1] != start:
        chain.append(int(before[chain[-1]]))
    return np.array(chain[::-1])


def lid_edges(
    upper: Int[np.ndarray, " upper"], lower: Int[np.ndarray, " lower"], shut: Float[np.ndarray, "verts 3"]
) -> LidEdges:
    """Points along both chains of vertices that meet in a shape, in the column of every vertex of either."""
    columns = np.unique(np.concatenate((shut[upper, 0], shut[lower, 0])))[1:-1]
    return LidEdges(_along(upper, shut, columns), _along(lower, shut, columns))


def _along(chain: np.ndarray, verts: np.ndarray, columns: np.ndarray) -> EdgePoints:
    x = np.maximum.accumulate(verts[chain, 0])
    after = np.clip(np.searchsorted(x, columns), 1, len(chain) - 1)
    span = np.maximum(x[after] - x[after - 1], 1e-6)
    share = np.clip((columns - x[after - 1]) / span, 0, 1)
    return EdgePoints(np.stack((chain[after - 1], chain[after]), axis=1), share)


@dataclass(frozen=True)
class LidContact:
    """Where shut lids meet, and how the skin around gives way to bring them there."""

    edges: LidEdges
    lead: Spreading

    def closed(
        self, shut: Float[np.ndarray, "verts 3"], centre: Float[np.ndarray, " 3"]
    ) -> Float[np.ndarray, "verts 3"]:
        """The mean face with shut eyes, its upper edge led onto the lower one: just before and below it."""
        lower = self.edges.lower.take(shut)
        out = lower - centre
        wanted = lower + _BEFORE_MM * out / np.linalg.norm(out, axis=1, keepdims=True)
        from_corner = np.minimum(lower[:, 0] - lower[0, 0], lower[-1, 0] - lower[:, 0])
        wanted[:, 1] -= np.interp(from_corner, (0, _CORNER_MM), (-_ABOVE_MM, _BELOW_MM))
        return shut - self.lead(self.edges.upper.take(shut) - wanted)

    def together(
        self, identity: Float[np.ndarray, "identity verts 3"]
    ) -> Float[np.ndarray, "identity verts 3"]:
        """Identity modes of shut eyes under which the edges move together."""
        return identity - self.lead(self.edges.upper.take(identity) - self.edges.lower.take(identity))


def lid_contact(mesh: LidMesh, blink: Float[np.ndarray, "verts 3"]) -> LidContact:
    """Where the lids of a blink meet that brings them near each other."""
    shut = mesh.verts + blink
    upper, lower = lid_chains(mesh)
    for _ in range(_ROUNDS):
        edges = lid_edges(upper, lower, shut)
        contact = LidContact(edges, _leading(mesh, shut - mesh.verts, edges))
        shut = contact.closed(shut, mesh.centre)
    return contact


def loop_following(mesh: LidMesh, blink: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 3"]:
    """A blink whose loops, where skin meets the socket, go half of what they lag behind the rims.

    Otherwise the rims' insides are stretched into chords that pass through the ball.
    """
    edges = unique_edges(mesh.faces)
    edges = np.concatenate((edges, edges[:, ::-1]))
    edges = edges[(mesh.ring[edges[:, 0]] == 0) & (mesh.ring[edges[:, 1]] == 1)]
    count = np.maximum(np.bincount(edges[:, 0], minlength=len(blink)), 1)[:, None]
    rim = np.zeros_like(blink)
    np.add.at(rim, edges[:, 0], blink[edges[:, 1]])
    follows = np.zeros((len(blink), 1))
    follows[edges[:, 0]] = _FOLLOWING
    return (blink + follows * (rim / count - blink))[mesh.weld]


def _leading(mesh: LidMesh, blink: np.ndarray, edges: LidEdges) -> Spreading:
    rim = np.nonzero((mesh.ring >= 0) & (mesh.ring <= 2))[0]
    near = np.full(len(mesh.verts), False)
    for part in np.array_split(np.arange(len(near)), 16):
        gap = np.linalg.norm(mesh.verts[part, None] - mesh.verts[rim], axis=-1)
        near[part] = gap.min(axis=1) < _REACH_MM
    moves = (np.linalg.norm(blink, axis=1) > _YIELDING_MM) & (mesh.ring >= 0)
    moving = (near & moves) | ((mesh.ring >= 0) & (mesh.ring <= 5))
    moving &= mesh.verts[:, 0] > 8
    count = len(mesh.verts)
    upper, lower = edges.upper.matrix(count), edges.lower.matrix(count)
    every = np.eye(len(upper))
    meet = Wish(upper - lower, every, _FIRM)
    shares = Wish(
        np.concatenate((upper, lower)),
        np.concatenate((_UPPER_SHARE * every, (_UPPER_SHARE - 1) * every)),
        _LOOSE,
    )
    return spreading(mesh.verts, mesh.faces, mesh.weld, moving[mesh.weld], (meet, shares))
