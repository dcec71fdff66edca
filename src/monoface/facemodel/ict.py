"""Reader for the user's copy of ICT-FaceKit: the `FaceXModel` folder, or the packed npz.

The source has quads, corner-indexed UV over several UDIM tiles, centimetres and names such as
`browDown_L`. It is turned into triangles, one UV a vertex (seam vertices doubled behind the original
26,719, whose order stays), millimetres and ARKit's names. The two halves that the source gives of
`browInnerUp` and `cheekPuff` are tied, which leaves ARKit's 51 names.

Reference:
    Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020. The model's files
    are USC ICT's, under the MIT licence.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.core.array_files import open_npz
from monoface.core.errors import ModelFileError
from monoface.core.json_text import parse_json
from monoface.facemodel.data import EyeJoint, FaceModelData
from monoface.facemodel.landmarks import LandmarkSet

VERTEX_COUNT = 26719
_CM_TO_MM = 10.0

# Ends (exclusive) of the vertex ranges that the source's documentation gives, with our part names.
_RANGES = (
    (9409, "face"), (11248, "head"), (13294, "mouth"), (14062, "eye_sockets"), (17039, "gums"),
    (21451, "teeth"), (23021, "eye_left"), (24591, "eye_right"), (24795, "lacrimal"), (25047, "eye_blend"),
    (25199, "eye_occlusion"), (VERTEX_COUNT, "lashes"),
)  # fmt: skip
_NARROW_FACE_END = 6706
PART_NAMES = tuple(name for _, name in _RANGES)
_TIED = {"browInnerUp_L": "browInnerUp", "browInnerUp_R": "browInnerUp", "cheekPuff_L": "cheekPuff",
         "cheekPuff_R": "cheekPuff"}  # fmt: skip
_SIDES = {"_L": "Left", "_R": "Right"}

# How far an eye turns at weight 1. The source's eyeballs stand still, so these angles are ours.
GAZE_SIDEWAYS_RAD = 0.50
GAZE_UP_RAD = 0.35
GAZE_DOWN_RAD = 0.45


@dataclass(frozen=True)
class _Source:
    neutral_cm: Float[np.ndarray, "verts 3"]
    identity_cm: Float[np.ndarray, "identity verts 3"]
    expression_cm: Float[np.ndarray, "expressions verts 3"]
    expression_names: tuple[str, ...]
    polygons: Int[np.ndarray, "polygons 4"]
    uv: Float[np.ndarray, "uvs 2"]
    uv_polygons: Int[np.ndarray, "polygons 4"]
    landmarks68: Int[np.ndarray, " 68"]


def read_ict_facekit(path: Path) -> FaceModelData:
    """Read ICT-FaceKit from its `FaceXModel` folder or from the packed `ict_facekit_light.npz`.

    A folder may hold fewer identity modes than the 100 of the release, and fewer expressions; an npz
    is complete. The model has no albedo: it comes out mid-grey.

    Raises:
        ModelFileError: If the path is neither, or its content has another layout.
    """
    if path.is_dir():
        source = _read_folder(path)
    elif path.suffix == ".npz" and path.is_file():
        source = _read_npz(path)
    else:
        raise ModelFileError(f"{path}: expected the FaceXModel folder of ICT-FaceKit or an .npz file of it.")
    _check_source(source, path)
    return _to_model(source)


def arkit_name(source_name: str) -> str:
    """ARKit's name of one of the source's expressions: `browDown_L` becomes `browDownLeft`."""
    if source_name in _TIED:
        return _TIED[source_name]
    return source_name[:-2] + _SIDES[source_name[-2:]] if source_name[-2:] in _SIDES else source_name


def _check_source(source: _Source, path: Path) -> None:
    if source.neutral_cm.shape != (VERTEX_COUNT, 3):
        raise ModelFileError(f"{path}: expected {VERTEX_COUNT} vertices, got {len(source.neutral_cm)}.")
    for name, offsets in (("identity", source.identity_cm), ("expression", source.expression_cm)):
        if offsets.shape[1:] != (VERTEX_COUNT, 3):
            raise ModelFileError(f"{path}: expected {VERTEX_COUNT} vertices in {name}, got {offsets.shape}.")
    if len(source.expression_names) != len(source.expression_cm):
        raise ModelFileError(
            f"{path}: expected {len(source.expression_cm)} expression names, "
            f"got {len(source.expression_names)}."
        )
    indices = ((source.polygons, VERTEX_COUNT), (source.uv_polygons, len(source.uv)))
    for corners, count in indices:
        # The fourth corner of a triangle is -1.
        if corners.ndim != 2 or corners.shape[1] != 4 or not _within(corners, count):
            raise ModelFileError(f"{path}: expected polygons of four corners in 0..{count - 1}.")
    if source.landmarks68.shape != (68,) or not _within(source.landmarks68[:, None], VERTEX_COUNT):
        raise ModelFileError(f"{path}: expected 68 landmark vertices, got {source.landmarks68.shape}.")


def _within(corners: np.ndarray, count: int) -> bool:
    lowest = np.array((0, 0, 0, -1))[: corners.shape[1]]
    return bool(((corners >= lowest) & (corners < count)).all())


def _read_npz(path: Path) -> _Source:
    with open_npz(path, "a packed ICT-FaceKit file", error=ModelFileError) as arrays:
        return _Source(
            neutral_cm=arrays["neutral_cm"].astype(np.float64),
            identity_cm=arrays["identity_cm"].astype(np.float64),
            expression_cm=arrays["expression_cm"].astype(np.float64),
            expression_names=tuple(str(name) for name in arrays["expression_names"]),
            polygons=arrays["polygons"].astype(np.int64),
            uv=arrays["uv"].astype(np.float64),
            uv_polygons=arrays["uv_polygons"].astype(np.int64),
            landmarks68=arrays["landmarks68"].astype(np.int64),
        )


def _read_folder(folder: Path) -> _Source:
    try:
        info: dict[str, Any] = parse_json((folder / "vertex_indices.json").read_text(encoding="utf-8"))
        neutral, uv, polygons, uv_polygons = _read_obj(folder / "generic_neutral_mesh.obj")
        landmarks = np.asarray(info["idx_to_landmark_verts"], dtype=np.int64)
        names = [name for name in info["expressions"] if (folder / f"{name}.obj").is_file()]
    except (KeyError, ValueError, OSError) as error:
        raise ModelFileError(f"{folder}: not ICT-FaceKit's FaceXModel folder ({error}).") from error
    identity_files = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    if not identity_files or not names:
        raise ModelFileError(f"{folder}: expected identity000.obj … and expression files, found too few.")
    identity = np.stack([_read_obj_vertices(file, len(neutral)) - neutral for file in identity_files])
    expression = np.stack(
        [_read_obj_vertices(folder / f"{name}.obj", len(neutral)) - neutral for name in names]
    )
    return _Source(neutral, identity, expression, tuple(names), polygons, uv, uv_polygons, landmarks)


def _read_obj_vertices(path: Path, count: int) -> Float[np.ndarray, "verts 3"]:
    try:
        lines = (line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("v "))
        vertices = np.array([line.split()[1:4] for line in lines], dtype=np.float64)
    except (ValueError, OSError) as error:
        raise ModelFileError(f"{path}: cannot be read as a mesh ({error}).") from error
    if vertices.shape != (count, 3):
        raise ModelFileError(f"{path}: expected {count} vertices, got {len(vertices)}.")
    return vertices


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    vertices, uv, corners = [], [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append(rest.split()[:3])
        elif kind == "vt":
            uv.append(rest.split()[:2])
        elif kind == "f":
            corners.append([corner.split("/")[:2] for corner in rest.split()])
    indices = np.full((len(corners), 4, 2), 0, dtype=np.int64)
    for row, polygon in enumerate(corners):
        indices[row, : len(polygon)] = np.array(polygon, dtype=np.int64)
    # Counted from 1 in the file; triangles keep -1 in their fourth place.
    return np.array(vertices, float), np.array(uv, float), indices[..., 0] - 1, indices[..., 1] - 1


def _to_model(source: _Source) -> FaceModelData:
    faces, corner_uv = _triangulate(source.polygons, source.uv_polygons)
    origin, uv_index, faces = _double_seams(faces, corner_uv)
    uv = source.uv[uv_index]
    uv[:, 1] = 1 - uv[:, 1]
    expression_cm, names = _tie_halves(source.expression_cm, source.expression_names)
    part = np.searchsorted([end for end, _ in _RANGES], origin, side="right")
    verts = len(origin)
    neutral_mm = source.neutral_cm * _CM_TO_MM
    regions = {name: torch.from_numpy(part == number) for number, name in enumerate(PART_NAMES)}
    regions["narrow_face"] = torch.from_numpy(origin < _NARROW_FACE_END)
    mean = torch.from_numpy(neutral_mm[origin]).float()
    mirror = _mirror_index(source.neutral_cm)

    def basis(offsets_cm: np.ndarray) -> torch.Tensor:
        return torch.from_numpy((offsets_cm * _CM_TO_MM).astype(np.float32)[:, origin])

    return FaceModelData(
        mean_mm=mean,
        identity_basis_mm=basis(source.identity_cm),
        expression_basis_mm=basis(expression_cm),
        albedo_mean=torch.full((verts, 3), 0.3),
        albedo_basis=torch.zeros(0, verts, 3),
        faces=torch.from_numpy(faces),
        face_part=torch.from_numpy(part[faces[:, 0]]),
        part_names=PART_NAMES,
        uv=torch.from_numpy(uv).float(),
        weld=torch.from_numpy(origin),
        mirror=torch.from_numpy(mirror[origin]),
        regions=regions,
        landmarks={"ibug68_source": LandmarkSet.from_vertices(source.landmarks68)},
        expression_names=names,
        expression_bounds=(0.0, 1.0),
        eyes={
            name: _eye_joint(neutral_mm[origin], regions[name].numpy(), names)
            for name in ("eye_left", "eye_right")
        },
        provenance={
            "source": "ICT-FaceKit (light), USC Institute for Creative Technologies",
            "licence": "MIT",
        },
    )


def _triangulate(polygons: np.ndarray, uv_polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    quads = polygons[:, 3] >= 0
    corners = (polygons, uv_polygons)
    first, first_uv = (c[:, [0, 1, 2]] for c in corners)
    second, second_uv = (c[quads][:, [0, 2, 3]] for c in corners)
    return np.concatenate((first, second)), np.concatenate((first_uv, second_uv))


def _double_seams(faces: np.ndarray, corner_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin vertex and UV of each vertex after doubling, and faces over them; originals come first."""
    pairs = np.unique(np.stack((faces.ravel(), corner_uv.ravel()), axis=1), axis=0)
    _, first_rows = np.unique(pairs[:, 0], return_index=True)
    extra_rows = np.setdiff1d(np.arange(len(pairs)), first_rows)
    # Vertices that no triangle uses keep the first UV.
    uv_index = np.zeros(VERTEX_COUNT, dtype=np.int64)
    uv_index[pairs[first_rows, 0]] = pairs[first_rows, 1]
    origin = np.concatenate((np.arange(VERTEX_COUNT), pairs[extra_rows, 0]))
    uv_index = np.concatenate((uv_index, pairs[extra_rows, 1]))

    number = {(int(v), int(t)): int(v) for v, t in pairs[first_rows]}
    number |= {(int(v), int(t)): VERTEX_COUNT + i for i, (v, t) in enumerate(pairs[extra_rows])}
    flat = [number[int(v), int(t)] for v, t in zip(faces.ravel(), corner_uv.ravel(), strict=True)]
    return origin, uv_index, np.array(flat, dtype=np.int64).reshape(-1, 3)


