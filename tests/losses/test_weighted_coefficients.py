"""Weights of coefficients: against decoding each replacement, and against 3DDFA's formulas."""

import pytest
import torch
from synthetic_head import synthetic_head
from torch.testing import assert_close

from monoface.facemodel import CoefficientLayout, PointBasis
from monoface.geometry.cameras import transform_points
from monoface.losses.weighted_coefficients import (
    movement,
    output_displacements,
    second_moments,
    weighted_squares,
)

SIZE = 120


@pytest.fixture(scope="module", params=["linear", "corrected"])
def basis(request):
    head = synthetic_head()
    points = head.subset(head.landmarks("ibug68")).double()
    if request.param == "linear":
        return points
    generator = torch.Generator().manual_seed(4)
    offsets = torch.randn(2, head.identity_size, 68, 3, generator=generator, dtype=torch.float64)
    linear = (points.mean_mm, points.identity_mm, points.expression_mm)
    return PointBasis(*linear, torch.tensor((1, 3)), offsets, bounded=True)


@pytest.fixture
def outputs(rng):
    """Predicted and true output vectors of five faces in any pose; predicted expressions leave [0, 1]."""
    layout = CoefficientLayout.of(synthetic_head())
    predicted, true = torch.randn(2, 5, layout.size, generator=rng, dtype=torch.float64)
    bounded = slice(layout.identity, layout.identity + layout.expression)
    true[:, bounded] = torch.rand(5, layout.expression, generator=rng, dtype=torch.float64)
    predicted[:, -3:] *= 0.3
    true[:, -3:] *= 0.3
    return layout, predicted, true


def posed_points(layout, basis, output):
    """Posed points in the scale of the picture, by the decoder and the camera."""
    coefficients, camera = layout.decode(output, SIZE)
    shape = basis(coefficients.identity, coefficients.expression)
    moved = transform_points(coefficients.rotation, coefficients.translation_mm, shape)
    plane, depth = camera.project(moved)
    depth = (depth - coefficients.translation_mm[:, None, 2]) * camera.scale_px_per_mm[:, None]
    return torch.cat((plane, depth[..., None]), dim=-1)


@pytest.mark.parametrize("depth", [True, False])
def test_they_are_what_replacing_each_entry_moves(basis, outputs, depth):
    layout, predicted, true = outputs
    expected = torch.zeros_like(true)
    dims = 3 if depth else 2
    known = posed_points(layout, basis, true)[..., :dims]
    for entry in range(layout.size):
        replaced = true.clone()
        replaced[:, entry] = predicted[:, entry]
        moved = posed_points(layout, basis, replaced)[..., :dims] - known
        expected[:, entry] = moved.square().sum(dim=(-1, -2)).sqrt()
    found = output_displacements(layout, basis, predicted, true, SIZE, depth=depth)
    assert_close(found, expected, rtol=1e-9, atol=1e-7)


def test_equal_outputs_move_nothing(basis, outputs):
    layout, predicted, _ = outputs
    assert not output_displacements(layout, basis, predicted, predicted, SIZE).any()


def test_unbounded_expressions_are_not_clamped(basis, outputs):
    layout, predicted, true = outputs
    free = CoefficientLayout(layout.identity, layout.expression, bounded=False)
    entry = layout.identity + 2
    true[:, entry], predicted[:, entry] = 1.0, 3.0
    found = output_displacements(free, basis, predicted, true, SIZE)[:, entry]
    scale = free.decode(true, SIZE)[1].scale_px_per_mm
    assert_close(found, 2 * scale * basis.expression_mm[2].square().sum().sqrt())
    assert not output_displacements(layout, basis, predicted, true, SIZE)[:, entry].any()


