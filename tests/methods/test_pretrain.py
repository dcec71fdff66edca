"""The first training: which samples pull what, finite gradients, and that it learns at all."""

import dataclasses

import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import batch_of, small_method
from torch.testing import assert_close

from monoface.methods.supervision import landmark_distance_all, scale_aligned, spread_points

LABEL_TERMS = ("dense", "shape", "rotation", "identity", "expression")


@pytest.fixture
def method():
    return small_method()


def test_it_learns_a_batch_by_heart(method, maker):
    batch = maker.sample(0, 0, 8)
    adam = torch.optim.Adam(method.regressor.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        total = method.step(batch).total["regressor"]
        adam.zero_grad()
        total.backward()
        adam.step()
        losses.append(float(total.detach()))
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("pack", [0, 1])
def test_gradients_are_finite_and_reach_every_weight(method, maker, pack):
    method.step(batch_of(maker, pack)).total["regressor"].backward()
    for name, parameter in method.regressor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_samples_without_coefficients_give_no_label_terms(method, maker):
    terms = method.step(batch_of(maker, 1)).terms
    assert [terms[name] for name in LABEL_TERMS] == [0.0] * len(LABEL_TERMS)
    assert terms["landmarks_aflw21"] > 0
    assert terms["landmarks_facemesh468"] == 0
    assert terms["identity_prior"] > 0


def test_samples_with_coefficients_need_no_priors(method, maker):
    terms = method.step(batch_of(maker, 0)).terms
    assert terms["identity_prior"] == terms["expression_prior"] == 0
    assert min(terms[name] for name in LABEL_TERMS) > 0


def test_labels_found_in_photos_may_say_nothing_of_shape(maker):
    trusting, doubting = small_method(), small_method(photo_shape_weight=0.0)
    batch = batch_of(maker, 0)
    found = dataclasses.replace(batch, synthetic=torch.zeros_like(batch.synthetic))
    true = dataclasses.replace(batch, synthetic=torch.ones_like(batch.synthetic))
    for name in ("shape", "identity"):
        assert doubting.step(found).terms[name] == 0
        assert doubting.step(true).terms[name] == trusting.step(found).terms[name] > 0
    # What is not told of a face's identity is drawn to what faces are like.
    assert doubting.step(found).terms["identity_prior"] > 0
    for name in ("dense", "rotation", "expression"):
        assert doubting.step(found).terms[name] == trusting.step(found).terms[name]


def test_samples_without_anything_teach_no_confidence(method, maker):
    batch = batch_of(maker, 1)
    nothing = {name: torch.full_like(points, torch.nan) for name, points in batch.points_px.items()}
    result = method.step(dataclasses.replace(batch, points_px=nothing))
    assert result.terms["log_error"] == 0
    result.total["regressor"].backward()
    assert not method.regressor.error_head.weight.grad.any()


def test_true_coefficients_leave_no_error(method, maker, monkeypatch):
    batch = batch_of(maker, 0)
    monkeypatch.setattr(method.regressor, "forward", lambda image: (batch.outputs, torch.zeros(len(image))))
    terms = method.step(batch).terms
    for name in (
        *LABEL_TERMS,
        "landmarks_aflw21",
        "landmarks_facemesh468",
        "landmarks_ibug68_contour",
        "range",
    ):
        assert terms[name] == pytest.approx(0, abs=1e-3), name


def test_geometry_keeps_its_precision_under_autocast(method, maker):
    batch = batch_of(maker, 0)
    output = batch.outputs + 0.05
    method.regressor.forward = lambda image: (output, torch.zeros(len(image)))
    exact = method.step(batch).terms
    with torch.autocast("cpu", torch.bfloat16):
        mixed = method.step(batch).terms
    assert mixed == exact


def test_the_total_is_the_weighted_sum_of_the_terms(method, maker):
    result = method.step(maker.sample(0, 0, 6))
    weights = method.config.term_weights
    expected = sum(weights[name] * value for name, value in result.terms.items())
    assert float(result.total["regressor"].detach()) == pytest.approx(expected, rel=1e-4)


def test_distance_of_posed_faces_by_hand(method, maker):
    batch = batch_of(maker, 0)
    known = method.layout.decode(batch.outputs, 32)
    shifted = batch.outputs.clone()
    shifted[:, -2] += 8.0 / (method.layout.SHIFT_PER_SIZE * 32)
    moved = method.layout.decode(shifted, 32)
    # Distances are smoothed over half a pixel.
    expected = torch.full((3,), (8**2 + 0.5**2) ** 0.5 - 0.5)
    assert_close(
        landmark_distance_all(method.supervision.dense, moved, known), expected, rtol=1e-3, atol=1e-3
    )


def test_faces_laid_on_each_other_differ_in_neither_size_nor_place():
    target = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))
    moved = 0.6 * target + torch.tensor((3.0, -1.0, 2.0))
    assert_close(*scale_aligned(moved, target))
    other = target.flip(1)
    laid, centred = scale_aligned(other, target)
    off = (laid - centred).square().sum()
    # No other scale fits better.
    assert off < (1.01 * laid - centred).square().sum()
    assert off < (0.99 * laid - centred).square().sum()


def test_the_size_of_faces_counts_only_if_asked(maker):
    batch = batch_of(maker, 0)
    absolute_scale, plain = (
        small_method(absolute_scale=flag).step(batch).terms["shape"] for flag in (True, False)
    )
    assert 0 < plain < absolute_scale


def test_spread_points_are_distinct_vertices_of_the_face():
    head = synthetic_head()
    first, second = spread_points(head, 50), spread_points(head, 50)
    assert torch.equal(first.index, second.index)
    assert len(first.index.unique()) == 50
    assert head.data.regions["face"][first.index].all()


def test_networks_move_to_a_device_and_are_named(method):
    assert method.to(torch.device("cpu")) is method
    assert list(method.networks) == ["regressor"]
