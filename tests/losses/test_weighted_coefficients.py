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
    return PointBasis(*linear, torch.tensor((1, 3)), offsets)


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
