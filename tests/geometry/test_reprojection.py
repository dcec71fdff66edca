"""Reprojection of what a picture shows, and sampling between pixels."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.reprojection import reproject, sample_bilinear, sample_clamped
from monoface.geometry.rotations import matrix_from_axis_angle

DOUBLE = torch.float64
SIZE = (5, 7)
KINDS = {"pinhole": PerspectiveCamera, "weak": WeakPerspectiveCamera}


def camera(kind, batch=2, zoom=1.0):
    """Cameras whose pixels are about a millimetre wide at a distance of 400 mm."""
    scale = 400.0 if kind == "pinhole" else 1.0
    principal = torch.tensor([3.0, 2.5], dtype=DOUBLE).expand(batch, 2)
    return KINDS[kind](torch.full((batch,), zoom * scale, dtype=DOUBLE), principal)


def pose(rng, batch=2):
    turn = matrix_from_axis_angle(0.3 * torch.randn(batch, 3, generator=rng, dtype=DOUBLE))
    return turn, torch.randn(batch, 3, generator=rng, dtype=DOUBLE)


def surface_point(kind, depth):
    """The point of the camera frame that the pixel in row 1 and column 4 shows: centre (4.5, 1.5)."""
    x, y = 4.5 - 3.0, 1.5 - 2.5
    return torch.tensor([x, y, 400.0]) * depth / 400 if kind == "pinhole" else torch.tensor([x, y, depth])


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_agrees_with_projecting_the_point(rng, target, source):
    depth = 400 + 20 * torch.randn(2, *SIZE, generator=rng, dtype=DOUBLE)
    turn, translation = pose(rng)
    pixels, depth_source = reproject(depth, camera(target), camera(source, zoom=1.3), turn, translation)
    points = torch.stack([surface_point(target, float(one[1, 4])) for one in depth]).double()[:, None]
    moved = transform_points(turn, translation, points)
    expected_px, expected_mm = camera(source, zoom=1.3).project(moved)
    assert_close(pixels[:, 1, 4], expected_px[:, 0], rtol=1e-6, atol=1e-6)
    assert_close(depth_source[:, 1, 4], expected_mm[:, 0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_view_shows_its_own_pixels(kind):
    depth = torch.full((1, *SIZE), 400.0, dtype=DOUBLE)
    same = torch.eye(3, dtype=DOUBLE)[None], torch.zeros(1, 3, dtype=DOUBLE)
    pixels, depth_source = reproject(depth, camera(kind, 1), camera(kind, 1), *same)
    assert_close(pixels[0, 2, 6], torch.tensor([6.5, 2.5], dtype=DOUBLE))
    assert_close(pixels[0, 0, 0], torch.tensor([0.5, 0.5], dtype=DOUBLE))
    assert_close(depth_source, depth)


def test_background_and_points_behind_the_camera_are_finite():
    depth = torch.zeros(1, *SIZE, dtype=DOUBLE)
    behind = torch.eye(3, dtype=DOUBLE)[None], torch.tensor([[0.0, 0.0, -50.0]], dtype=DOUBLE)
    pixels, _ = reproject(depth, camera("pinhole", 1), camera("pinhole", 1), *behind)
    assert pixels.isfinite().all()


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_gradients_of_reprojection(rng, target, source):
    depth = (400 + torch.randn(1, 2, 3, generator=rng, dtype=DOUBLE)).requires_grad_()
    turn, translation = (part.requires_grad_() for part in pose(rng, 1))
    scale = camera(target, 1)
    assert torch.autograd.gradcheck(
        lambda *arguments: reproject(arguments[0], scale, camera(source, 1), *arguments[1:]),
        (depth, turn, translation),
    )


def test_sampling_by_hand():
    image = torch.tensor([[[[0.0, 10.0, 20.0], [4.0, 8.0, 2.0]]]])
    places = torch.tensor([[[[0.5, 0.5], [1.0, 0.5], [1.5, 1.0], [2.25, 1.25]]]])
    values, inside = sample_bilinear(image, places)
    lower = 8 + 0.75 * (2 - 8)
    upper = 10 + 0.75 * (20 - 10)
    assert_close(values[0, 0, 0], torch.tensor([0.0, 5.0, 9.0, upper + 0.75 * (lower - upper)]))
    assert inside.all()


def test_places_beyond_the_outer_centres_are_outside():
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    places = torch.tensor([[[[0.4, 1.0], [2.6, 1.0], [1.0, 0.4], [1.0, 1.6], [-3.0, 1.0], [2.5, 1.5]]]])
    values, inside = sample_bilinear(image, places)
    assert inside[0, 0].tolist() == [False] * 5 + [True]
    # Outside, the nearest place that is inside.
    assert_close(values[0, 0, 0], torch.tensor([1.5, 3.5, 0.5, 3.5, 1.5, 5.0]))


def test_sampling_agrees_with_a_naive_loop(rng):
    image = torch.randn(2, 3, 6, 5, generator=rng, dtype=DOUBLE)
    places = torch.rand(2, 4, 3, 2, generator=rng, dtype=DOUBLE) * torch.tensor([4.0, 5.0]) + 0.5
    values, inside = sample_bilinear(image, places)
    assert inside.all()
    for b, row, column in ((0, 0, 0), (0, 3, 1), (1, 2, 2), (1, 1, 0)):
        x, y = (places[b, row, column] - 0.5).tolist()
        u, v = int(x), int(y)
        x, y = x - u, y - v
        expected = (1 - y) * ((1 - x) * image[b, :, v, u] + x * image[b, :, v, u + 1])
        expected += y * ((1 - x) * image[b, :, v + 1, u] + x * image[b, :, v + 1, u + 1])
        assert_close(values[b, :, row, column], expected)
    assert_close(sample_clamped(image, places)[0], values)


def test_published_weights_cancel_outside_up_to_rounding(rng):
    """Weights of clamped corners have both signs there: their sum is no exact mask."""
    image = torch.rand(1, 1, 224, 224, generator=rng)
    y = 1 + 222 * torch.rand(500, generator=rng)
    beside = torch.stack((torch.full_like(y, 40_000.3), y), dim=-1)[None, None]
    values, validity = sample_clamped(image, beside)
    assert 1e-4 < values.abs().max() < 0.1
    assert 1e-4 < validity.abs().max() < 0.1
    assert not sample_bilinear(image, beside)[1].any()


def test_published_validity_lacks_the_last_centre():
    corners = torch.tensor([[[[0.5, 0.5], [223.5, 100.0], [100.0, 223.5]]]])
    values, validity = sample_clamped(torch.ones(1, 1, 224, 224), corners)
    assert validity[0, 0].tolist() == values[0, 0, 0].tolist() == [1.0, 0.0, 0.0]
    assert sample_bilinear(torch.ones(1, 1, 224, 224), corners)[1].all()


@pytest.mark.parametrize("sample", [sample_bilinear, sample_clamped])
def test_gradients_of_sampling(rng, sample):
    image = torch.randn(1, 2, 4, 5, generator=rng, dtype=DOUBLE, requires_grad=True)
    # Off the pixels' centres, where the slope jumps.
    steps = torch.randint(0, 3, (1, 2, 3, 2), generator=rng)
    places = (steps + 0.6 + 0.8 * torch.rand(1, 2, 3, 2, generator=rng, dtype=DOUBLE)).requires_grad_()
    assert torch.autograd.gradcheck(lambda *arguments: sample(*arguments)[0], (image, places))
