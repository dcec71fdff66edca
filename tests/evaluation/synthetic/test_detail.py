import numpy as np
import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.data.synthetic.wrinkle_maps import WrinkleConfig
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.evaluation.synthetic.detail import EvaluateDetailConfig, summarise
from monoface.evaluation.synthetic.detail_score import DetailScorer, DetailSums
from monoface.methods.detail import DetailConfig, Displacer


@pytest.fixture(scope="module")
def drawn(face_model):
    config = WrinkledHeadsConfig(
        WrinkleConfig(family="kept", aged=1.0, marked=1.0), picture_px=96, texture_px=128, seed=11
    )
    displacer = Displacer(face_model, DetailConfig(), 128)
    return WrinkledHeadPainter(face_model, config).sample(0), displacer


def test_the_truth_is_perfect(drawn):
    head, displacer = drawn
    true = torch.from_numpy(head.detail.height_mm)[None]
    figures = DetailScorer(lambda evidence: true, displacer).score(head).figures()
    assert figures["correlation"] == pytest.approx(1)
    assert figures["normal_gain_percent"] == pytest.approx(100)
    # Only what one light shows and the other does not.
    assert figures["marks_percent"] < 30


def test_nothing_found_gains_nothing(drawn):
    head, displacer = drawn
    figures = DetailScorer(lambda evidence: torch.zeros(1, 128, 128), displacer).score(head).figures()
    assert figures["normal_gain_percent"] == pytest.approx(0, abs=0.01)
    assert np.isnan(figures["correlation"])


def test_changes_are_told_apart_by_the_light(face_model):
    config = WrinkledHeadsConfig(picture_px=96, texture_px=128, lights=3, seed=11)
    displacer = Displacer(face_model, DetailConfig(), 128)
    heights = iter((0.2, 0.3, 0.6))
    scorer = DetailScorer(lambda evidence: torch.full((1, 128, 128), next(heights)), displacer)
    figures = scorer.score(WrinkledHeadPainter(face_model, config).sample(0)).figures()
    assert figures["moved_light_percent"] == pytest.approx(100 * 0.1 / 0.25, rel=1e-4)
    assert figures["other_light_percent"] == pytest.approx(100 * (0.4 + 0.3) / (0.4 + 0.45), rel=1e-4)


def test_figures_by_hand():
    marks = np.array(((1.0, 0.0, 0.0, 0.0), (10.0, 0.0, 0.0, 0.0)))
    wrinkles = np.array(((4.0, 9.0, 0.0, 0.0), (8.0, 3.0, 0.0, 0.0)))
    values = {
        "count": 4.0, "found": 2.0, "true": 2.0, "found2": 2.0, "true2": 2.0, "both": 1.5,
        "fine_rad": 0.3, "coarse_rad": 0.4, "size": 5.0, "marks": marks, "wrinkles": wrinkles,
        "moved": np.array((0.5, 5.0)), "other": np.array((3.0, 12.0)),
    }  # fmt: skip
    figures = DetailSums({name: np.asarray(value) for name, value in values.items()}).figures()
    assert figures["correlation"] == pytest.approx(0.5)
    assert figures["normal_gain_percent"] == pytest.approx(25)
    assert figures["moved_light_percent"] == pytest.approx(10)
    assert figures["other_light_percent"] == pytest.approx(25)
    # 0.1 a texel at marks, 0.5 at wrinkles of the same contrast.
    assert figures["marks_percent"] == pytest.approx(20)


def test_reports_have_a_definition_and_a_page(drawn, tmp_path):
    head, displacer = drawn
    sums = DetailScorer(lambda evidence: torch.zeros(1, 128, 128), displacer).score(head)
    report = summarise([sums, sums], EvaluateDetailConfig(tmp_path / "r.json", count=2))
    assert report.count["all"] == 2
    assert "two" in report.page().subtitle or "2 cases" in report.page().subtitle


def test_one_light_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="two lights"):
        EvaluateDetailConfig(tmp_path / "r.json", lights=1)
