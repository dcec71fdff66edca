"""What the parts of a face model are, whatever they are called."""

from jaxtyping import Bool

from monoface.core.arrays import Array, namespace
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.formulas.linear_model import LinearFaceModel

# Eyelids among the 68 landmarks.
_LIDS = slice(36, 48)


def skin_parts(data: FaceModelData) -> tuple[str, ...]:
    """Names of the parts that are skin.

    That is the part called `skin`. Without one it is every part of which a triangle lies in the narrow face,
    but turning eyeballs.
    """
    if "skin" in data.part_names:
        return ("skin",)
    inside = data.regions["narrow_face"][data.faces].all(1)
    numbers = set(data.face_part[inside].tolist())
    return tuple(
        name for number, name in enumerate(data.part_names) if number in numbers and name not in data.eyes
    )


def skin_triangles(data: FaceModelData[Array]) -> Bool[Array, " faces"]:
    """Which triangles are skin; see `skin_parts`."""
    found = data.face_part < 0
    for name in skin_parts(data):
        found = found | (data.face_part == data.part_names.index(name))
    return found


def skin_verts(data: FaceModelData[Array]) -> Bool[Array, " verts"]:
    """Which vertices are corners of skin."""
    found = namespace(data.weld).zeros_like(data.weld) > 0
    found[data.faces[skin_triangles(data)]] = True
    return found


def eye_height_mm(model: LinearFaceModel) -> float:
    """Height of the eyes on the mean face, by the region `eyes`, turning eyeballs, or the lids' landmarks."""
    data = model.data
    height_mm = data.mean_mm[:, 1]
    if "eyes" in data.regions:
        return float(height_mm[data.regions["eyes"]].mean())
    if data.eyes:
        balls = [height_mm[eye.ball_index] for eye in data.eyes.values()]
        return float(namespace(height_mm).concat(balls).mean())
    return float(model.landmarks("ibug68").points(model.mean_mm[None])[0, _LIDS, 1].mean())
