"""Photo cameras as glTF cameras: the same pixels, in metres and glTF's axes.

A glTF camera looks along -z with y up, and always at the centre of its picture; OpenCV's looks along +z
with y down, at its principal point.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from monoface.export._gltf import Json
from monoface.export.scene import OrthographicCameraNode, PerspectiveCameraNode

METRES_PER_MM = 1e-3
CAMERA_NODE_NAME = "photo_camera"

# OpenCV's camera axes in glTF's, and back.
_FLIP = np.diag((1.0, -1.0, -1.0))
_NEAREST_MM = 1.0


def camera_to_gltf(
    camera: OrthographicCameraNode | PerspectiveCameraNode, verts_mm: Float[np.ndarray, "verts 3"]
) -> tuple[Json, Json]:
    """A glTF camera and the node that places it.

    Its `extras` hold the photo's `width` and `height`, and `view_px` (left, top, width, height): what
    part of the photo's plane the glTF camera shows. With weak perspective that is always the photo,
    for a principal point off its centre becomes a sideways shift of the node. A pinhole's cannot; the
    view is then the smallest rectangle around the photo whose centre is the principal point.

    Args:
        camera: The photo's camera.
        verts_mm: All vertices of the head, which the clipping planes enclose with room to spare.
    """
    rotation, translation = camera.T_camera_model[:3, :3], camera.T_camera_model[:3, 3]
    depth_mm = verts_mm @ rotation[2] + translation[2]
    near_mm, far_mm = 2 * depth_mm.min() - depth_mm.max(), 2 * depth_mm.max() - depth_mm.min() + 1
    width, height = camera.size_px
    if isinstance(camera, OrthographicCameraNode):
        eye_mm = _orthographic_eye(camera, near_mm)
        view_px: tuple[float, ...] = (0, 0, width, height)
        lens = {
            "type": "orthographic",
            "orthographic": _orthographic_lens(camera, near_mm, far_mm, eye_mm[2]),
        }
    else:
        eye_mm = np.zeros(3)
        view_px = _view_around(camera.principal_px, camera.size_px)
        lens = {"type": "perspective", "perspective": _perspective_lens(camera, view_px, near_mm, far_mm)}
    extras = {"width": width, "height": height, "view_px": [float(value) for value in view_px]}
    node = {
        "name": CAMERA_NODE_NAME,
        "camera": 0,
        "translation": (METRES_PER_MM * rotation.T @ (eye_mm - translation)).tolist(),
        "rotation": quaternion_from_matrix(rotation.T @ _FLIP),
    }
    return lens | {"name": CAMERA_NODE_NAME, "extras": extras}, node


def quaternion_from_matrix(rotation: Float[np.ndarray, "3 3"]) -> list[float]:
    """Unit quaternion (x, y, z, w), with w not negative, of the rotation closest to a matrix.

    Reference:
        Bar-Itzhack, "New Method for Extracting the Quaternion from a Rotation Matrix", JGCD 2000.
    """
    matrix = rotation.astype(np.float64)
    skew = (matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1])
    form = np.empty((4, 4))
    form[:3, :3] = matrix + matrix.T - np.trace(matrix) * np.eye(3)
    form[3, :3] = form[:3, 3] = skew
    form[3, 3] = np.trace(matrix)
    quaternion = np.linalg.eigh(form)[1][:, -1]
    # The last axis that is not zero decides at half turns, where w is.
    sign = -1.0 if quaternion[np.abs(quaternion) > 1e-9][-1] < 0 else 1.0
    return [float(value) for value in sign * quaternion]


def _orthographic_eye(camera: OrthographicCameraNode, near_mm: float) -> Float[np.ndarray, " 3"]:
    """Where the glTF camera stands in the photo's camera frame: before the picture's centre.

    Parallel rays look the same from further back, so it steps back if the head would be behind it.
    """
    offset_px = np.array(camera.size_px) / 2 - np.array(camera.principal_px)
    return np.append(offset_px / camera.scale_px_per_mm, min(0.0, near_mm - _NEAREST_MM))


def _orthographic_lens(camera: OrthographicCameraNode, near_mm: float, far_mm: float, eye_mm: float) -> Json:
    half_metres = METRES_PER_MM / (2 * camera.scale_px_per_mm)
    return {
        "xmag": camera.size_px[0] * half_metres,
        "ymag": camera.size_px[1] * half_metres,
        "znear": float(near_mm - eye_mm) * METRES_PER_MM,
        "zfar": float(far_mm - eye_mm) * METRES_PER_MM,
    }


def _perspective_lens(
    camera: PerspectiveCameraNode, view_px: Sequence[float], near_mm: float, far_mm: float
) -> Json:
    near_mm = max(near_mm, _NEAREST_MM)
    return {
        "aspectRatio": view_px[2] / view_px[3],
        "yfov": 2 * math.atan(view_px[3] / (2 * camera.focal_px)),
        "znear": float(near_mm) * METRES_PER_MM,
        "zfar": float(max(far_mm, near_mm + 1)) * METRES_PER_MM,
    }


def _view_around(centre_px: tuple[float, float], size_px: tuple[int, int]) -> tuple[float, ...]:
    """Left, top, width and height of the smallest rectangle around a photo with a given centre."""
    half = [max(centre, size - centre) for centre, size in zip(centre_px, size_px, strict=True)]
    return (centre_px[0] - half[0], centre_px[1] - half[1], 2 * half[0], 2 * half[1])
