"""Distances of pictures."""

import torch
from torch.testing import assert_close

from monoface.losses.photometric import confident, masked_mean, photometric_distance

DOUBLE = torch.float64
SIZE = (4, 5)


def pictures(rng, batch=3):
    return torch.rand(2, batch, 3, *SIZE, generator=rng, dtype=DOUBLE)


def test_distance_by_hand():
    predicted, target = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    predicted[0, :, 0, 0] = torch.tensor([0.3, 0.0, 0.4])
    predicted[0, :, 0, 1] = torch.tensor([0.0, 1.0, 0.0])
    found = photometric_distance(predicted, target, torch.tensor([[[1.0, 0.25]]]))
    assert_close(found, torch.tensor([(0.5 + 0.25 * 1.0) / 1.25]), atol=2e-3, rtol=0)


def test_equal_pictures_have_no_distance(rng):
    picture = pictures(rng)[0]
    assert_close(photometric_distance(picture, picture, torch.ones(3, *SIZE)), torch.zeros(3, dtype=DOUBLE))


def test_what_is_not_masked_does_not_count(rng):
    predicted, target = pictures(rng)
    mask = torch.rand(3, *SIZE, generator=rng) > 0.5
    elsewhere = torch.where(mask[:, None], predicted, 0.5 * predicted)
    expected = photometric_distance(predicted, target, mask)
    assert_close(photometric_distance(elsewhere, target, mask), expected)


def test_each_sample_is_on_its_own(rng):
    predicted, target = pictures(rng)
    mask = torch.rand(3, *SIZE, generator=rng, dtype=DOUBLE)
    whole = photometric_distance(predicted, target, mask)
    assert_close(whole[1:2], photometric_distance(predicted[1:2], target[1:2], mask[1:2]))


def test_nothing_masked_is_zero_with_zero_gradient(rng):
    predicted, target = pictures(rng)
    predicted.requires_grad_()
    distance = photometric_distance(predicted, target, torch.zeros(3, *SIZE, dtype=torch.bool))
    distance.sum().backward()
    assert not distance.any()
    assert not predicted.grad.any()


def test_equal_pictures_have_no_gradient(rng):
    picture = pictures(rng)[0].requires_grad_()
    photometric_distance(picture, picture.detach(), torch.ones(3, *SIZE)).sum().backward()
    assert not picture.grad.any()


def test_masked_mean_by_hand():
    values, weight = torch.tensor([[[1.0, 2.0, 6.0]]]), torch.tensor([[[2.0, 0.0, 1.0]]])
    assert_close(masked_mean(values, weight), torch.tensor([8 / 3]))


def test_confident_skin_counts_fully():
    found = confident(torch.tensor([[[0.2, 0.5, 0.51, 1.0]]]))
    assert_close(found, torch.tensor([[[0.2, 0.5, 1.0, 1.0]]]))


def test_gradients(rng):
    predicted, target = (one.requires_grad_() for one in pictures(rng, 2))
    mask = torch.rand(2, *SIZE, generator=rng, dtype=DOUBLE).requires_grad_()
    assert torch.autograd.gradcheck(photometric_distance, (predicted, target, mask))
