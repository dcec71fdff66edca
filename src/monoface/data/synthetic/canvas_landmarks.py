"""Landmarks of faces whose coefficients are known, where canvases show them."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from monoface.facemodel import FaceCoefficients, FaceModel
from monoface.geometry.cameras import Camera, transform_points

_JAW = slice(0, 17)


def canvas_landmarks(
    model: FaceModel, coefficients: FaceCoefficients, camera: Camera, sets: Sequence[str]
) -> dict[str, Float[np.ndarray, "faces _ 2"]]:
    """Points in canvas pixels, hidden ones too; the jaw of `ibug68_contour` is the silhouette, and left out.

    Args:
        model: The face model; sets that it lacks are left out.
        coefficients: The faces.
        camera: Of the canvases.
        sets: Names of the sets.
    """
    found = {}
    for name in sets:
        if name not in model.data.landmarks:
            continue
        points = model.subset(model.landmarks(name))(coefficients.identity, coefficients.expression)
        placed = transform_points(coefficients.rotation, coefficients.translation_mm, points)
        found[name] = camera.project(placed)[0].numpy()
    if "ibug68_contour" in found:
        found["ibug68_contour"][:, _JAW] = math.nan
    return found
