"""The shipped fine stage finds wrinkles that it has not seen, and leaves smooth and painted skin alone."""

import numpy as np
import pytest

from monoface.data.synthetic.wrinkle_maps import WrinkleConfig
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.evaluation.synthetic.detail_score import DetailScorer
from monoface.pipeline.detailing import Detailer


@pytest.fixture(scope="module")
def scorer(face_model):
    detailer = Detailer(face_model)
    displacer = detailer.displacer
    return DetailScorer(lambda one: displacer.find(detailer.translator, one).height_mm, displacer)


def _figures(face_model, scorer, wrinkles, seed):
    painter = WrinkledHeadPainter(face_model, WrinkledHeadsConfig(wrinkles, lights=2, seed=seed))
    return scorer.score(painter.sample(0)).figures(), painter


def test_wrinkles_of_another_family_are_found(face_model, scorer):
    wrinkles = WrinkleConfig(family="kept", aged=1.0, marked=1.0)
    figures, _ = _figures(face_model, scorer, wrinkles, 9021)
    assert figures["correlation"] > 0.5
    assert figures["normal_gain_percent"] > 0


def test_smooth_skin_with_marks_stays_smooth(face_model, scorer):
    figures, painter = _figures(face_model, scorer, WrinkleConfig(aged=0.0, marked=1.0), 9022)
    assert figures["mean_height_mm"] < 0.01
    assert np.abs(scorer.heights(painter.sample(0), 0)).max() < 1.0
