"""Epipolar geometry of two views."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.epipolar import (
    affine_fundamental_matrix,
    epipolar_distance,
    essential_matrix,
    fundamental_between,
    fundamental_matrix,
    intrinsic_matrix,
    relative_pose,
)
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera, matrix_from_axis_angle

DOUBLE = torch.float64


def pinhole(batch, focal=4700.0, centre=(112.0, 112.0)):
    return PerspectiveCamera(
        torch.full((batch,), focal, dtype=DOUBLE), torch.tensor(centre, dtype=DOUBLE).expand(batch, 2)
    )


def turned_pair(face_model, yaw_rad=0.5):
    """Poses of the mean face in MGCNet's default camera, frontal and turned, and the 68 points."""
    yaw = torch.tensor([0.0, yaw_rad], dtype=DOUBLE)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw)))
    translation = torch.tensor([[0.0, 0.0, 4994.0]], dtype=DOUBLE)
    points = face_model.landmarks("ibug68").points(face_model.mean_mm[None]).double()
    views = [pinhole(1).project(transform_points(turn[None], translation, points))[0] for turn in rotation]
    relative = relative_pose(rotation[1:], translation, rotation[:1], translation)
    return views, relative


def random_poses(rng, batch, distance=900.0):
    rotation = matrix_from_axis_angle(torch.randn(batch, 3, generator=rng, dtype=DOUBLE))
    away = torch.tensor([0.0, 0.0, distance], dtype=DOUBLE)
    return rotation, 20 * torch.randn(batch, 3, generator=rng, dtype=DOUBLE) + away


def test_relative_pose_leads_from_target_to_source(rng):
    (source, to_source), (target, to_target) = random_poses(rng, 3), random_poses(rng, 3)
    points = torch.randn(3, 5, 3, generator=rng, dtype=DOUBLE)
    relative = relative_pose(source, to_source, target, to_target)
    moved = transform_points(*relative, transform_points(target, to_target, points))
    assert_close(moved, transform_points(source, to_source, points))


def test_perfect_correspondences_have_no_error(face_model):
    (target_px, source_px), relative = turned_pair(face_model)
    exact = fundamental_between(*relative, pinhole(1), pinhole(1))
    assert epipolar_distance(target_px, source_px, exact).max() < 1e-9


def test_the_published_form_is_several_pixels_wrong(face_model):
    """MGCNet's R [t]x, with its camera (4700, 112), a distance of 4994 mm and a yaw of 0.5 rad."""
    (target_px, source_px), relative = turned_pair(face_model)
    published = fundamental_between(*relative, pinhole(1), pinhole(1), "published")
    mean_px = epipolar_distance(target_px, source_px, published).mean()
    assert 5 < mean_px < 9


def test_the_published_form_is_right_for_a_translation_that_is_turned(rng):
    rotation, translation = random_poses(rng, 2)
    turned = (rotation @ translation[..., None])[..., 0]
    assert_close(essential_matrix(rotation, translation, "published"), essential_matrix(rotation, turned))


def test_single_precision_suffices(face_model):
    (target_px, source_px), (rotation, translation) = turned_pair(face_model)
    camera = PerspectiveCamera(torch.tensor([4700.0]), torch.full((1, 2), 112.0))
    fundamental = fundamental_between(rotation.float(), translation.float(), camera, camera)
    assert epipolar_distance(target_px.float(), source_px.float(), fundamental).max() < 0.01


