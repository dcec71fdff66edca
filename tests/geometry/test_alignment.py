"""Best similarities: known ones are recovered, nothing is ever mirrored, degenerate points stay finite."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.alignment import Similarity, fit_similarity
from monoface.geometry.rotations import matrix_from_axis_angle


@pytest.fixture
def source(rng):
    return torch.randn(4, 9, 3, generator=rng, dtype=torch.float64)


@pytest.fixture
def moved(rng, source):
    rotation = matrix_from_axis_angle(2 * torch.randn(4, 3, generator=rng, dtype=torch.float64))
    scale = torch.tensor([0.2, 1.0, 3.0, 50.0], dtype=torch.float64)
    return Similarity(scale, rotation, torch.randn(4, 3, generator=rng, dtype=torch.float64))


def test_applying_by_hand():
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    similarity = Similarity(torch.tensor([2.0]), quarter, torch.tensor([[0.0, 0, 5]]))
    assert_close(similarity.apply(torch.tensor([[[1.0, 0, 0]]])), torch.tensor([[[0.0, 2, 5]]]))


def test_a_similarity_is_recovered(source, moved):
    found = fit_similarity(source, moved.apply(source))
    assert_close(found.scale, moved.scale)
    assert_close(found.rotation, moved.rotation)
    assert_close(found.translation, moved.translation)


def test_weights_leave_wrong_points_out(source, moved):
    target = moved.apply(source)
    target[:, 0] += 1000
    weights = torch.ones_like(source[..., 0])
    weights[:, 0] = 0
    assert_close(fit_similarity(source, target, weights).rotation, moved.rotation)


def test_without_scale_the_map_is_rigid(source, moved):
    found = fit_similarity(source, moved.apply(source), with_scale=False)
    assert_close(found.scale, torch.ones(4, dtype=torch.float64))
    assert_close(found.rotation, moved.rotation)


def test_mirrored_points_are_not_mirrored_back(source):
    found = fit_similarity(source, source * torch.tensor([-1.0, 1.0, 1.0]))
    assert_close(torch.linalg.det(found.rotation), torch.ones(4, dtype=torch.float64))


def test_no_other_similarity_is_nearer(source, rng):
    target = torch.randn(4, 9, 3, generator=rng, dtype=torch.float64)
    found = fit_similarity(source, target)
    least = (found.apply(source) - target).square().sum(dim=(1, 2))
    for _ in range(20):
        nudge = matrix_from_axis_angle(0.05 * torch.randn(4, 3, generator=rng, dtype=torch.float64))
        scale = found.scale * (1 + 0.05 * torch.randn(4, generator=rng, dtype=torch.float64))
        other = Similarity(scale, nudge @ found.rotation, found.translation)
        assert ((other.apply(source) - target).square().sum(dim=(1, 2)) >= least).all()


@pytest.mark.parametrize("with_scale", [True, False])
@pytest.mark.parametrize("case", ["single place", "collinear", "no weight"])
def test_degenerate_points_stay_finite(source, case, with_scale):
    weights = torch.ones_like(source[..., 0])
    if case == "single place":
        source = source[:, :1].expand(-1, 9, -1)
    elif case == "collinear":
        source = source[:, :1] * torch.arange(9.0)[None, :, None]
    else:
        weights = torch.zeros_like(weights)
    found = fit_similarity(source, source + 3, weights, with_scale=with_scale)
    assert found.translation.isfinite().all()
    assert_close(torch.linalg.det(found.rotation), torch.ones(4, dtype=torch.float64))
    if case != "collinear":
        assert_close(
            found.scale, torch.full((4,), 0.0 if with_scale else 1.0, dtype=torch.float64), rtol=0, atol=1e-9
        )


def test_gradients(source, moved):
    target = moved.apply(source)[:1, :5] + 0.1 * source[:1, 4:]

    def scale_and_rotation(points):
        found = fit_similarity(points, target)
        return found.scale, found.rotation, found.translation

    assert torch.autograd.gradcheck(scale_and_rotation, (source[:1, :5].clone().requires_grad_(),))
