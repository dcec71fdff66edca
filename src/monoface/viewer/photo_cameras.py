"""The photo's camera of a report as glTF has it: a file that photos share has that of one of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monoface.export import OrthographicCameraNode, PerspectiveCameraNode, camera_to_gltf

# Between the clipping planes lies all that is so near to the model's origin; heads are.
_REACH_MM = 250.0


def photo_camera(report: Mapping[str, Any], size_px: tuple[int, int]) -> dict[str, Any]:
    """Camera of a face's report as a glTF camera (`lens`) and the node that places it (`node`).

    Args:
        report: What a report says of the face.
        size_px: Width and height of the photo.

    Raises:
        KeyError, TypeError, ValueError: If the report does not say what reports of faces say.
        ExportError: If the camera it tells is none.
    """
    transform = np.array(report["T_camera_model"], dtype=np.float64)
    if transform.shape != (4, 4):
        raise ValueError(f"T_camera_model: expected 4 x 4 numbers, got the shape {transform.shape}")
    # Reports are rounded; exporters want a rotation.
    left, _, right = np.linalg.svd(transform[:3, :3])
    transform[:3, :3] = left @ right
    told = report["camera"]
    x, y = told["principal_px"]
    node: OrthographicCameraNode | PerspectiveCameraNode
    if told["type"] == "perspective":
        node = PerspectiveCameraNode(transform, float(told["focal_px"]), (float(x), float(y)), size_px)
    else:
        node = OrthographicCameraNode(
            transform, float(told["scale_px_per_mm"]), (float(x), float(y)), size_px
        )
    corners = _REACH_MM * (2.0 * np.array(np.unravel_index(np.arange(8), (2, 2, 2))).T - 1)
    lens, place = camera_to_gltf(node, corners)
    return {"lens": lens, "node": place}