def test_distance_by_hand():
    """A camera that moved to the right: epipolar lines are the picture's rows."""
    essential = essential_matrix(torch.eye(3)[None], torch.tensor([[-50.0, 0.0, 0.0]]))
    intrinsics = torch.tensor([[[100.0, 0.0, 20.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]])
    fundamental = fundamental_matrix(essential, intrinsics, intrinsics)
    target, source = torch.tensor([[[3.0, 7.0], [15.0, 9.0]]]), torch.tensor([[[40.0, 7.0], [8.0, 11.5]]])
    assert_close(
        epipolar_distance(target, source, fundamental), torch.tensor([[0.0, 2.5]]), atol=1e-4, rtol=0
    )


def test_moved_points_are_as_far_as_they_moved_across_the_line(rng):
    (source, to_source), (target, to_target) = random_poses(rng, 4), random_poses(rng, 4)
    relative = relative_pose(source, to_source, target, to_target)
    cameras = pinhole(4, 800.0, (70.0, 40.0)), pinhole(4, 500.0, (30.0, 90.0))
    points = 60 * torch.randn(4, 6, 3, generator=rng, dtype=DOUBLE)
    target_px = cameras[0].project(transform_points(target, to_target, points))[0]
    source_px = cameras[1].project(transform_points(source, to_source, points))[0]
    fundamental = fundamental_between(*relative, *cameras)
    lines = torch.cat((target_px, torch.ones(4, 6, 1, dtype=DOUBLE)), dim=-1) @ fundamental.mT
    across = torch.nn.functional.normalize(lines[..., :2], dim=-1)
    found = epipolar_distance(target_px, source_px + 3.0 * across, fundamental)
    assert_close(found, torch.full_like(found, 3.0), rtol=1e-4, atol=0)


def test_weak_perspective_views_have_parallel_lines(rng):
    (source, to_source), (target, to_target) = random_poses(rng, 3), random_poses(rng, 3)
    relative = relative_pose(source, to_source, target, to_target)
    scales = torch.rand(2, 3, generator=rng, dtype=DOUBLE) + 0.5
    first, second = (
        WeakPerspectiveCamera(scale, torch.randn(3, 2, generator=rng, dtype=DOUBLE)) for scale in scales
    )
    points = 60 * torch.randn(3, 7, 3, generator=rng, dtype=DOUBLE)
    target_px = first.project(transform_points(target, to_target, points))[0]
    source_px = second.project(transform_points(source, to_source, points))[0]
    fundamental = fundamental_between(*relative, first, second)
    assert epipolar_distance(target_px, source_px, fundamental).max() < 1e-9
    assert epipolar_distance(target_px, source_px + 5, fundamental).min() > 0.1


def test_weak_perspective_is_the_limit_of_distant_pinholes(rng):
    turns = matrix_from_axis_angle(torch.tensor([[0.2, 0.1, 0.3], [-0.1, 0.5, 0.0]], dtype=DOUBLE))
    translation = torch.tensor([[3.0, -2.0, 1e7]], dtype=DOUBLE)
    relative = relative_pose(turns[1:], translation, turns[:1], translation)
    far = fundamental_between(*relative, pinhole(1, 2e7), pinhole(1, 2e7))
    weak = WeakPerspectiveCamera(torch.full((1,), 2.0, dtype=DOUBLE), pinhole(1).principal_px)
    near = affine_fundamental_matrix(*relative, weak, weak)
    target_px, source_px = 200 * torch.rand(2, 1, 9, 2, generator=rng, dtype=DOUBLE)
    found = epipolar_distance(target_px, source_px, far)
    assert_close(found, epipolar_distance(target_px, source_px, near), rtol=1e-3, atol=1e-3)


def test_views_that_constrain_nothing_have_no_error(rng):
    same = torch.eye(3, dtype=DOUBLE)[None], torch.zeros(1, 3, dtype=DOUBLE)
    pixels = 200 * torch.rand(2, 1, 9, 2, generator=rng, dtype=DOUBLE)
    assert not epipolar_distance(*pixels, fundamental_between(*same, pinhole(1), pinhole(1))).any()


def test_cameras_of_two_kinds_are_refused():
    weak = WeakPerspectiveCamera(torch.ones(1, dtype=DOUBLE), torch.zeros(1, 2, dtype=DOUBLE))
    with pytest.raises(ValueError, match="two of one kind, got PerspectiveCamera and WeakPerspectiveCamera"):
        fundamental_between(
            torch.eye(3, dtype=DOUBLE)[None], torch.zeros(1, 3, dtype=DOUBLE), pinhole(1), weak
        )


def test_intrinsics_project(rng):
    camera = pinhole(2, 300.0, (10.0, 20.0))
    points = torch.randn(2, 4, 3, generator=rng, dtype=DOUBLE) + torch.tensor([0.0, 0.0, 50.0], dtype=DOUBLE)
    homogeneous = points @ intrinsic_matrix(camera).mT
    assert_close(homogeneous[..., :2] / homogeneous[..., 2:], camera.project(points)[0])


@pytest.mark.parametrize("form", ["exact", "published"])
def test_gradients(rng, form):
    turn = torch.randn(2, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    translation = torch.randn(2, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    pixels = 200 * torch.rand(2, 2, 4, 2, generator=rng, dtype=DOUBLE)

    def distance(turn, translation):
        pose = matrix_from_axis_angle(turn), translation
        return epipolar_distance(*pixels, fundamental_between(*pose, pinhole(2), pinhole(2), form))

    assert torch.autograd.gradcheck(distance, (turn, translation))


def test_gradients_of_weak_perspective(rng):
    turn = torch.randn(2, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    translation = torch.randn(2, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    scale = (torch.rand(2, generator=rng, dtype=DOUBLE) + 0.5).requires_grad_()
    pixels = 200 * torch.rand(2, 2, 4, 2, generator=rng, dtype=DOUBLE)

    def distance(turn, translation, scale):
        camera = WeakPerspectiveCamera(scale, torch.full((2, 2), 100.0, dtype=DOUBLE))
        pose = matrix_from_axis_angle(turn), translation
        return epipolar_distance(*pixels, fundamental_between(*pose, camera, camera))

    assert torch.autograd.gradcheck(distance, (turn, translation, scale))