def test_movement_by_hand():
    points = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    change = torch.tensor([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert_close(movement(change, second_moments(points)), torch.tensor(13.0).sqrt())


def wpdc_by_3ddfa(predicted, true, mean, modes, std):
    """The weights and the loss as the formulas of 3DDFA's code say, entry by entry, for one face.

    Rows of the pose by the norms of the points' x, y and z, offsets by the root of their number, the depth's
    offset not at all, modes by their norm times 5.7339936e-4; 1e-6 added; divided by the largest.
    """
    points = mean + torch.einsum("k,knc->nc", true[12:], modes)
    difference = (predicted - true).abs()
    weights = torch.zeros_like(true)
    for axis in range(3):
        norm = points[:, axis].norm()
        for row in range(3):
            weights[4 * row + axis] = difference[4 * row + axis] * norm
    for place in (3, 7):
        weights[place] = difference[place] * len(points) ** 0.5
    for mode in range(len(modes)):
        weights[12 + mode] = 0.00057339936 * difference[12 + mode] * modes[mode].norm()
    weights = (weights + 1e-6) / (weights + 1e-6).max()
    return weights, (weights * ((predicted - true) / std).square()).mean()


def affine_displacements(difference, points, modes, mode_scale):
    """Movements by 3DDFA's and 2DASL's coefficients: a 3 x 4 affine pose by rows, then the modes."""
    pose, coefficients = difference[:, :12].unflatten(-1, (3, 4)), difference[:, 12:]
    lengths = points.square().sum(dim=-2).sqrt()
    by_axis = pose[..., :3].abs() * lengths[:, None]
    by_shift = pose[..., 3:].abs() * points.shape[-2] ** 0.5
    by_shift = torch.cat((by_shift[:, :2], torch.zeros_like(by_shift[:, 2:])), dim=1)
    by_mode = coefficients.abs() * (mode_scale * modes.square().sum(dim=(-1, -2)).sqrt())
    return torch.cat((torch.cat((by_axis, by_shift), dim=-1).flatten(1), by_mode), dim=-1)


def test_an_affine_pose_has_the_weights_of_3ddfa(rng):
    """62 numbers: a 3 x 4 pose, 40 and 10 modes; 200 points in micrometres, whitened differences."""
    draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)  # noqa: E731
    mean, modes = 1e5 * draw(200, 3), 1e3 * draw(50, 200, 3)
    true, predicted = draw(3, 62), draw(3, 62)
    scales = torch.cat((torch.tensor([5e-4, 5e-4, 5e-4, 60.0]).repeat(3), torch.ones(50))).double()
    true, predicted, std = true * scales, predicted * scales, scales * 1.7
    points = mean + torch.einsum("bk,knc->bnc", true[:, 12:], modes)
    moved = affine_displacements(predicted - true, points, modes, 0.00057339936)
    loss = weighted_squares(predicted / std, true / std, moved)
    for row in range(3):
        weights, expected = wpdc_by_3ddfa(predicted[row], true[row], mean, modes, std)
        assert_close((moved[row] + 1e-6) / (moved[row] + 1e-6).max(), weights)
        assert_close(loss[row], expected)


def test_the_normaliser_is_the_largest_weight_or_their_sum():
    predicted, true = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    moved = torch.tensor([[1.0, 3.0]])
    assert_close(weighted_squares(predicted, true, moved), torch.tensor([(1 / 3 + 4) / 2]), rtol=1e-5, atol=0)
    assert_close(weighted_squares(predicted, true, moved, "sum"), torch.tensor([13 / 8]), rtol=1e-5, atol=0)


def test_only_the_prediction_gets_a_gradient(basis, outputs):
    layout, predicted, true = outputs
    predicted.requires_grad_()
    moved = output_displacements(layout, basis, predicted, true, SIZE)
    weighted_squares(predicted, true, moved).sum().backward()
    weights = (moved + 1e-6) / (moved + 1e-6).amax(dim=-1, keepdim=True)
    assert_close(predicted.grad, (2 * weights * (predicted - true) / layout.size).detach())


def test_equal_coefficients_give_zero():
    same = torch.ones(2, 4)
    assert not weighted_squares(same, same, torch.zeros(2, 4)).any()
