"""Landmarks of faces whose coefficients are known, where canvases of views show them."""

import math

import numpy as np
import torch

from monoface.data.view_packs import VIEW_CANVAS_PX, VIEW_FACE_PX
from monoface.facemodel import FaceCoefficients, FaceModel
from monoface.geometry.cameras import Camera, transform_points

KNOWN_SETS = ("facemesh468", "ibug68", "ibug68_contour")
"""Sets whose points are given where coefficients are known."""

_JAW = slice(0, 17)


def known_landmarks(
    model: FaceModel, coefficients: FaceCoefficients, camera: Camera
) -> dict[str, np.ndarray]:
    """Points in canvas pixels, hidden ones too; the jaw that people annotate is the silhouette, and left out.

    Args:
        model: The face model; sets that it lacks are left out.
        coefficients: The faces.
        camera: Of the faces' crops in the middle of the canvases.
    """
    count = len(coefficients.rotation)
    margin = torch.full((count, 2), (VIEW_FACE_PX - VIEW_CANVAS_PX) / 2)
    large = camera.cropped(margin, torch.ones(count))
    found = {}
    for name in KNOWN_SETS:
        if name not in model.data.landmarks:
            continue
        points = model.subset(model.landmarks(name))(coefficients.identity, coefficients.expression)
        placed = transform_points(coefficients.rotation, coefficients.translation_mm, points)
        found[name] = large.project(placed)[0].numpy()
    if "ibug68_contour" in found:
        found["ibug68_contour"][:, _JAW] = math.nan
    return found
