"""Similarities of the plane and pictures resampled under them."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.alignment import fit_similarity
from monoface.geometry.planar import PlanarSimilarity, fit_planar_similarity, warp_image


def similarity(scale, angle, offset, batch=1):
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    linear = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)
    return PlanarSimilarity(
        linear.expand(batch, 2, 2), torch.tensor(offset, dtype=torch.float64).expand(batch, 2)
    )


def bilinear(picture, x, y):
    """The definition, one place at a time; the border repeats."""
    height, width = picture.shape
    column, row = x - 0.5, y - 0.5
    left, top = math.floor(column), math.floor(row)
    value = 0.0
    for i in (left, left + 1):
        for j in (top, top + 1):
            weight = (1 - abs(column - i)) * (1 - abs(row - j))
            value += weight * picture[min(max(j, 0), height - 1), min(max(i, 0), width - 1)]
    return value


def test_a_similarity_by_hand():
    # A quarter turn from x to y, doubled, then moved.
    moved = similarity(2.0, math.pi / 2, (1.0, 10.0)).apply(torch.tensor([[[3.0, 0.0]]], dtype=torch.float64))
    assert_close(moved, torch.tensor([[[1.0, 16.0]]], dtype=torch.float64))


def test_points_moved_by_a_similarity_give_it_back(rng):
    true = similarity(0.7, 1.1, (-3.0, 4.0), batch=3)
    points = torch.randn(3, 5, 2, generator=rng, dtype=torch.float64)
    found = fit_planar_similarity(points, true.apply(points))
    assert_close(found.linear, true.linear)
    assert_close(found.offset, true.offset)
    back = found.inverse().apply(true.apply(points))
    assert_close(back, points)


def test_agrees_with_the_fit_in_space(rng):
    # Points in a plane of space, nearly corresponding: the best turn is one about that plane's normal.
    source = torch.randn(4, 6, 2, generator=rng, dtype=torch.float64)
    target = similarity(1.6, -0.4, (2.0, 1.0), batch=4).apply(source)
    target = target + 0.1 * torch.randn(4, 6, 2, generator=rng, dtype=torch.float64)
    flat = torch.zeros(4, 6, 1, dtype=torch.float64)
    spatial = fit_similarity(torch.cat((source, flat), dim=-1), torch.cat((target, flat), dim=-1))
    planar = fit_planar_similarity(source, target)
    assert_close(planar.linear, spatial.scale[:, None, None] * spatial.rotation[:, :2, :2])
    assert_close(planar.offset, spatial.translation[:, :2])


def test_one_place_gives_a_mere_shift_with_finite_gradients():
    source = torch.full((1, 5, 2), 3.0, dtype=torch.float64, requires_grad=True)
    found = fit_planar_similarity(source, torch.full((1, 5, 2), 7.0, dtype=torch.float64))
    assert_close(found.linear[0], torch.eye(2, dtype=torch.float64))
    assert_close(found.offset, torch.full((1, 2), 4.0, dtype=torch.float64))
    found.inverse().offset.sum().backward()
    assert source.grad.isfinite().all()


def test_the_way_back_from_a_single_place_is_finite():
    gone = PlanarSimilarity(torch.zeros(1, 2, 2), torch.ones(1, 2)).inverse()
    assert_close(gone.linear[0], torch.eye(2))
    assert_close(gone.offset, -torch.ones(1, 2))


def test_the_identity_cuts_out_the_corner(rng):
    image = torch.rand(2, 3, 9, 13, generator=rng, dtype=torch.float64)
    assert_close(
        warp_image(image, similarity(1.0, 0.0, (0.0, 0.0), batch=2), 8, samples=1), image[..., :8, :8]
    )


@pytest.mark.parametrize("samples", [1, 3])
def test_agrees_with_the_definition(rng, samples):
    image = torch.rand(1, 1, 7, 11, generator=rng, dtype=torch.float64)
    target_from_image = similarity(0.8, 0.5, (1.5, -2.0))
    size = 6
    steps = (np.arange(size * samples) + 0.5) / samples
    linear = target_from_image.linear[0].numpy()
    fine = np.empty((size * samples, size * samples))
    for row, y in enumerate(steps):
        for column, x in enumerate(steps):
            place = np.linalg.solve(linear, np.array([x, y]) - target_from_image.offset[0].numpy())
            fine[row, column] = bilinear(image[0, 0].numpy(), *place)
    expected = fine.reshape(size, samples, size, samples).mean(axis=(1, 3))
    found = warp_image(image, target_from_image, size, samples=samples)[0, 0]
    assert_close(found, torch.from_numpy(expected))


def test_gradients(rng):
    image = torch.rand(1, 2, 5, 6, generator=rng, dtype=torch.float64, requires_grad=True)
    points = 4 * torch.rand(1, 4, 2, generator=rng, dtype=torch.float64)
    target = (0.6 * points + 0.3).detach()
    points.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda image, points: warp_image(image, fit_planar_similarity(points, target), 3, samples=1),
        (image, points),
    )
