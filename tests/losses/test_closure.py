"""Gaps of lids and lips."""

import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.losses.closure import GAPS, GapPairs, gap_distance, gap_widths, gaps

PAIR = GapPairs(upper=(0,), lower=(1,), corners=((2, 3),))
EYE = torch.tensor([[[5.0, 2.0], [5.0, 8.0], [0.0, 5.0], [12.0, 10.0]]])


def test_gaps_and_widths_by_hand():
    assert gaps(EYE, PAIR).tolist() == [[[0.0, -6.0]]]
    assert gap_widths(EYE, PAIR).tolist() == [[13.0]]


def test_a_closed_eye_against_an_open_one_by_hand():
    closed = torch.zeros(1, 1, 2)
    found = gap_distance(gaps(EYE, PAIR), closed, gap_widths(EYE, PAIR), torch.ones(1, 1))
    assert_close(found, torch.tensor([((6 / 13) ** 2 + 0.02**2) ** 0.5 - 0.02]))


def test_where_the_eye_is_does_not_matter():
    elsewhere = gaps(EYE + torch.tensor([7.0, -3.0]), PAIR)
    assert gap_distance(elsewhere, gaps(EYE, PAIR), torch.ones(1, 1), torch.ones(1, 1)) == 0


def test_larger_pictures_have_the_same_distance():
    closed = torch.zeros(1, 1, 2)
    first = gap_distance(gaps(EYE, PAIR), closed, gap_widths(EYE, PAIR), torch.ones(1, 1))
    large = gap_distance(gaps(3 * EYE, PAIR), closed, gap_widths(3 * EYE, PAIR), torch.ones(1, 1))
    assert_close(first, large)


def test_pairs_without_weight_do_not_count(rng):
    found, true = torch.randn(2, 2, 3, 2, generator=rng)
    weights = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    loss = gap_distance(found, true, torch.ones(1, 3), weights)
    assert_close(loss[:1], gap_distance(found[:1, :2], true[:1, :2], torch.ones(1, 2), torch.ones(1, 2)))
    assert loss[1] == 0


@pytest.mark.parametrize(("name", "pairs"), GAPS.items())
def test_sets_are_consistent(name, pairs):
    assert len(pairs.upper) == len(pairs.lower) == len(pairs.corners)
    assert not set(pairs.upper) & set(pairs.lower)
    if name == "ibug68_contour":
        both = set(zip(pairs.upper, pairs.lower, strict=True))
        assert {(LEFT_RIGHT_68[upper], LEFT_RIGHT_68[lower]) for upper, lower in both} == both


def test_gradients(rng):
    found, true = torch.randn(2, 2, 3, 2, generator=rng, dtype=torch.float64)
    widths, weights = torch.ones(1, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(gap_distance, (found.requires_grad_(), true, widths, weights))
