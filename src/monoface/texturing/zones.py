"""Zones of a face model's skin: what of it may come from a photo, by what the photo shows there.

All are made on the mean head, once a model.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from monoface.facemodel import NumpyFaceModel
from monoface.facemodel.parts import eye_height_mm, skin_verts

# Photos fade out over this distance towards the border of the narrow face: what lies beyond is of one tone.
_FADE_MM = 16.0
# How far the parser's brows, eyes and lips may lie beside the model's.
_BROWS_MM, _EYES_MM, _LIPS_MM = 2.5, 4.0, 4.0
# Above the brows hair may begin.
_FOREHEAD_MM = (2.0, 8.0)
# Width of the narrow face's rim.
_RIM_MM = 32.0
# The model's own colours, of lips, nose, brows and lids, end within this distance of them.
_FEATURE_MM, _BESIDE_FEATURE_MM = 1.0, 9.0
# Light on the face goes on so far beside it.
_LIGHT_MM = 90.0
# A moustache and a beard that are parsed as hair lie below the nose, this near to the middle.
_BEARD_HALF_MM, _BEARD_FADE_MM = 34.0, 8.0
# So many vertices of a region tell distances to it well enough.
_COMPARED = 1200
# Among the 68 landmarks: the chin, the brows, the base of the nose.
_CHIN, _BROW_POINTS, _SUBNASAL = 8, slice(17, 27), 33
# So far under the chin photos fade out: what they show there is mostly clothes and shade.
_UNDER_CHIN_MM = 8.0


@dataclass(frozen=True, eq=False)
class SkinZones:
    """Shares of vertices, 0 to 1.

    Attributes:
        skin: Which vertices are skin.
        plain: Those of the narrow face with neither brows, lips, nor eyes.
        photo: How far a photo may be seen: 1 in the narrow face, falling to 0 towards its border and under
            the chin; 1 off the skin.
        rim: Rises to 1 towards the border of the narrow face and above the brows, where hair and background
            begin, and stays 1 on the skin outside.
        features: 1 on brows, lips, nose and lids, and off the skin, falling to 0 beside them.
        light: How far light and shade of the face go on: 1 on it, falling to 0 on the back of the head.
        brows: Where hair may be a brow.
        beard: Where hair may be a beard.
        lips: Where a mouth may be lips.
        eyes: Where an eye may be seen: eyeballs and the edges of lids.
    """

    skin: Bool[np.ndarray, " verts"]
    plain: Bool[np.ndarray, " verts"]
    photo: Float[np.ndarray, " verts"]
    rim: Float[np.ndarray, " verts"]
    features: Float[np.ndarray, " verts"]
    light: Float[np.ndarray, " verts"]
    brows: Float[np.ndarray, " verts"]
    beard: Float[np.ndarray, " verts"]
    lips: Float[np.ndarray, " verts"]
    eyes: Float[np.ndarray, " verts"]

    @classmethod
    def of(cls, model: NumpyFaceModel) -> "SkinZones":
        """Zones of a model; those of regions that it lacks are empty."""
        regions, mean = model.data.regions, model.mean_mm
        skin, inner = skin_verts(model.data), regions["narrow_face"]
        beside_mm = np.where(skin, distance_to(mean, inner), np.float32(0))
        nothing = np.zeros_like(inner)
        brows, lips = regions.get("brows", nothing), regions.get("lips", nothing)
        lids, nose = regions.get("eyelids", nothing), regions.get("nose", nothing)
        sockets = regions.get("eye_sockets", nothing)
        balls = nothing.copy()
        for eye in model.data.eyes.values():
            balls |= eye.verts
        balls |= regions.get("eyes", nothing) & ~skin
        outside = skin & ~inner & ~lids & ~lips & ~sockets
        points = model.landmarks("ibug68").points(mean[None])[0]
        base_mm = float(points[_SUBNASAL, 1])
        beside_mouth = _ramp(_BEARD_HALF_MM + _BEARD_FADE_MM, _BEARD_HALF_MM, np.abs(mean[:, 0]))
        below = _ramp(base_mm + 2, base_mm - 2, mean[:, 1])
        chin_mm, brows_mm = float(points[_CHIN, 1]), float(points[_BROW_POINTS, 1].max())
        above_chin = _ramp(chin_mm - _UNDER_CHIN_MM, chin_mm, mean[:, 1])
        forehead = _ramp(brows_mm + _FOREHEAD_MM[0], brows_mm + _FOREHEAD_MM[1], mean[:, 1])
        inside_mm = distance_to(mean, outside)
        rim = _ramp(_RIM_MM, 0.0, inside_mm)
        shown = _ramp(0.0, _FADE_MM, inside_mm)
        beside, beside_others = (
            _ramp(_BESIDE_FEATURE_MM, _FEATURE_MM, distance_to(mean, some))
            for some in (brows, lips | lids | nose | sockets)
        )
        # Regions of brows go on to the temples.
        tail_mm = float(np.abs(points[_BROW_POINTS, 0]).max())
        between = _ramp(tail_mm + _BROWS_MM, tail_mm - _BROWS_MM, np.abs(mean[:, 0]))
        nearly = between * _near(mean, brows, _BROWS_MM) * (mean[:, 1] > eye_height_mm(model))
        return cls(
            skin=skin,
            plain=inner & skin & ~brows & ~lips & ~lids & ~balls,
            photo=np.where(skin, shown * above_chin, np.float32(1)),
            rim=np.where(skin, np.maximum(rim, forehead), np.float32(0)),
            features=np.where(skin, np.maximum(beside * between, beside_others), np.float32(1)),
            light=_ramp(_LIGHT_MM, 0.0, beside_mm),
            brows=nearly.astype(np.float32),
            beard=beside_mouth * below * inner,
            lips=_near(mean, lips, _LIPS_MM),
            eyes=np.maximum(balls, _near(mean, lids, _EYES_MM)).astype(np.float32),
        )


def distance_to(
    points: Float[np.ndarray, "verts 3"], some: Bool[np.ndarray, " verts"]
) -> Float[np.ndarray, " verts"]:
    """Distance of each vertex to the nearest of some; very far, if there are none."""
    others = points[some][:: max(1, int(some.sum()) // _COMPARED)]
    if not len(others):
        return np.full(len(points), 1e6, np.float32)
    squared = np.square(points).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
    found = np.sqrt((squared - 2 * points @ others.T).min(axis=1).clip(0))
    return np.where(some, np.float32(0), found.astype(np.float32))


def _near(
    mean: Float[np.ndarray, "verts 3"], some: Bool[np.ndarray, " verts"], reach_mm: float
) -> Float[np.ndarray, " verts"]:
    return _ramp(2 * reach_mm, reach_mm, distance_to(mean, some))


def _ramp(none: float, full: float, values: Float[np.ndarray, " verts"]) -> Float[np.ndarray, " verts"]:
    """Rises smoothly from 0 to 1 between two values, whichever is greater."""
    part = ((values - none) / (full - none)).clip(0, 1)
    return (part * part * (3 - 2 * part)).astype(np.float32)
