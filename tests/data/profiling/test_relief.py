"""Face profiling: the photo's texture moves where the turned geometry says it does."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.data.profiling.relief import PhotoRelief
from monoface.facemodel import CoefficientLayout
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix

SIZE_PX = 160


@pytest.fixture(scope="module")
def pose(head):
    """A mean face that looks a little aside in the middle of a photo."""
    layout = CoefficientLayout.of(head)
    output = torch.zeros(1, layout.size)
    output[0, -6] = 0.1
    output[0, -3] = -0.25
    return layout.decode(output, SIZE_PX)


@pytest.fixture(scope="module")
def skin_faces(head):
    return head.faces[head.data.regions["face"][head.faces].all(dim=1)]


@pytest.fixture(scope="module")
def verts_camera(head, pose):
    coefficients, _ = pose
    verts = head.shape(coefficients.identity, coefficients.expression)
    return transform_points(coefficients.rotation, coefficients.translation_mm, verts)


def relief_of(image, verts_camera, skin_faces, pose):
    return PhotoRelief(image, verts_camera, skin_faces, pose[1], pose[0])


def view_camera(pose):
    """Camera that shows the turned head's origin where the photo has it."""
    coefficients, camera = pose
    shift = coefficients.translation_mm[:, :2] * camera.scale_px_per_mm[:, None]
    return WeakPerspectiveCamera(camera.scale_px_per_mm, camera.principal_px + shift)


def smooth_photo():
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    return np.stack((x + 40, y + 40, 220 - x // 2 - y // 2), axis=-1).astype(np.uint8)


def dotted_photo(places_px):
    """Soft white dots on black."""
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX] + 0.5
    image = np.zeros((SIZE_PX, SIZE_PX))
    for place_x, place_y in places_px:
        image += 250 * np.exp(-((x - place_x) ** 2 + (y - place_y) ** 2) / (2 * 1.5**2))
    return np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_no_turn_returns_the_photo(verts_camera, skin_faces, pose):
    image = smooth_photo()
    view = relief_of(image, verts_camera, skin_faces, pose).turned(0.0, 0.0, view_camera(pose), SIZE_PX)
    assert view.covered.mean() > 0.98
    difference = np.abs(view.image.astype(int) - image)[view.covered]
    assert difference.max() <= 2
    assert_close(view.rotation, pose[0].rotation)


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(25, 0), (-30, 8), (0, -10)])
def test_texture_moves_with_the_geometry(head, verts_camera, skin_faces, pose, yaw_deg, pitch_deg):
    # Three points on the front, far from each other.
    landmarks = head.landmarks("ibug68")
    basis = head.subset(landmarks)
    coefficients, camera = pose
    points_mm = basis(coefficients.identity, coefficients.expression)[:, [33, 8, 27]]
    before, _ = camera.project(
        transform_points(coefficients.rotation, coefficients.translation_mm, points_mm)
    )
    relief = relief_of(dotted_photo(before[0].tolist()), verts_camera, skin_faces, pose)
    view = relief.turned(math.radians(yaw_deg), math.radians(pitch_deg), view_camera(pose), SIZE_PX)
    after, _ = view.camera.project(transform_points(view.rotation, view.translation_mm, points_mm))
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX] + 0.5
    for place_x, place_y in after[0].tolist():
        near = view.image[..., 0] * (np.hypot(x - place_x, y - place_y) < 7)
        found = (near * x).sum() / near.sum(), (near * y).sum() / near.sum()
        assert math.dist(found, (place_x, place_y)) < 1.5
    assert (after - before).norm(dim=-1).max() > 3


def test_angles_add_up(verts_camera, skin_faces, pose):
    relief = relief_of(smooth_photo(), verts_camera, skin_faces, pose)
    turned = relief.turned_rotation(0.5, 0.0)
    yaw, _, _ = head_angles_from_matrix(camera_to_head(turned))
    assert float(yaw) == pytest.approx(relief.yaw_rad + 0.5, abs=1e-4)
    assert_close(turned @ turned.mT, torch.eye(3)[None], rtol=0, atol=1e-5)


def test_positive_pitch_lifts_the_nose(verts_camera, skin_faces, pose):
    relief = relief_of(smooth_photo(), verts_camera, skin_faces, pose)
    nose = torch.tensor([0.0, 0.0, 1.0])
    before, after = relief.turned_rotation(0, 0)[0] @ nose, relief.turned_rotation(0, 0.3)[0] @ nose
    assert after[1] < before[1]
