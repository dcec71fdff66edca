"""Named regions of the source's surface, sampled by the default model."""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from monoface.facemodel.data import FaceModelData

# Outlines through the source's own 68 landmarks, in its texture.
_LIPS = tuple(range(48, 60))
_EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
_BROWS = (tuple(range(17, 22)), tuple(range(22, 27)))
_NOSE = (27, 31, 33, 35)
_NOSE_GROWTH = (1.4, 1.15)
# Half widths in the source's texture, where the face fills the unit square.
_BROW_HALF_WIDTH = 0.022
_LID_HALF_WIDTH = 0.028
# The ears' places in that texture: distance from the outer edge, and range in v from above.
_EAR_WIDTH = 0.135
_EAR_RANGE = (0.315, 0.56)


def source_regions(source: FaceModelData) -> dict[str, Bool[np.ndarray, " verts"]]:
    """Regions by name, as masks over the source's vertices.

    narrow_face and face come from the source. `skin` is face, head and neck without sockets; `neck` what
    lies below the jaw, `ears` the ears. `lips`, `nose`, `eyelids` and `brows` are drawn through landmarks
    in the texture. `mouth` is the inside of the mouth with gums and tongue, without the teeth.
    """
    part = {name: mask.numpy() for name, mask in source.regions.items()}
    face = part["face"]
    mean = source.mean_mm.double().numpy()
    narrow = part["narrow_face"]
    regions = {
        "narrow_face": narrow,
        "face": face,
        "skin": face | part["head"],
        "mouth": part["mouth"] | part["gums"],
        "eye_sockets": part["eye_sockets"],
        "ears": face & ~narrow & _in_ear_charts(source),
        "neck": (face | part["head"]) & _below_jaw(mean, narrow),
    }
    return regions | _outlined(source, narrow)


def _in_ear_charts(source: FaceModelData) -> Bool[np.ndarray, " verts"]:
    u, v = source.uv.double().numpy().T
    beside = np.minimum(u, 1 - u) < _EAR_WIDTH
    return beside & (u <= 1) & (v > _EAR_RANGE[0]) & (v < _EAR_RANGE[1])


def _below_jaw(mean: np.ndarray, narrow: np.ndarray) -> Bool[np.ndarray, " verts"]:
    """Below the plane through chin and nape."""
    chin = mean[narrow][mean[narrow, 1].argmin()]
    return ~narrow & (mean[:, 1] < chin[1] + 0.35 * (chin[2] - mean[:, 2]))


def _outlined(source: FaceModelData, narrow: np.ndarray) -> dict[str, Bool[np.ndarray, " verts"]]:
    uv = source.uv.double().numpy()
    marks = uv[source.landmarks["ibug68_source"].index[:, 0].numpy()]

    def inside(outline: np.ndarray) -> np.ndarray:
        return narrow & _in_polygon(uv, outline)

    lids = [_distance_to_polyline(uv, marks[[*eye, eye[0]]]) < _LID_HALF_WIDTH for eye in _EYES]
    brows = [_distance_to_polyline(uv, marks[list(brow)]) < _BROW_HALF_WIDTH for brow in _BROWS]
    return {
        "lips": inside(_grown(marks[list(_LIPS)], (1.02, 1.04))),
        "eyelids": narrow & (lids[0] | lids[1]),
        "brows": narrow & (brows[0] | brows[1]),
        "nose": inside(_grown(marks[list(_NOSE)], _NOSE_GROWTH)),
    }


def _grown(outline: np.ndarray, factors: tuple[float, float]) -> np.ndarray:
    centre = (outline.max(axis=0) + outline.min(axis=0)) / 2
    return (outline - centre) * factors + centre


def _in_polygon(
    points: Float[np.ndarray, "points 2"], polygon: Float[np.ndarray, "corners 2"]
) -> Bool[np.ndarray, " points"]:
    """Even-odd rule."""
    inside = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        slope = (x2 - x1) / (y2 - y1 if y2 != y1 else 1.0)
        inside ^= crosses & (points[:, 0] < x1 + slope * (points[:, 1] - y1))
    return inside


def _distance_to_polyline(
    points: Float[np.ndarray, "points 2"], line: Float[np.ndarray, "corners 2"]
) -> Float[np.ndarray, " points"]:
    nearest = np.full(len(points), np.inf)
    for start, end in pairwise(line):
        edge = end - start
        along = np.clip((points - start) @ edge / max(float(edge @ edge), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - start - along[:, None] * edge, axis=1))
    return nearest
