"""Gaps of lids and lips."""

import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import load_default_model
from monoface.losses.closure import (
    FACE_MESH_GAPS,
    IBUG68_GAPS,
    GapPairs,
    gap_distance,
    gap_widths,
    gaps,
    openings,
)

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


def test_openings_are_signed_and_along_the_face():
    upper, lower = torch.tensor([[[5.0, 2.0], [0.0, 0.0]]]), torch.tensor([[[5.0, 8.0], [3.0, -4.0]]])
    down = torch.tensor([[0.0, 1.0]])
    assert openings(upper, lower, down).tolist() == [[6.0, -4.0]]
    aside = torch.tensor([[0.6, 0.8]])
    assert_close(openings(upper, lower, aside), torch.tensor([[4.8, 1.8 - 3.2]]))


@pytest.mark.parametrize("pairs", [FACE_MESH_GAPS, IBUG68_GAPS])
def test_pairs_are_consistent(pairs):
    assert len(pairs.upper) == len(pairs.lower) == len(pairs.corners)
    assert not set(pairs.upper) & set(pairs.lower)


@pytest.mark.parametrize(("name", "shut"), [("eyeBlinkRight", slice(0, 3)), ("eyeBlinkLeft", slice(3, 6))])
def test_one_eye_of_the_shipped_model_shuts_alone(name, shut):
    model = load_default_model()
    points = model.subset(model.landmarks("facemesh468"))
    expression = torch.zeros(2, model.expression_size)
    expression[1, model.expression_names.index(name)] = 1.0
    face = points(torch.zeros(2, model.identity_size), expression)
    opened, winking = gaps(face, FACE_MESH_GAPS).norm(dim=-1) / gap_widths(face, FACE_MESH_GAPS)
    assert opened[:6].min() > 0.3
    assert winking[shut].max() < 0.1
    others = torch.ones(9, dtype=torch.bool)
    others[shut] = False
    assert_close(winking[others], opened[others], atol=1e-3, rtol=0)


def test_the_mouth_of_the_shipped_model_opens():
    model = load_default_model()
    points = model.subset(model.landmarks("facemesh468"))
    expression = torch.zeros(2, model.expression_size)
    expression[1, model.expression_names.index("jawOpen")] = 1.0
    face = points(torch.zeros(2, model.identity_size), expression)
    shut, opened = (gaps(face, FACE_MESH_GAPS).norm(dim=-1) / gap_widths(face, FACE_MESH_GAPS))[:, 6:]
    assert shut.max() < 0.06
    assert opened.min() > 0.5


def test_gradients(rng):
    found, true = torch.randn(2, 2, 3, 2, generator=rng, dtype=torch.float64)
    widths, weights = torch.ones(1, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(gap_distance, (found.requires_grad_(), true, widths, weights))
