"""Eyeballs that are spheres behind the lids of every identity, and lids that stay clear of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from monoface.modelling.closing.lids import LidMesh
from monoface.modelling.mesh.eyeballs import IRIS_RAD

RADIUS_MM = 15.1
"""Of the eyeballs, for everyone; the source's shell has 16.7, through which lids pass."""
IRIS_MM = 5.85
"""Radius of the iris, for everyone: that of adults varies by a few percent."""
# From this angle from the gaze on, the rings of the ball stay where they are.
_STAYING_RAD = np.radians(60.0)
# Beyond this the lid or its rim is not what the ball follows, or not near it.
_FOLLOWED_MM = 19.5
_NEAR_MM = 23.0
# Edge rings, counted from the loop where skin meets the socket, that are kept clear of the ball.
_RINGS = 8
# Lids stay so far from the ball, and the further, the more they swing round it: on the way from one end of
# a chord to the other they come closer, by its sagitta. What is held back is held back softly.
_CLEARANCE_MM = 0.45
_SWING = 1.3
_SOFT_MM = 0.3
# So many standard deviations of identity stay clear.
_SPREAD = 3.3
_TOLERANCE_MM = 0.05


@dataclass(frozen=True)
class Ball:
    """An eyeball of constant size.

    Attributes:
        centre: On the mean face, in millimetres.
        motion: Offsets of its centre with the identity modes.
    """

    centre: Float[np.ndarray, " 3"]
    motion: Float[np.ndarray, "identity 3"]


def followed_ball(mesh: LidMesh, identity: Float[np.ndarray, "identity verts 3"]) -> Ball:
    """The ball that goes with the lids: their distance from its centre varies least, over all identities."""
    out = mesh.verts - mesh.centre
    distance = np.linalg.norm(out, axis=1)
    lids = np.nonzero((mesh.ring >= 1) & (mesh.ring <= 3) & (distance < _FOLLOWED_MM))[0]
    normal = out[lids] / distance[lids, None]
    along = np.einsum("vc,kvc->vk", normal, identity[:, lids])
    return Ball(mesh.centre, np.linalg.lstsq(normal, along, rcond=None)[0].T)


def round_ball(
    shell: Float[np.ndarray, "verts 3"], centre: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "verts 3"]:
    """The vertices of an eyeball moved onto its sphere, the iris widened or narrowed to its size.

    Args:
        shell: Vertices in the order of `eyeballs.left_eyeball`, the pole first.
        centre: Of the sphere.
    """
    out = shell - centre
    out = out / np.linalg.norm(out, axis=1, keepdims=True)
    gaze = out[0]
    angle = np.arccos(np.clip(out @ gaze, -1, 1))
    edge = np.arcsin(IRIS_MM / RADIUS_MM)
    wanted = np.interp(angle, (0, IRIS_RAD, _STAYING_RAD, np.pi), (0, edge, _STAYING_RAD, np.pi))
    aside = out - np.cos(angle)[:, None] * gaze
    aside = aside / np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-12)
    return centre + RADIUS_MM * (np.cos(wanted)[:, None] * gaze + np.sin(wanted)[:, None] * aside)


def near_lids(mesh: LidMesh) -> Int[np.ndarray, " lids"]:
    """The vertices of lids and rims that are kept clear of the ball; the socket's lining is not."""
    near = np.linalg.norm(mesh.verts - mesh.centre, axis=1) < _NEAR_MM
    return np.nonzero(near & (mesh.ring >= 0) & (mesh.ring <= _RINGS))[0]


def nearest_allowed(way_mm: Float[np.ndarray, " verts"]) -> Float[np.ndarray, " verts"]:
    """Distance from the ball's centre that each vertex keeps, at both ends of its way in a blink."""
    swing = way_mm**2 / (8 * RADIUS_MM)
    return RADIUS_MM + _CLEARANCE_MM + _SWING * swing


def nearest_allowed_shut(mesh: LidMesh, nearest: Float[np.ndarray, " verts"]) -> Float[np.ndarray, " verts"]:
    """The same at the end of a blink, where it begins further out than it had to."""
    open_mm = np.linalg.norm(mesh.verts - mesh.centre, axis=1)
    return np.maximum(RADIUS_MM + _CLEARANCE_MM, 2 * nearest - open_mm)


def held_clear(
    verts: Float[np.ndarray, "verts 3"],
    identity: Float[np.ndarray, "identity verts 3"],
    ball: Ball,
    nearest: Float[np.ndarray, " verts"],
    lids: Int[np.ndarray, " lids"],
) -> tuple[Float[np.ndarray, "verts 3"], Float[np.ndarray, "identity verts 3"]]:
    """A shape and its identity modes with lids held off the ball.

    Where the mean is too near, it is moved outwards; where identity would bring lids too near within
    a few standard deviations, its part towards and from the ball is lessened: what is left goes with it.

    Args:
        verts: Vertices of the mean face in some expression.
        identity: Their offsets with the identity modes, in that expression.
        ball: The eyeball.
        nearest: How near to the ball's centre each vertex may come, in millimetres.
        lids: The vertices in question.
    """
    out = verts[lids] - ball.centre
    distance = np.linalg.norm(out, axis=1)
    normal = out / distance[:, None]
    inside = (distance - nearest[lids]) / _SOFT_MM
    held = nearest[lids] + _SOFT_MM * np.logaddexp(0, inside)
    relative = np.einsum("vc,kvc->kv", normal, identity[:, lids] - ball.motion[:, None])
    share = 1 / (1 + np.exp(-inside))
    spread = share * np.linalg.norm(relative, axis=0)
    room = (held - nearest[lids] + _TOLERANCE_MM) / np.maximum(_SPREAD * spread, 1e-9)
    share *= room / (1 + np.minimum(room, 1e3) ** 4) ** 0.25
    touched = (1 - share > 0.01) | (held - distance > 0.005)
    changed, modes = verts.copy(), identity.copy()
    changed[lids] += np.where(touched, held - distance, 0)[:, None] * normal
    modes[:, lids] -= (np.where(touched, 1 - share, 0) * relative)[..., None] * normal
    return changed, modes


def moved_clear(
    offsets: Float[np.ndarray, "verts 3"],
    shapes: tuple[Float[np.ndarray, "verts 3"], ...],
    ball: Ball,
    lids: Int[np.ndarray, " lids"],
) -> Float[np.ndarray, "verts 3"]:
    """Offsets of an expression with lids held off the ball, whichever of some shapes it is added to."""
    nothing = np.zeros((0, len(offsets), 3))
    still = Ball(ball.centre, ball.motion[:0])
    nearest = np.full(len(offsets), RADIUS_MM + _CLEARANCE_MM)
    for shape in shapes:
        held, _ = held_clear(shape + offsets, nothing, still, nearest, lids)
        offsets = held - shape
    return offsets
