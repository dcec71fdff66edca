"""Eyeballs of the default model: a polar grid on the source's outer eye shell, with rings for the iris.

The source's shell is opaque to us: iris and pupil are painted on it, so rings of the grid lie close on
both sides of their edges, where the colour per vertex changes.
"""

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.data import FaceModelData
from monoface.modelling.mesh.layout import EYE
from monoface.modelling.mesh.symmetry import HalfMesh, SurfaceSample

PUPIL_RAD = np.radians(7.5)
IRIS_RAD = np.radians(22.0)
_EDGE_RAD = np.radians(0.9)
# Behind this angle from the gaze the lids and the socket always hide the ball, so it stays open.
_OPEN_RAD = np.radians(118.0)
RINGS_RAD = np.array(
    (
        PUPIL_RAD / 2, PUPIL_RAD - _EDGE_RAD, PUPIL_RAD + _EDGE_RAD, (PUPIL_RAD + IRIS_RAD) / 2,
        IRIS_RAD - 2 * _EDGE_RAD, IRIS_RAD + _EDGE_RAD, *np.radians((29, 38, 50, 64, 80, 98)), _OPEN_RAD,
    )
)  # fmt: skip
"""Angle of each ring of vertices from the gaze, as seen from the ball's centre; the pole comes before."""


def left_eyeball(source: FaceModelData, segments: int) -> HalfMesh:
    """The eyeball of the subject's left, as a sample of the source's outer shell.

    Vertex 0 is the pole, then come the rings of `RINGS_RAD`, each with `segments` vertices from +x
    over +y. The texture shows it from the front, the inner part enlarged.
    """
    shell = outer_shell(source)
    centre, gaze = eye_frame(source, shell)
    directions = _polar_directions(segments, gaze)
    sample = project_radially(source, shell, centre, directions)
    faces = _polar_faces(len(RINGS_RAD), segments)
    part = source.part_names.index("eye_left")
    mirrored = source.part_names.index("eye_right")
    count = len(directions)
    return HalfMesh(
        sample=sample,
        point=np.arange(count),
        faces=faces,
        face_part=np.full(len(faces), part),
        mirrored_part=np.full(len(faces), mirrored),
        uv=_polar_uv(segments),
        on_plane=np.zeros(count, dtype=bool),
    )


def eye_frame(
    source: FaceModelData, shell: Int[np.ndarray, "faces 3"]
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Centre of an eye shell (of the sphere that fits it best), in millimetres, and its gaze.

    The gaze goes through the pole of the shell's polar texture.
    """
    used = np.unique(shell)
    places = source.mean_mm.double().numpy()[used]
    system = np.concatenate((2 * places, np.ones((len(places), 1))), axis=1)
    centre = np.linalg.lstsq(system, (places**2).sum(axis=1), rcond=None)[0][:3]
    pole = places[places[:, 2].argsort()[-len(used) // 10 :]]
    gaze = pole.mean(axis=0) - centre
    return centre, gaze / np.linalg.norm(gaze)


def project_radially(
    source: FaceModelData,
    shell: Int[np.ndarray, "faces 3"],
    centre: Float[np.ndarray, " 3"],
    directions: Float[np.ndarray, "verts 3"],
) -> SurfaceSample:
    """Where rays from the centre of a star-shaped shell cross it."""
    corners = source.mean_mm.double().numpy()[shell] - centre
    inverse = np.linalg.inv(corners.transpose(0, 2, 1))
    # Rows of ray coordinates in the three corners: all positive in the triangle that the ray crosses.
    coordinates = np.einsum("fij,vj->vfi", inverse, directions)
    total = coordinates.sum(axis=-1, keepdims=True)
    barycentric = coordinates / np.where(np.abs(total) > 1e-12, total, 1)
    worst = np.where(total[..., 0] > 0, barycentric.min(axis=-1), -np.inf)
    hit = worst.argmax(axis=1)
    weight = np.clip(barycentric[np.arange(len(directions)), hit], 0, None)
    return SurfaceSample(source.weld.numpy()[shell[hit]], weight / weight.sum(axis=1, keepdims=True))


def centre_weights(
    places: Float[np.ndarray, "verts 3"], centre: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, " verts"]:
    """The most even weights of vertices that sum to 1 and whose mean is a given centre.

    Being affine, the centre follows the ball when identity moves or scales it.
    """
    even = np.full(len(places), 1 / len(places))
    constraints = np.concatenate((places, np.ones((len(places), 1))), axis=1).T
    return even + np.linalg.pinv(constraints) @ (np.append(centre, 1.0) - constraints @ even)


def outer_shell(source: FaceModelData) -> Int[np.ndarray, "faces 3"]:
    """Triangles of the outer of the two shells of the left eye: that with the frontmost vertex."""
    from scipy.sparse import coo_matrix  # Of the extra `facemodel`.
    from scipy.sparse.csgraph import connected_components

    part = source.part_names.index("eye_left")
    faces = source.weld.numpy()[source.faces.numpy()[source.face_part.numpy() == part]]
    ends = np.concatenate((faces[:, :2], faces[:, 1:]))
    count = len(source.mean_mm)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    frontmost = faces.ravel()[source.mean_mm[faces.ravel(), 2].argmax()]
    return faces[label[faces[:, 0]] == label[frontmost]]


def _polar_directions(segments: int, gaze: np.ndarray) -> Float[np.ndarray, "verts 3"]:
    side = np.cross((0.0, 1.0, 0.0), gaze)
    side /= np.linalg.norm(side)
    up = np.cross(gaze, side)
    turn = np.arange(segments) * 2 * np.pi / segments
    around = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up
    rings = np.cos(RINGS_RAD)[:, None, None] * gaze + np.sin(RINGS_RAD)[:, None, None] * around
    return np.concatenate((gaze[None], rings.reshape(-1, 3)))


def _polar_faces(rings: int, segments: int) -> Int[np.ndarray, "faces 3"]:
    here = np.arange(segments)
    after = (here + 1) % segments
    faces = [np.stack((np.zeros_like(here), 1 + here, 1 + after), axis=1)]
    for ring in range(rings - 1):
        inner, outer = 1 + ring * segments, 1 + (ring + 1) * segments
        faces.append(np.stack((inner + here, outer + here, outer + after), axis=1))
        faces.append(np.stack((inner + here, outer + after, inner + after), axis=1))
    return np.concatenate(faces)


def _polar_uv(segments: int) -> Float[np.ndarray, "verts 2"]:
    radius = 0.5 * np.sqrt(RINGS_RAD / _OPEN_RAD)
    turn = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack((np.cos(turn), -np.sin(turn)), axis=1)
    disc = np.concatenate((np.zeros((1, 2)), (radius[:, None, None] * ring).reshape(-1, 2))) + 0.5
    return disc * (EYE.right - EYE.left, EYE.bottom - EYE.top) + (EYE.left, EYE.top)
