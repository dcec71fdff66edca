"""Photos of people of whom all is known, and eyes that see them without error but for a little noise.

The photos are flat pictures that say their number; what the eyes answer is projected from the face model.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from monoface.data.people.looking import Eyes, SeenFace
from monoface.data.people.marks import MESH, all_points
from monoface.data.people.mesh_points import LEFT_IRIS, MESH_POINTS, RIGHT_IRIS
from monoface.data.people.photos import NOBODY, PeoplePhotos
from monoface.facemodel import FaceModel, load_default_model
from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.gaze import EyeBalls
from monoface.facemodel.estimation.marked_poses import rotation_of_yaw

MODES = 5
SIDE_PX = 120
SCALE_PX = 0.55
NOISE_MM = 0.3


@cache
def few_modes_model() -> FaceModel:
    """The shipped face model with its first modes of identity alone; the same object every time."""
    data = load_default_model().data
    correctives = data.correctives
    if correctives is not None:
        correctives = replace(correctives, offsets_mm=correctives.offsets_mm[:, :MODES].contiguous())
    basis = data.identity_basis_mm[:MODES].contiguous()
    return FaceModel(replace(data, identity_basis_mm=basis, correctives=correctives))


@dataclass(frozen=True)
class KnownFaces:
    """What photos show.

    Attributes:
        person: Of each photo.
        identity: Of whom each shows.
        poses: Of the faces.
        points_px: All points of the face model, of `SETS`.
        mesh_px: What the mesh network sees: with depth, irises last.
        descriptor: For face recognition.
    """

    person: np.ndarray
    identity: np.ndarray
    poses: Poses
    points_px: np.ndarray
    mesh_px: np.ndarray
    descriptor: np.ndarray


def known_faces(
    person,
    seed=0,
    yaw_deg=None,
    habit_mm=0.0,
    model=None,
    expressions=None,
    first_person=0,
) -> KnownFaces:
    """Faces of people.

    Args:
        person: Number of each, which decides about identity and descriptor.
        seed: Of poses, expressions and noise.
        yaw_deg: Of each photo; drawn from -28 to 28 by default.
        habit_mm: How far each point is marked from where it lies, in the picture.
        model: The face model; that of few modes by default.
        expressions: Weights of each photo by name.
        first_person: Added to the numbers, for other people of the same numbers.
    """
    model = model or few_modes_model()
    rng = np.random.default_rng((seed, 1))
    person = np.asarray(person)
    count = len(person)
    identity = np.array([_identity(one + first_person, model.identity_size) for one in person])
    descriptor = np.array([_descriptor(one + first_person) for one in person])
    descriptor += 0.01 * rng.normal(size=descriptor.shape)
    yaw = rng.uniform(-28, 28, count) if yaw_deg is None else np.broadcast_to(yaw_deg, count)
    expression = np.zeros((count, len(model.expression_names)))
    for name, values in (expressions or {}).items():
        expression[:, model.expression_names.index(name)] = values
    poses = Poses(
        rotation_of_yaw(np.deg2rad(yaw)),
        np.full(count, SCALE_PX) * rng.uniform(0.95, 1.05, count),
        SIDE_PX / 2 + rng.uniform(-3, 3, (count, 2)),
        expression,
    )
    points = all_points(model).points(identity, expression) @ poses.rotation.transpose(0, 2, 1)
    eyes = EyeBalls.of(model)
    irises = eyes.centres(identity) + np.array((0, 0, eyes.radius_mm))
    every = np.concatenate((points, irises @ poses.rotation.transpose(0, 2, 1)), axis=1)
    every[:, : points.shape[1], :2] += habit_mm
    every += NOISE_MM * rng.normal(size=every.shape)
    every *= poses.scale_px[:, None, None]
    every[..., :2] += poses.shift_px[:, None]
    mesh = np.full((count, 478, 3), 0.0)
    mesh[:, :MESH_POINTS] = every[:, MESH]
    mesh[:, MESH_POINTS:] = every[:, MESH][:, :1]
    mesh[:, [LEFT_IRIS, RIGHT_IRIS]] = every[:, -2:]
    return KnownFaces(person, identity, poses, every[:, :-2, :2], mesh, descriptor)


def photos_of(faces: KnownFaces, name="mine", held_out_people=(), points_px=None, **others) -> PeoplePhotos:
    """Flat pictures that say their number."""
    count = len(faces.person)

    def image(row):
        picture = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
        picture[:2, :2] = row
        return picture

    content = {
        "keys": tuple(f"{name}-{row:03}" for row in range(count)),
        "person": faces.person,
        "points_px": points_px or {},
        "aside": np.zeros(count, bool),
        "held_out": np.isin(faces.person, list(held_out_people)) & (faces.person != NOBODY),
        "terms": f"Terms of {name}.",
    }
    return PeoplePhotos(name=name, image=image, **(content | others))


class ToldEyes(Eyes):
    """Eyes that are told what the photos of a source show.

    Args:
        faces: What they show.
        blendshapes: That the landmarker would tell; NaN without them.
        absent: Photos in which they see no face.
    """

    def __init__(self, faces: KnownFaces, blendshapes=None, absent=()):
        self._faces, self._absent = faces, set(absent)
        self._blendshapes = np.full((len(faces.person), 52), np.nan) if blendshapes is None else blendshapes
        self.looked = 0

    @property
    def digest(self):
        return "told"

    def look(self, image, *, find):
        row = int(image[0, 0, 0])
        self.looked += 1
        if row in self._absent:
            return None
        mesh = self._faces.mesh_px[row].astype(np.float32)
        return SeenFace(mesh[:, :2], mesh[:, 2], 0.99, self._blendshapes[row].astype(np.float32))

    def describe(self, image, points_px):
        return self._faces.descriptor[int(image[0, 0, 0])].astype(np.float32)


def _identity(person, size):
    """Opposite for two people in a row: what all faces have in common is taken for habits of the marks."""
    return (-1) ** person * np.random.default_rng((int(person) // 2 + 1, 2)).normal(size=size)


def _descriptor(person):
    """Of length 1, and so that its first numbers tell of the identity."""
    values = np.random.default_rng((int(person) + 1, 3)).normal(size=128)
    values[:MODES] = 4 * _identity(person, MODES)
    return values / np.linalg.norm(values)
