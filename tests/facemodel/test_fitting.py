"""Fitting the face model to landmarks."""

import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import CorrectionConfig, correct_fit, fit_landmarks, project_points
from monoface.geometry.rotations import angle_between

SIZE_PX = 120


@pytest.fixture(scope="module")
def basis(request):
    from synthetic_head import synthetic_head

    return synthetic_head().subset(synthetic_head().landmarks("ibug68"))


@pytest.fixture(scope="module")
def truth(basis):
    rng = torch.Generator().manual_seed(1)
    layout = CoefficientLayout(4, 13)
    outputs = torch.zeros(3, layout.size)
    outputs[:, :4] = 0.7 * torch.randn(3, 4, generator=rng)
    outputs[:, 6] = torch.tensor([0.0, 0.6, 0.3])
    outputs[:, 17:] = 0.25 * torch.randn(3, 9, generator=rng)
    return layout.decode(outputs, SIZE_PX)


@pytest.fixture(scope="module")
def points(basis, truth):
    return project_points(basis, *truth)


@pytest.fixture(scope="module")
def fit(basis, points):
    return fit_landmarks(basis, points, torch.ones(3, 68), SIZE_PX)


def test_exact_landmarks_are_reached(fit, points, basis):
    assert (fit.error_percent < 0.5).all()
    found = project_points(basis, fit.coefficients, fit.camera)
    assert (found - points).norm(dim=-1).mean() < 0.5


def test_pose_is_recovered(fit, truth):
    coefficients, camera = truth
    assert (angle_between(fit.coefficients.rotation, coefficients.rotation) < 0.06).all()
    assert_close(fit.camera.scale_px_per_mm, camera.scale_px_per_mm, rtol=0.03, atol=0)


def test_an_open_mouth_is_recovered(fit, truth):
    assert_close(fit.coefficients.expression[:, 2], truth[0].expression[:, 2], rtol=0, atol=0.15)


def test_the_output_is_what_decodes_to_the_fit(fit):
    coefficients, camera = CoefficientLayout(4, 13).decode(fit.output, SIZE_PX)
    assert_close(coefficients.rotation, fit.coefficients.rotation)
    assert_close(camera.scale_px_per_mm, fit.camera.scale_px_per_mm)


def test_missing_landmarks_are_ignored(basis, points, fit):
    holes = points.clone()
    holes[:, ::5] = torch.nan
    found = fit_landmarks(basis, holes, torch.ones(3, 68), SIZE_PX)
    assert (found.error_percent < 0.5).all()
    assert (angle_between(found.coefficients.rotation, fit.coefficients.rotation) < 0.05).all()


def test_a_single_wrong_landmark_pulls_little(basis, points, fit):
    wrong = points.clone()
    wrong[:, 30] += 40.0
    found = fit_landmarks(basis, wrong, torch.ones(3, 68), SIZE_PX)
    assert (angle_between(found.coefficients.rotation, fit.coefficients.rotation) < 0.1).all()


def test_too_few_landmarks_give_an_infinite_error_and_finite_numbers(basis, points):
    weights = torch.ones(3, 68)
    weights[0, 3:] = 0
    weights[1] = 0
    found = fit_landmarks(basis, points, weights, SIZE_PX)
    assert found.error_percent[:2].isinf().all()
    assert found.error_percent[2] < 0.5
    assert found.output.isfinite().all()


def test_each_photo_is_fitted_on_its_own(basis, points, fit):
    alone = fit_landmarks(basis, points[1:2], torch.ones(1, 68), SIZE_PX)
    assert_close(alone.output[0], fit.output[1], rtol=0, atol=1e-2)


def test_double_precision_is_kept(head, points):
    basis = head.subset(head.landmarks("ibug68")).double()
    found = fit_landmarks(basis, points.double(), torch.ones(3, 68, dtype=torch.float64), SIZE_PX)
    assert found.output.dtype == torch.float64


def test_a_guess_is_drawn_towards_landmarks(basis, truth, points):
    layout = CoefficientLayout(4, 13)
    guess = layout.encode(*truth, SIZE_PX) + 0.1
    near = points + 0.2
    before = (project_points(basis, *layout.decode(guess, SIZE_PX)) - near).norm(dim=-1).mean()
    config = CorrectionConfig(pose_weight=10.0)
    fit = correct_fit(basis, guess, near, torch.full((3, 68), 1 / 68), SIZE_PX, config)
    after = (project_points(basis, fit.coefficients, fit.camera) - near).norm(dim=-1).mean()
    assert after < 0.35 * before
    assert torch.equal(layout.decode(fit.output, SIZE_PX)[0].rotation, fit.coefficients.rotation)


def test_landmarks_of_little_weight_change_a_guess_little(basis, truth, points):
    guess = CoefficientLayout(4, 13).encode(*truth, SIZE_PX)
    moves = [
        (correct_fit(basis, guess, points + 4, torch.full((3, 68), weight), SIZE_PX).output - guess).norm()
        for weight in (1e-4, 1e-2)
    ]
    assert moves[0] < 0.1 * moves[1]


def test_a_guess_without_landmarks_stays(basis, truth, points):
    guess = CoefficientLayout(4, 13).encode(*truth, SIZE_PX)
    fit = correct_fit(basis, guess, torch.full_like(points, torch.nan), torch.ones(3, 68), SIZE_PX)
    assert_close(fit.output, guess)
    assert fit.error_percent.isinf().all()
