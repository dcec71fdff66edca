"""Landmarks of faces whose coefficients are known, where canvases of views show them."""

import numpy as np
import torch
from jaxtyping import Float

from monoface.data.packs.view_pack import VIEW_CANVAS_PX, VIEW_FACE_PX
from monoface.data.synthetic.canvas_landmarks import canvas_landmarks
from monoface.facemodel import FaceCoefficients, FaceModel
from monoface.geometry.cameras import Camera

KNOWN_SETS = ("facemesh468", "ibug68", "ibug68_contour", "ibug68_reannotated")
"""Sets whose points are given where coefficients are known."""


def known_landmarks(
    model: FaceModel, coefficients: FaceCoefficients, camera: Camera
) -> dict[str, Float[np.ndarray, "faces _ 2"]]:
    """Points in canvas pixels; see `canvas_landmarks`.

    Args:
        model: The face model; sets that it lacks are left out.
        coefficients: The faces.
        camera: Of the faces' crops in the middle of the canvases.
    """
    count = len(coefficients.rotation)
    margin = torch.full((count, 2), (VIEW_FACE_PX - VIEW_CANVAS_PX) / 2)
    return canvas_landmarks(model, coefficients, camera.cropped(margin, torch.ones(count)), KNOWN_SETS)
