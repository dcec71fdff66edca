"""Cameras: projections by hand, crops and back, and where both kinds agree."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, rigid_matrix, transform_points
from monoface.geometry.rotations import matrix_from_axis_angle

PRINCIPAL = torch.tensor([[100.0, 60.0], [20.0, 30.0], [0.0, 5.0]])


def weak():
    return WeakPerspectiveCamera(torch.tensor([2.0, 0.5, 1.0]), PRINCIPAL)


def pinhole():
    return PerspectiveCamera(torch.tensor([800.0, 500.0, 300.0]), PRINCIPAL)


@pytest.fixture
def points(rng):
    return torch.randn(3, 5, 3, generator=rng) * 50 + torch.tensor([0.0, 0.0, 700.0])


def test_weak_perspective_by_hand():
    pixels, depth = weak().project(torch.tensor([10.0, -4.0, 900.0]).expand(3, 1, 3))
    assert_close(pixels[:, 0], torch.tensor([[120.0, 52.0], [25.0, 28.0], [10.0, 1.0]]))
    assert_close(depth, torch.full((3, 1), 900.0))


def test_perspective_by_hand():
    pixels, depth = pinhole().project(torch.tensor([10.0, -5.0, 100.0]).expand(3, 1, 3))
    assert_close(pixels[:, 0], torch.tensor([[180.0, 20.0], [70.0, 5.0], [30.0, -10.0]]))
    assert_close(depth, torch.full((3, 1), 100.0))


@pytest.mark.parametrize("camera", [weak(), pinhole()], ids=["weak", "perspective"])
def test_the_viewing_axis_meets_the_principal_point(camera):
    pixels, _ = camera.project(torch.tensor([0.0, 0.0, 432.0]).expand(3, 1, 3))
    assert_close(pixels[:, 0], PRINCIPAL)


@pytest.mark.parametrize("camera", [weak(), pinhole()], ids=["weak", "perspective"])
def test_crops_move_pixels(camera, points):
    origin, zoom = torch.tensor([[10.0, 20.0], [-5.0, 0.0], [3.5, 1.5]]), torch.tensor([2.0, 0.25, 1.0])
    photo, depth = camera.project(points)
    crop, crop_depth = camera.cropped(origin, zoom).project(points)
    assert_close(crop, (photo - origin[:, None]) * zoom[:, None, None], rtol=1e-5, atol=1e-3)
    assert_close(crop_depth, depth)


@pytest.mark.parametrize("camera", [weak(), pinhole()], ids=["weak", "perspective"])
def test_uncropping_undoes_cropping(camera, points):
    origin, zoom = torch.tensor([[10.0, 20.0], [-5.0, 0.0], [3.5, 1.5]]), torch.tensor([2.0, 0.25, 1.0])
    back = camera.cropped(origin, zoom).uncropped(origin, zoom)
    assert_close(back.project(points)[0], camera.project(points)[0], rtol=1e-5, atol=1e-3)


def test_both_kinds_agree_at_long_distance(points):
    distance = 1e6
    far = points + torch.tensor([0.0, 0.0, distance])
    perspective = PerspectiveCamera(weak().scale_px_per_mm * (distance + 700), PRINCIPAL)
    assert_close(perspective.project(far)[0], weak().project(far)[0], rtol=0, atol=0.2)


def test_points_behind_a_pinhole_are_finite():
    pixels, depth = pinhole().project(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, -50.0]]).expand(3, 2, 3))
    assert pixels.isfinite().all()
    assert_close(depth[0], torch.tensor([0.0, -50.0]))


def test_gradients(rng):
    points = torch.randn(3, 4, 3, generator=rng, dtype=torch.float64) + torch.tensor([0.0, 0.0, 50.0])
    scale = torch.tensor([2.0, 0.5, 1.0], dtype=torch.float64, requires_grad=True)

    def project(points, scale):
        return (
            WeakPerspectiveCamera(scale, PRINCIPAL.double()).project(points)[0],
            PerspectiveCamera(scale, PRINCIPAL.double()).project(points)[0],
        )

    assert torch.autograd.gradcheck(project, (points.requires_grad_(), scale))


def test_transforming_agrees_with_the_homogeneous_matrix(points, rng):
    rotation, translation = (
        matrix_from_axis_angle(torch.randn(3, 3, generator=rng)),
        PRINCIPAL.repeat(1, 2)[:, :3],
    )
    homogeneous = torch.cat((points, torch.ones(3, 5, 1)), dim=-1)
    expected = (rigid_matrix(rotation, translation) @ homogeneous.mT).mT
    assert_close(transform_points(rotation, translation, points), expected[..., :3], rtol=1e-5, atol=1e-3)
    assert_close(expected[..., 3], torch.ones(3, 5))


def test_scale_at_a_depth():
    depth = torch.tensor([500.0, 2000.0])
    weak = WeakPerspectiveCamera(torch.tensor([0.5, 0.7]), torch.zeros(2, 2))
    pinhole = PerspectiveCamera(torch.tensor([1000.0, 1000.0]), torch.zeros(2, 2))
    assert_close(weak.scale_at(depth), torch.tensor([0.5, 0.7]))
    assert_close(pinhole.scale_at(depth), torch.tensor([2.0, 0.5]))


@pytest.mark.parametrize("kind", [WeakPerspectiveCamera, PerspectiveCamera])
def test_rows_of_cameras(kind):
    cameras = kind(torch.tensor([1.0, 2.0, 3.0]), torch.arange(6.0).reshape(3, 2))
    points = torch.tensor([[[10.0, 20.0, 500.0]]])
    assert_close(cameras[1:2].project(points)[0], cameras.project(points.expand(3, -1, -1))[0][1:2])
