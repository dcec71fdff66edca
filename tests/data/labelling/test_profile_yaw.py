"""The yaw of faces fitted to the visible half of a profile."""

import pytest
import torch
from torch.testing import assert_close

from monoface.data.labelling.profile_yaw import turn_profiles_further
from monoface.facemodel import CoefficientLayout, FaceCoefficients
from monoface.facemodel.fitting import LandmarkFit, project_points
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.rotations import (
    camera_to_head,
    head_angles_from_matrix,
    head_matrix_from_angles,
    head_to_camera,
)

SIZE_PX = 120


def posed(head, yaw_deg):
    yaw = torch.deg2rad(torch.tensor(yaw_deg))
    batch = len(yaw)
    coefficients = FaceCoefficients(
        identity=torch.zeros(batch, head.identity_size),
        expression=torch.zeros(batch, head.expression_size),
        albedo=torch.zeros(batch, 0),
        rotation=head_to_camera(
            head_matrix_from_angles(yaw, 0.1 * torch.ones(batch), 0.2 * torch.ones(batch))
        ),
        translation_mm=torch.tensor([[5.0, -8.0, 1000.0]]).repeat(batch, 1),
        light=torch.zeros(batch, 9, 3),
    )
    camera = WeakPerspectiveCamera(torch.full((batch,), 0.6), torch.full((batch, 2), SIZE_PX / 2))
    layout = CoefficientLayout.of(head)
    output = layout.encode(coefficients, camera, SIZE_PX)
    return LandmarkFit(coefficients, camera, output, torch.ones(batch), layout)


def yaw_deg_of(fit):
    return torch.rad2deg(head_angles_from_matrix(camera_to_head(fit.coefficients.rotation))[0])


def turned(head, yaw_deg, extra_deg=4.0, hidden=()):
    fit = posed(head, yaw_deg)
    basis = head.subset(head.landmarks("aflw21"))
    points_px = project_points(basis, fit.coefficients, fit.camera)
    points_px[:, list(hidden)] = torch.nan
    return fit, points_px, basis, turn_profiles_further(fit, basis, points_px, extra_deg, SIZE_PX)


def test_only_faces_that_look_aside_are_turned(head):
    yaw_deg = [0.0, 30.0, -42.5, 60.0, -60.0, 84.0]
    *_, result = turned(head, yaw_deg)
    # The turn is about the head's own axis, which pitch and roll tilt a little.
    assert_close(
        yaw_deg_of(result),
        torch.tensor([0.0, 30.0, -44.5, 64.0, -64.0, 88.0]),
        atol=1.0,
        rtol=0,
    )


def test_no_extra_turn_returns_the_fit(head):
    fit, _, _, result = turned(head, [50.0, -70.0], extra_deg=0.0, hidden=(3, 4, 5))
    assert_close(result.output, fit.output, atol=1e-4, rtol=1e-4)


def test_the_visible_points_stay_in_place_on_average(head):
    _, points_px, basis, result = turned(head, [55.0, -65.0], hidden=(0, 1, 2, 6, 7, 8))
    moved = project_points(basis, result.coefficients, result.camera)
    seen = points_px.isfinite().all(dim=-1)
    difference = torch.where(seen[..., None], moved - points_px, 0.0)
    assert_close(difference.sum(dim=1), torch.zeros(2, 2), atol=1e-3, rtol=0)
    assert difference.norm(dim=-1).max() < 4.0


@pytest.mark.parametrize("yaw_deg", [48.0, -75.0])
def test_the_output_decodes_to_the_turned_pose(head, yaw_deg):
    *_, result = turned(head, [yaw_deg])
    coefficients, camera = CoefficientLayout.of(head).decode(result.output, SIZE_PX)
    assert_close(coefficients.rotation, result.coefficients.rotation, atol=1e-5, rtol=1e-5)
    assert_close(camera.scale_px_per_mm, result.camera.scale_px_per_mm)
