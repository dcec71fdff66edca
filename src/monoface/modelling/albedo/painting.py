"""Painted albedo: eyes, teeth and the inside of the mouth; a plain skin where nothing is learned yet."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from monoface.facemodel.data import FaceModelData
from monoface.modelling.mesh.eyeballs import IRIS_RAD, PUPIL_RAD, eye_frame, outer_shell
from monoface.modelling.mesh.symmetry import MIRROR, NewMesh

# Linear RGB. Skin: mid-range of the measured human skin tones; the others are chosen by eye. Eyes and
# teeth are darker than their enamel and sclera are, since lids and lips always shade them and our light
# knows no such shadows.
SKIN = np.array((0.36, 0.20, 0.13))
LIP = np.array((0.30, 0.11, 0.09))
SCLERA = np.array((0.46, 0.41, 0.38))
IRIS = np.array((0.10, 0.055, 0.03))
LIMBUS = np.array((0.04, 0.025, 0.02))
PUPIL = np.array((0.008, 0.007, 0.007))
TOOTH = np.array((0.42, 0.37, 0.29))
GUM = np.array((0.22, 0.065, 0.06))
MOUTH = np.array((0.07, 0.016, 0.015))


def painted_albedo(
    source: FaceModelData,
    mesh: NewMesh,
    regions: Mapping[str, Tensor],
    face_part: Int[np.ndarray, " faces"],
) -> Float[np.ndarray, "verts 3"]:
    """Linear RGB of every vertex, mirror-symmetric."""
    albedo = np.tile(SKIN, (len(mesh.uv), 1))
    origin = mesh.sample.index[:, 0]
    albedo[regions["lips"].numpy()] = LIP
    albedo[regions["mouth"].numpy()] = MOUTH
    albedo[source.regions["gums"].numpy()[origin]] = GUM
    albedo[regions["eye_sockets"].numpy()] = GUM
    albedo[regions["teeth"].numpy()] = TOOTH
    eyes = regions["eyes"].numpy()
    albedo[eyes] = _eye_colours(source, mesh)[eyes]
    return albedo


def _eye_colours(source: FaceModelData, mesh: NewMesh) -> Float[np.ndarray, "verts 3"]:
    centre, gaze = eye_frame(source, outer_shell(source))
    places = mesh.sample.take(source.mean_mm.double().numpy())
    side = np.where(places[:, :1] >= 0, 1.0, MIRROR)
    rays = places * side - centre
    cosine = rays @ gaze / np.maximum(np.linalg.norm(rays, axis=1), 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    stops = (0, PUPIL_RAD, PUPIL_RAD, 0.85 * IRIS_RAD, IRIS_RAD, IRIS_RAD, 1.6 * IRIS_RAD, np.pi)
    step = np.radians(0.01) * np.array((0, -1, 1, 0, -1, 1, 0, 0))
    colours = np.stack((PUPIL, PUPIL, 0.7 * IRIS, IRIS, LIMBUS, 0.85 * SCLERA, SCLERA, 0.8 * SCLERA))
    return np.stack([np.interp(angle, np.array(stops) + step, channel) for channel in colours.T], axis=1)
