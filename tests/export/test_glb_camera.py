import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.export import (
    Material,
    MeshPart,
    OrthographicCameraNode,
    PerspectiveCameraNode,
    RiggedHead,
    read_glb,
    write_glb,
)
from monoface.export._glb_camera import camera_to_gltf, quaternion_from_matrix
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.rotations import matrix_from_6d, matrix_from_axis_angle


def random_pose(rng, distance_mm):
    T_camera_model = np.eye(4)
    T_camera_model[:3, :3] = matrix_from_6d(torch.randn(6, dtype=torch.float64, generator=rng)).numpy()
    T_camera_model[:3, 3] = (30.0, -20.0, distance_mm)
    return T_camera_model


def random_points(rng):
    return (torch.randn(500, 3, dtype=torch.float64, generator=rng) * 80).numpy()


def head_of(points_mm, camera):
    faces = np.arange(len(points_mm) // 3 * 3).reshape(-1, 3)
    part = MeshPart("cloud", points_mm.astype(np.float32), faces, np.zeros((len(points_mm), 2)), "plain")
    return RiggedHead((part,), (Material("plain"),), camera=camera)


def assert_same_pixels(tmp_path, camera_node, camera, points_mm):
    """The written file, read back and projected by glTF's rules, against the project's own camera."""
    path = tmp_path / "head.glb"
    write_glb(head_of(points_mm, camera_node), path)
    written = read_glb(path)
    rows = torch.from_numpy(
        points_mm @ camera_node.T_camera_model[:3, :3].T + camera_node.T_camera_model[:3, 3]
    )
    expected = camera.project(rows[None])[0][0].numpy()
    assert_allclose(written.camera.project(written.parts["cloud"].verts_mm), expected, atol=0.01)
    assert written.camera.size_px == camera_node.size_px


@pytest.mark.parametrize("distance_mm", [1000.0, 0.0, -400.0])
@pytest.mark.parametrize("principal_px", [(320.0, 240.0), (101.5, 411.25), (-80.0, 900.0)])
def test_weak_perspective_pixels_survive_the_file(tmp_path, rng, principal_px, distance_mm):
    node = OrthographicCameraNode(random_pose(rng, distance_mm), 2.75, principal_px, (640, 480))
    principal = torch.tensor([principal_px], dtype=torch.float64)
    camera = WeakPerspectiveCamera(torch.tensor([2.75], dtype=torch.float64), principal)
    assert_same_pixels(tmp_path, node, camera, random_points(rng))


@pytest.mark.parametrize("principal_px", [(320.0, 240.0), (101.5, 411.25), (-80.0, 900.0)])
def test_perspective_pixels_survive_the_file(tmp_path, rng, principal_px):
    node = PerspectiveCameraNode(random_pose(rng, 700.0), 850.0, principal_px, (640, 480))
    principal = torch.tensor([principal_px], dtype=torch.float64)
    camera = PerspectiveCamera(torch.tensor([850.0], dtype=torch.float64), principal)
    assert_same_pixels(tmp_path, node, camera, random_points(rng))


def test_an_upright_frontal_head_gets_a_camera_before_it_that_looks_back():
    T_camera_model = np.diag((1.0, -1.0, -1.0, 1.0))
    T_camera_model[2, 3] = 1000.0
    node = OrthographicCameraNode(T_camera_model, 2.0, (320.0, 240.0), (640, 480))
    camera, place = camera_to_gltf(node, np.array(((0.0, 0.0, 100.0), (0.0, 0.0, -100.0))))
    assert_allclose(place["translation"], (0, 0, 1), atol=1e-12)
    assert_allclose(place["rotation"], (0, 0, 0, 1), atol=1e-12)
    assert_allclose((camera["orthographic"]["xmag"], camera["orthographic"]["ymag"]), (0.16, 0.12))
    assert camera["orthographic"]["znear"] == pytest.approx(0.7)
    assert camera["orthographic"]["zfar"] == pytest.approx(1.301)


def test_a_principal_point_right_of_the_centre_moves_the_orthographic_camera_left():
    T_camera_model = np.diag((1.0, -1.0, -1.0, 1.0))
    node = OrthographicCameraNode(T_camera_model, 2.0, (360.0, 240.0), (640, 480))
    _, place = camera_to_gltf(node, np.zeros((1, 3)))
    # 40 px at 2 px a millimetre.
    assert place["translation"][0] == pytest.approx(-0.020)


def test_a_pinhole_shows_the_photo_exactly_when_its_principal_point_is_the_centre():
    T_camera_model = np.diag((1.0, -1.0, -1.0, 1.0))
    T_camera_model[2, 3] = 600.0
    centred = PerspectiveCameraNode(T_camera_model, 240.0, (320.0, 240.0), (640, 480))
    camera, _ = camera_to_gltf(centred, np.zeros((1, 3)))
    assert camera["perspective"]["yfov"] == pytest.approx(np.pi / 2)
    assert camera["perspective"]["aspectRatio"] == pytest.approx(640 / 480)
    assert camera["extras"] == {"width": 640, "height": 480, "view_px": [0, 0, 640, 480]}

    off_centre = PerspectiveCameraNode(T_camera_model, 240.0, (300.0, 250.0), (640, 480))
    camera, _ = camera_to_gltf(off_centre, np.zeros((1, 3)))
    assert camera["extras"]["view_px"] == [-40, 0, 680, 500]


@pytest.mark.parametrize("kind", [OrthographicCameraNode, PerspectiveCameraNode])
@pytest.mark.parametrize("distance_mm", [1000.0, 90.0, 0.0])
def test_clipping_planes_are_valid_and_enclose_what_is_in_front(rng, kind, distance_mm):
    points = random_points(rng)
    node = kind(random_pose(rng, distance_mm), 3.0, (320.0, 240.0), (640, 480))
    camera, place = camera_to_gltf(node, points)
    lens = camera[camera["type"]]
    assert 0 < lens["znear"] < lens["zfar"]
    if kind is OrthographicCameraNode:
        toward = -_matrix(place["rotation"])[:, 2]
        depth = (points / 1000 - place["translation"]) @ toward
        assert lens["znear"] <= depth.min()
        assert depth.max() <= lens["zfar"]


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.0, -0.8)])
@pytest.mark.parametrize("angle", [0.0, 1e-6, 1.0, np.pi / 2, 3.0, np.pi, 4.0])
def test_quaternions_are_axis_and_half_angle(axis, angle):
    matrix = matrix_from_axis_angle(torch.tensor(axis, dtype=torch.float64) * angle).numpy()
    quaternion = np.array(quaternion_from_matrix(matrix))
    expected = np.append(np.sin(angle / 2) * np.array(axis), np.cos(angle / 2))
    assert quaternion[3] >= -1e-9
    assert_allclose(abs(quaternion @ expected), 1, atol=1e-12)
    assert_allclose(_matrix(quaternion), matrix, atol=1e-9)


def _matrix(quaternion):
    x, y, z, w = quaternion
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross
