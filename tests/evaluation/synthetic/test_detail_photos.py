"""What relief is worth on photos, on the sample photo and with weights that are none."""

import numpy as np
import pytest
import torch
from PIL import Image

from monoface import Reconstructor, ReconstructorConfig
from monoface.evaluation.reports.cases import Case
from monoface.evaluation.synthetic.detail import PHOTO_MEASURES, EvaluateDetailConfig, summarise
from monoface.evaluation.synthetic.detail_photos import PhotoScorer
from monoface.evaluation.synthetic.detail_score import DetailSums
from monoface.methods.detail import DetailConfig
from monoface.networks import Translator, TranslatorConfig, save_translator
from monoface.pipeline.detailing import Detailer
from monoface.training.detail.train import translator_info

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def face(repository):
    with Image.open(repository / "examples" / "astronaut.png") as image:
        photo = image.convert("RGB").crop((100, 0, 356, 256))
    return Reconstructor(ReconstructorConfig(texture_size=64)).reconstruct(photo).faces[0]


def _detailer(model, folder, *, height, residual):
    """A fine stage that finds the same everywhere: parts of the limit, and of one."""
    config = DetailConfig(translator=TranslatorConfig(9, (4, 4), 2, fold=1))
    translator = Translator(config.translator)
    torch.nn.init.zeros_(translator.last.weight)
    with torch.no_grad():
        translator.last.bias.copy_(torch.tensor((height, residual)).atanh())
    path = folder / "detail.safetensors"
    save_translator(translator, translator_info(config), path)
    return Detailer(model, str(path), 128)


def test_no_relief_changes_nothing(face, face_model, tmp_path):
    figures = PhotoScorer(_detailer(face_model, tmp_path, height=0.0, residual=0.0)).score(face)
    assert 2 < figures.coarse < 40
    assert figures.fine == pytest.approx(figures.coarse, abs=1e-3)
    assert figures.painted == pytest.approx(figures.coarse, abs=1e-3)
    assert figures.height_mm == figures.broken_percent == 0


def test_a_wrong_paint_is_a_worse_explanation_and_a_plateau_is_a_surface(face, face_model, tmp_path):
    figures = PhotoScorer(_detailer(face_model, tmp_path, height=0.4, residual=0.9)).score(face)
    # Four tenths of the limit, less what small heights lose, where what is seen counts in full.
    config = DetailConfig()
    expected = 0.4 * config.limit_mm - 0.9 * config.dead_zone_mm
    assert 0.9 * expected < figures.height_mm <= expected + 1e-3
    assert figures.painted > figures.coarse + 10
    assert figures.broken_percent < 2


def test_photos_have_figures_of_their_own_beside_those_of_heads(tmp_path):
    values = {name: np.asarray(1.0) for name in ("count", "found", "true", "both", "size")}
    values |= {"moved": np.ones(2), "other": np.ones(2)}
    values |= {"found2": np.asarray(3.0), "true2": np.asarray(3.0)}
    values |= {"fine_rad": np.asarray(0.3), "coarse_rad": np.asarray(0.4)}
    values |= {"marks": np.ones((2, 4)), "wrinkles": np.ones((2, 4))}
    errors = {measure.name: float(place) for place, measure in enumerate(PHOTO_MEASURES)}
    photos = [
        Case("a", ("photos",), errors=errors),
        Case("b", ("photos",), errors={name: value + 2 for name, value in errors.items()}),
        Case("c", ("photos",), failure="no face was found"),
    ]
    report = summarise([DetailSums(values)] * 3, EvaluateDetailConfig(tmp_path / "r.json", count=3), photos)
    assert report.figures["all"]["normal_gain_percent"] == pytest.approx(25)
    assert report.figures["all"]["photo_fine"] == pytest.approx(2)
    interval = report.intervals_95["photo_fine"]
    assert 1 <= interval.low <= 2 <= interval.high <= 3
    assert report.intervals_95["normal_gain_percent"].low == pytest.approx(25)
    assert report.failures == {"c": "no face was found"}
