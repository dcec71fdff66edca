import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.export import ExportError
from monoface.export.glb_reader import _camera, _local_transform
from monoface.viewer.photo_cameras import photo_camera

POINTS_MM = np.random.default_rng(3).normal(0, 80, (50, 3))
TURN = [[0.36, 0.48, -0.8, 20.0], [-0.8, 0.6, 0.0, -10.0], [0.48, 0.64, 0.6, 700.0], [0, 0, 0, 1]]
SIZE_PX = (640, 480)


def pixels(report):
    """By the definition in docs/conventions.md."""
    transform = np.array(report["T_camera_model"])
    x, y, z = (POINTS_MM @ transform[:3, :3].T + transform[:3, 3]).T
    camera = report["camera"]
    scale = camera["focal_px"] / z if camera["type"] == "perspective" else camera["scale_px_per_mm"]
    return np.stack((scale * x, scale * y), axis=1) + camera["principal_px"]


@pytest.mark.parametrize(
    "camera",
    [
        {"type": "weak_perspective", "scale_px_per_mm": 1.75, "principal_px": [100.0, 333.0]},
        {"type": "perspective", "focal_px": 900.0, "principal_px": [320.0, 240.0]},
    ],
)
def test_points_lie_where_the_report_has_them(camera):
    report = {"T_camera_model": TURN, "camera": camera}
    made = photo_camera(report, SIZE_PX)
    seen = _camera(made["lens"], _local_transform(made["node"])).project(POINTS_MM)
    assert_allclose(seen, pixels(report), atol=1e-6)


def test_a_rounded_rotation_becomes_one():
    rough = np.round(np.array(TURN), 2)
    rough[0, 0] += 0.004
    camera = {"type": "weak_perspective", "scale_px_per_mm": 1.0, "principal_px": [0.0, 0.0]}
    rotation = photo_camera({"T_camera_model": rough.tolist(), "camera": camera}, SIZE_PX)["node"]["rotation"]
    assert_allclose(np.linalg.norm(rotation), 1, atol=1e-9)


def test_no_camera_is_refused():
    camera = {"type": "weak_perspective", "scale_px_per_mm": 0.0, "principal_px": [0.0, 0.0]}
    with pytest.raises(ExportError, match="positive scale"):
        photo_camera({"T_camera_model": TURN, "camera": camera}, SIZE_PX)
