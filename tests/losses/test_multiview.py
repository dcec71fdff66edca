"""Terms of several views, and what the published ones do otherwise."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.epipolar import fundamental_between
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.losses.multiview import (
    depth_consistency,
    epipolar_consistency,
    gate_samples,
    pixel_consistency,
    published_depth_consistency,
    ssim_consistency,
)

DOUBLE = torch.float64
SIZE = (6, 7)


def pictures(rng, batch=2):
    return torch.rand(2, batch, 3, *SIZE, generator=rng, dtype=DOUBLE)


def some_mask(rng, batch=2):
    return torch.rand(batch, *SIZE, generator=rng) > 0.3


def test_pixels_agree_whatever_the_exposure(rng):
    target = pictures(rng)[0]
    gain = torch.tensor([0.6, 1.1, 1.5], dtype=DOUBLE)[:, None, None]
    mask = some_mask(rng)
    assert pixel_consistency(gain * target, target, mask).min() > 0.05
    matched = pixel_consistency(gain * target, target, mask, match_gain=True)
    assert_close(matched, torch.zeros(2, dtype=DOUBLE), atol=1e-12, rtol=0)


def test_gain_of_a_black_picture_is_left_alone():
    black = torch.zeros(1, 3, *SIZE, dtype=DOUBLE)
    distance = pixel_consistency(black, black + 1, torch.ones(1, *SIZE), match_gain=True)
    assert_close(distance, torch.full((1,), 3**0.5, dtype=DOUBLE), atol=2e-3, rtol=0)


def test_ssim_agrees_with_a_naive_loop(rng):
    sampled, target = pictures(rng, 1)
    mask = some_mask(rng, 1)
    total, weight = 0.0, 0.0
    for row in range(SIZE[0] - 2):
        for column in range(SIZE[1] - 2):
            window = (slice(row, row + 3), slice(column, column + 3))
            share = float(mask[(0, *window)].double().mean())
            value = 0.0
            for channel in range(3):
                x, y = sampled[(0, channel, *window)].flatten(), target[(0, channel, *window)].flatten()
                covariance = ((x - x.mean()) * (y - y.mean())).mean()
                variances = x.var(correction=0) + y.var(correction=0)
                mean = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
                ssim = mean * (2 * covariance + 9e-4) / (variances + 9e-4)
                value += float(((1 - ssim) / 2).clamp(0, 1)) / 3
            total, weight = total + share * value, weight + share
    assert_close(ssim_consistency(sampled, target, mask), torch.tensor([total / weight], dtype=DOUBLE))


def test_equal_pictures_are_alike(rng):
    picture = pictures(rng)[0]
    assert ssim_consistency(picture, picture, some_mask(rng)).abs().max() < 1e-12


def test_depth_by_hand():
    warped, sampled = torch.tensor([[[900.0, 905.0, 910.0]]]), torch.tensor([[[901.0, 0.0, 907.0]]])
    mask = torch.tensor([[[True, False, True]]])
    assert_close(depth_consistency(warped, sampled, mask), torch.tensor([2.0]))


def test_outside_the_mask_depths_may_be_anything():
    warped, sampled = torch.tensor([[[900.0, torch.nan]]]), torch.tensor([[[901.0, torch.inf]]])
    mask = torch.tensor([[[True, False]]])
    assert_close(depth_consistency(warped, sampled, mask), torch.tensor([1.0]))
    assert_close(published_depth_consistency(warped, sampled, mask), torch.tensor([0.0]), atol=1e-4, rtol=0)


def test_the_published_depth_term_has_an_error_for_the_right_geometry():
    """A plane that is seen frontally by the target and turned by 0.5 rad before the source."""
    x = torch.linspace(-60, 60, 41, dtype=DOUBLE).expand(1, 5, -1)
    target_mm = torch.full_like(x, 4994.0)
    turn = matrix_from_axis_angle(torch.tensor([0.0, 0.5, 0.0], dtype=DOUBLE))
    source_mm = turn[2, 0] * x + 4994
    mask = torch.ones_like(x)
    assert_close(depth_consistency(source_mm, source_mm, mask), torch.zeros(1, dtype=DOUBLE))
    expected = (turn[2, 0] * x).abs().mean()
    assert_close(published_depth_consistency(target_mm, source_mm, mask), expected[None], rtol=1e-3, atol=0)
    assert expected > 10


def test_the_published_depth_term_is_blind_to_scale_and_counts_the_whole_picture():
    depth = torch.tensor([[[100.0, 104.0, 0.0, 0.0]]])
    mask = torch.tensor([[[True, True, False, False]]])
    assert_close(published_depth_consistency(depth, 3 * depth, mask), torch.zeros(1), atol=1e-4, rtol=0)
    # Means 102 and 101: the ratio makes 100.99 of 100 and 103.01 of 102, each 0.99 off, over four pixels.
    other = torch.tensor([[[100.0, 102.0, 7.0, 7.0]]])
    expected = (abs(102 / 101 * 100 - 100) + abs(102 / 101 * 102 - 104)) / 4
    assert_close(published_depth_consistency(depth, other, mask), torch.tensor([expected]))


def test_views_without_anything_in_common_say_nothing(rng):
    sampled, target = pictures(rng)
    sampled.requires_grad_()
    depth = torch.rand(2, *SIZE, generator=rng, dtype=DOUBLE).requires_grad_()
    nothing = torch.zeros(2, *SIZE, dtype=torch.bool)
    terms = (
        pixel_consistency(sampled, target, nothing),
        pixel_consistency(sampled, target, nothing, match_gain=True),
        ssim_consistency(sampled, target, nothing),
        depth_consistency(depth, depth + 3, nothing),
        published_depth_consistency(depth, depth + 3, nothing),
    )
    sum(term.sum() for term in terms).backward()
    assert not any(term.any() for term in terms)
    assert not sampled.grad.any()
    assert not depth.grad.any()


def test_unknown_landmarks_do_not_count(rng):
    turn = matrix_from_axis_angle(torch.tensor([[0.1, 0.4, 0.0]] * 2)).requires_grad_()
    camera = WeakPerspectiveCamera(torch.ones(2), torch.zeros(2, 2))
    fundamental = fundamental_between(turn, torch.zeros(2, 3), camera, camera)
    target, source = 50 * torch.rand(2, 2, 5, 2, generator=rng)
    target[0, 3], source[0, 1] = torch.nan, torch.nan
    target[1] = torch.nan
    found = epipolar_consistency(target, source, fundamental)
    known = [0, 2, 4]
    expected = epipolar_consistency(target[:1, known], source[:1, known], fundamental[:1])
    assert_close(found[:1], expected)
    assert found[1] == 0
    found.sum().backward()
    assert turn.grad.isfinite().all()
    assert not turn.grad[1].any()


def test_gating_is_by_sample():
    errors, active = torch.tensor([1.0, 10.0, 100.0]), torch.tensor([True, False, True])
    assert gate_samples(errors, active).tolist() == [1.0, 0.0, 100.0]


def test_published_gating_counts_samples_that_are_not_active():
    """The table of errors times flags: its mean is the mean error times the mean flag."""
    errors, active = torch.tensor([1.0, 10.0, 100.0]), torch.tensor([True, False, True])
    found = gate_samples(errors, active, "outer_product")
    table = errors[:, None] * active[None].float()
    assert_close(found.mean(), table.mean())
    assert found[1] > 0


@pytest.mark.parametrize("match_gain", [False, True])
def test_gradients_of_colours(rng, match_gain):
    sampled, target = pictures(rng)
    mask = some_mask(rng)
    sampled.requires_grad_()
    assert torch.autograd.gradcheck(lambda one: ssim_consistency(one, target, mask), (sampled,))
    if not match_gain:
        assert torch.autograd.gradcheck(lambda one: pixel_consistency(one, target, mask), (sampled,))
        return
    # The gain has no gradient: with it held fixed the term is an ordinary distance.
    pixel_consistency(sampled, target, mask, match_gain=True).sum().backward()
    weight = mask[:, None].double()
    gain = (target * weight).sum((2, 3)) / (sampled.detach() * weight).sum((2, 3))
    fixed = sampled.detach().clone().requires_grad_()
    pixel_consistency(fixed * gain[..., None, None], target, mask).sum().backward()
    assert_close(sampled.grad, fixed.grad)


def test_gradients_of_depths_and_pose(rng):
    depths = [(100 + torch.rand(2, *SIZE, generator=rng, dtype=DOUBLE)).requires_grad_() for _ in range(2)]
    mask = some_mask(rng)
    assert torch.autograd.gradcheck(lambda *both: depth_consistency(*both, mask), depths)
    assert torch.autograd.gradcheck(lambda *both: published_depth_consistency(*both, mask), depths)
    fundamental = torch.randn(2, 3, 3, generator=rng, dtype=DOUBLE, requires_grad=True)
    pixels = 50 * torch.rand(2, 2, 4, 2, generator=rng, dtype=DOUBLE)
    assert torch.autograd.gradcheck(lambda one: epipolar_consistency(*pixels, one), (fundamental,))