def _tie_halves(offsets: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    tied = [arkit_name(name) for name in names]
    kept = tuple(dict.fromkeys(tied))
    return np.stack(
        [offsets[[i for i, t in enumerate(tied) if t == name]].sum(axis=0) for name in kept]
    ), kept


def _mirror_index(neutral_cm: np.ndarray) -> np.ndarray:
    """Mirror image of each vertex, by exact position; a vertex without one is its own."""
    places = {place: number for number, place in enumerate(map(tuple, neutral_cm.round(4).tolist()))}
    mirrored = (neutral_cm * (-1.0, 1.0, 1.0)).round(4) + 0.0
    pairs = enumerate(map(tuple, mirrored.tolist()))
    return np.array([places.get(place, number) for number, place in pairs], dtype=np.int64)


def _eye_joint(mean_mm: np.ndarray, mask: np.ndarray, names: tuple[str, ...]) -> EyeJoint:
    side = "Left" if mean_mm[mask, 0].mean() > 0 else "Right"
    # A turn about +y moves the gaze (+z) towards +x, the subject's left; about +x it moves it down.
    outward = 1.0 if side == "Left" else -1.0
    turns = {
        f"eyeLookUp{side}": (-GAZE_UP_RAD, 0.0, 0.0),
        f"eyeLookDown{side}": (GAZE_DOWN_RAD, 0.0, 0.0),
        f"eyeLookOut{side}": (0.0, outward * GAZE_SIDEWAYS_RAD, 0.0),
        f"eyeLookIn{side}": (0.0, -outward * GAZE_SIDEWAYS_RAD, 0.0),
    }
    gaze = torch.tensor([turns.get(name, (0.0, 0.0, 0.0)) for name in names])
    return EyeJoint(torch.from_numpy(mask), _sphere_centre_weights(mean_mm, mask), gaze)


def _sphere_centre_weights(points: np.ndarray, mask: np.ndarray) -> torch.Tensor:
    """Weights over all vertices, summing to 1, whose mean is the centre of the sphere through some.

    Being affine, they follow the ball when identity moves it.
    """
    ball = points[mask]
    system = np.concatenate((2 * ball, np.ones((len(ball), 1))), axis=1)
    centre = np.linalg.lstsq(system, (ball**2).sum(axis=1), rcond=None)[0][:3]
    uniform = np.full(len(ball), 1 / len(ball))
    constraints = np.concatenate((ball, np.ones((len(ball), 1))), axis=1).T
    missing = np.append(centre, 1.0) - constraints @ uniform
    weights = np.zeros(len(points), dtype=np.float32)
    weights[mask] = uniform + np.linalg.pinv(constraints) @ missing
    return torch.from_numpy(weights)
