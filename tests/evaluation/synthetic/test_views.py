"""Heads in several cameras: what they show, and that the truth scores nothing."""

import pytest
import torch
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.evaluation.synthetic.heads_score import HeadScorer, one_look
from monoface.evaluation.synthetic.heads_truth import Correspondence, HeadPainter
from monoface.evaluation.synthetic.views import MEASURES, EvaluateViewsConfig, score_views, summarise
from monoface.evaluation.synthetic.views_truth import render_head_in_views
from monoface.facemodel import CoefficientLayout, load_default_model
from monoface.pipeline import Regression


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def heads(model):
    return [render_head_in_views(HeadPainter(model), index, 4, seed=3) for index in range(2)]


class Answers:
    """A regressor that says one thing after the other."""

    size_px = 120

    def __init__(self, model, answers):
        self._layout = CoefficientLayout.of(model)
        self._answers = iter(answers)

    def predict(self, crops, *, mirror=None):
        output = torch.zeros(1, self._layout.size)
        identity = next(self._answers)
        output[0, : len(identity)] = identity
        return Regression(*self._layout.decode(output, 120), torch.zeros(1), torch.ones(1))


def scored(model, head, identities):
    find = one_look(Answers(model, identities))
    scorer = HeadScorer(find, model, model, Correspondence.identity(len(model.mean_mm)))
    return score_views(head, scorer, model)


def true_identity(model, head):
    """By least squares, for heads without detail."""
    basis = model.identity_basis_mm.flatten(1).double()
    offset = torch.from_numpy(head.neutral_mm) - model.mean_mm.double()
    return torch.linalg.lstsq(basis.T, offset.flatten()[:, None]).solution[:, 0].float()


def test_views_are_of_the_yaw_that_they_say_and_landmarks_in_their_boxes(heads):
    yaws = [view.yaw_deg for view in heads[0].views]
    assert_allclose(yaws[:3], (-40, 0, 40), atol=6)
    for view in heads[0].views:
        assert (view.landmarks_px > view.box[:2] - 3).all()
        assert (view.landmarks_px < view.box[2:] + 3).all()
        assert view.picture.std() > 10
    # A positive yaw turns the nose to image left.
    nose = [view.landmarks_px[30, 0] - view.landmarks_px[:, 0].mean() for view in heads[0].views]
    assert nose[0] > nose[1] > nose[2]


def test_the_same_index_gives_the_same_head(model, heads):
    again = render_head_in_views(HeadPainter(model), 1, 4, seed=3)
    assert (again.views[2].picture == heads[1].views[2].picture).all()
    assert (again.neutral_mm != heads[0].neutral_mm).any()


def test_the_true_shape_scores_nothing_and_does_not_vary(model, heads):
    found = scored(model, heads[0], [true_identity(model, heads[0])] * 4)
    assert not found.failure
    assert found.errors["neutral_mm"] < 0.02
    assert found.errors["averaged_mm"] < 0.02
    assert found.errors["variation_mm"] < 1e-4
    assert found.errors["mean_face_mm"] > 0.3
    # The answers look straight ahead, and two of four views are turned by 40 degrees.
    assert found.errors["rotation_deg"] > 20


def test_variation_is_the_distance_between_the_answers(model, heads):
    truth = true_identity(model, heads[0])
    other = truth.clone()
    other[0] += 1
    found = scored(model, heads[0], [truth, truth, truth, other])
    narrow = model.data.regions["narrow_face"]
    moved = float(model.identity_basis_mm[0][narrow].norm(dim=-1).mean())
    # Three of six pairs differ.
    assert_allclose(found.errors["variation_mm"], moved / 2, rtol=1e-3)
    assert found.errors["best_mm"] < 0.02 < found.errors["neutral_mm"]


def test_a_case_is_a_head_with_its_ratio_to_other_heads(model, heads, tmp_path):
    scores = [scored(model, head, [true_identity(model, head)] * 4) for head in heads]
    config = EvaluateViewsConfig(out=tmp_path / "views.json", heads=2, views=4)
    report = summarise(scores, config)
    assert [case.key for case in report.cases] == ["head0000", "head0001"]
    assert report.figures["all"]["ratio_percent"] < 0.1
    assert {measure.name for measure in MEASURES} == set(report.cases[0].errors)
    assert report.intervals_95["neutral_mm"].high < 0.02


@pytest.mark.parametrize(
    ("change", "text"), [({"views": 1}, "views: expected at least 2"), ({"heads": 0}, "heads")]
)
def test_impossible_benchmarks_are_refused(tmp_path, change, text):
    with pytest.raises(ConfigError, match=text):
        EvaluateViewsConfig(out=tmp_path / "views.json", **change)
