"""One identity in several photos, on the synthetic head."""

import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.facemodel.shared_fitting import SharedFitConfig, fit_shared_identity

SIZE_PX = 120
LAYOUT = CoefficientLayout(4, 13)


@pytest.fixture(scope="module")
def basis():
    from synthetic_head import synthetic_head

    return synthetic_head().subset(synthetic_head().landmarks("ibug68"))


@pytest.fixture(scope="module")
def truth():
    """Three photos of one person: turned, and with different expressions."""
    rng = torch.Generator().manual_seed(1)
    outputs = torch.zeros(3, LAYOUT.size)
    outputs[:, :4] = 0.8 * torch.randn(4, generator=rng)
    outputs[:, 6] = torch.tensor([0.0, 0.6, 0.3])
    outputs[:, 17:] = 0.25 * torch.randn(3, 9, generator=rng)
    return outputs


@pytest.fixture(scope="module")
def points(basis, truth):
    return project_points(basis, *LAYOUT.decode(truth, SIZE_PX))


@pytest.fixture(scope="module")
def start(truth):
    """The truth, but for an identity that is wrong in another way in each photo."""
    rng = torch.Generator().manual_seed(2)
    guess = truth.clone()
    guess[:, :4] += 0.5 * torch.randn(3, 4, generator=rng)
    return guess


def fit(basis, start, points, weights=None, **config):
    weights = torch.full((len(start), 68), 1 / 68) if weights is None else weights
    identity = start[:, :4].mean(dim=0)
    return fit_shared_identity(basis, start, identity, points, weights, SIZE_PX, SharedFitConfig(**config))


def test_landmarks_of_all_photos_correct_the_identity(basis, start, points, truth):
    found = fit(basis, start, points, identity_weight=1e-3, steps=150)
    assert torch.equal(found[:, :4], found[:1, :4].expand(3, -1))
    before = (start[:, :4].mean(dim=0) - truth[0, :4]).norm()
    assert (found[0, :4] - truth[0, :4]).norm() < 0.3 * before
    away_px = project_points(basis, *LAYOUT.decode(found, SIZE_PX)) - points
    assert away_px.norm(dim=-1).mean() < 0.3


def test_order_of_the_photos_does_not_matter(basis, start, points):
    order = torch.tensor([2, 0, 1])
    assert_close(fit(basis, start[order], points[order]), fit(basis, start, points)[order], atol=1e-3, rtol=0)


def test_unknown_landmarks_leave_the_guesses(basis, start, points):
    found = fit(basis, start, torch.full_like(points, float("nan")))
    assert_close(found[:, :4], start[:, :4].mean(dim=0).expand(3, -1), atol=1e-5, rtol=0)
    assert_close(found[:, 4:], start[:, 4:], atol=1e-5, rtol=0)


def test_landmarks_without_weight_pull_nothing(basis, start, points):
    weights = torch.full((3, 68), 1 / 68)
    weights[1, 5:] = 0
    moved = points.clone()
    moved[1, 5:] += 40
    given = (points, moved)
    first, second = (fit(basis, start, one, weights) for one in given)
    assert_close(first, second)
