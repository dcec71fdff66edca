import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from monoface.core.arrays import in_numpy
from monoface.core.errors import ConfigError, OutputExistsError
from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.synthetic.heads import MEASURES, EvaluateHeadsConfig, run, summarise
from monoface.evaluation.synthetic.heads_score import HeadScorer, one_look
from monoface.evaluation.synthetic.heads_truth import Correspondence, HeadPainter, barycentric, source_model
from monoface.facemodel import CoefficientLayout, load_default_model, read_ict_facekit
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.pipeline import Regression

CONFIG = HeadsConfig(count=3, max_yaw_deg=40, seed=1)


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def head(model):
    return HeadPainter(model).sample(0, CONFIG)


class KnowsAll:
    """A regressor that gives a head's own coefficients, changed as a test wants."""

    size_px = 120

    def __init__(self, model, head, change=lambda coefficients: coefficients):
        layout = CoefficientLayout.of(model)
        zoom = 120 / float(head.box[2] - head.box[0])
        camera = head.camera.cropped(torch.from_numpy(head.box[None, :2]).float(), torch.tensor([zoom]))
        output = layout.encode(head.coefficients, camera, 120)
        coefficients, camera = layout.decode(output, 120)
        self.answer = in_numpy(Regression(change(coefficients), camera, torch.zeros(1), torch.ones(1)))

    def predict(self, crops, *, mirror=None):
        self.mirror = mirror
        assert crops.shape == (1, 120, 120, 3)
        return self.answer


def score(model, head, change=lambda coefficients: coefficients):
    find = one_look(KnowsAll(model, head, change))
    scorer = HeadScorer(find, model, model, Correspondence.identity(len(model.mean_mm)))
    return scorer.score(head)


def test_the_truth_scores_0(model, head):
    found = score(model, head)
    assert not found.failure
    for name in ("surface_mm", "neutral_mm", "vertex_mm", "nme_percent", "depth_mm"):
        assert abs(found.errors[name]) < 0.05, name
    assert found.errors["rotation_deg"] < 0.05
    assert found.errors["mean_face_mm"] > 0.3
    assert set(found.errors) == {measure.name for measure in MEASURES}
    assert 0 < found.errors["albedo_percent"] < 40
    assert 0 < found.errors["light_percent"] < 60


@pytest.mark.parametrize("mirror", [False, True])
def test_the_mirror_image_is_seen_if_asked_for(model, head, mirror):
    regressor = KnowsAll(model, head)
    find = one_look(regressor, CoefficientMirror(model) if mirror else None)
    scorer = HeadScorer(find, model, model, Correspondence.identity(len(model.mean_mm)))
    scorer.find(head)
    assert isinstance(regressor.mirror, CoefficientMirror) == mirror


def test_a_wrong_identity_is_an_error_of_shape_and_not_of_pose(model, head):
    def forget(coefficients):
        return type(coefficients)(
            **{**vars(coefficients), "identity": torch.zeros_like(coefficients.identity)}
        )

    found = score(model, head, forget)
    assert_allclose(found.errors["neutral_mm"], found.errors["mean_face_mm"], rtol=1e-3)
    assert found.errors["vertex_mm"] > 0.5
    assert found.errors["rotation_deg"] < 0.05


def test_a_turn_is_an_error_of_pose_and_not_of_shape(model, head):
    turn = torch.tensor([[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]).float()

    def turned(coefficients):
        return type(coefficients)(**{**vars(coefficients), "rotation": turn[None] @ coefficients.rotation})

    found = score(model, head, turned)
    assert_allclose(found.errors["rotation_deg"], np.degrees(0.1), atol=0.05)
    assert found.errors["surface_mm"] < 0.05
    assert found.errors["depth_mm"] > 1


def test_heads_depend_on_seed_and_index_alone(model, head):
    again = HeadPainter(model).sample(0, CONFIG)
    assert (again.picture == head.picture).all()
    assert head.picture.shape == (288, 288, 3)
    assert head.picture.std() > 10
    other = HeadPainter(model).sample(1, CONFIG)
    assert (other.picture != head.picture).any()
    assert (HeadPainter(model).sample(0, HeadsConfig(seed=2)).verts_mm != head.verts_mm).any()


def test_landmarks_lie_in_the_box_and_depth_on_the_face(model, head):
    low, high = head.landmarks_px.min(axis=0), head.landmarks_px.max(axis=0)
    assert (low > head.box[:2]).all()
    assert (high < head.box[2:]).all()
    x, y = head.landmarks_px[30].astype(int)
    assert head.depth_mm[y, x] > 0
    assert head.depth_mm[0, 0] == 0


def test_detail_is_of_no_model_and_of_the_size_asked_for(model, head):
    bumpy = HeadPainter(model, detail_mm=0.5).sample(0, CONFIG)
    narrow = model.data.regions["narrow_face"].numpy()
    offset = np.linalg.norm(bumpy.neutral_mm - head.neutral_mm, axis=1)[narrow]
    assert 0.1 < offset.mean() < 2
    assert_allclose(bumpy.verts_mm - bumpy.neutral_mm, head.verts_mm - head.neutral_mm, atol=1e-3)


def test_barycentric_weights_give_the_point_back():
    rng = np.random.default_rng(0)
    corners = rng.normal(size=(5, 3, 3))
    weights = rng.dirichlet(np.ones(3), size=5)
    points = (weights[..., None] * corners).sum(axis=1)
    assert_allclose(barycentric(corners, points), weights, atol=1e-9)


def test_the_source_model_is_drawn_with_our_albedo_and_landmarks(model, data_dir):
    source, correspondence = source_model(
        read_ict_facekit(data_dir / "ict_facekit" / "ict_facekit_light.npz"), model
    )
    painter = HeadPainter(source, detail_mm=0.3)
    head = painter.sample(0, CONFIG)
    assert source.identity_size == 100
    assert source.albedo_size == model.albedo_size
    narrow = source.data.regions["narrow_face"].numpy()
    apart = np.linalg.norm(correspondence.of(model.mean_mm.numpy()) - source.mean_mm.numpy(), axis=1)
    # The default model is a remesh of this mean face.
    assert apart[narrow].mean() < 0.3
    points = source.landmarks("ibug68").points(source.mean_mm[None])[0]
    assert_allclose(points, model.landmarks("ibug68").points(model.mean_mm[None])[0], atol=1.0)
    assert np.isfinite(head.verts_mm).all()


def test_run_draws_measures_and_writes(tmp_path):
    config = EvaluateHeadsConfig(tmp_path / "r.json", count=2, seed=3, max_yaw_deg=20)
    report = run(config)
    content = json.loads((tmp_path / "r.json").read_text())
    assert report.count["all"] == len(content["cases"]) == 2
    assert content["settings"]["seed"] == "3"
    assert content["figures"]["all"]["surface_mm"] > 0
    html = (tmp_path / "r.html").read_text()
    assert "Where the error is" in html
    with pytest.raises(OutputExistsError):
        run(config)


def test_failed_alignments_are_listed(model, head):
    found = score(model, head)
    broken = type(found)(
        "x", {"nme_percent": 1.0}, "surface_mm: not finite", 0.0, found.landmarks_px, found.vertex_errors_mm
    )
    report = summarise([found, broken], EvaluateHeadsConfig(Path("r.json")))
    assert report.failures == {"x": "surface_mm: not finite"}
    assert_allclose(report.figures["all"]["surface_mm"], found.errors["surface_mm"])
    assert_allclose(report.curves["shape"].percent[-1], 50)


@pytest.mark.parametrize(("name", "value"), [("count", 0), ("detail_mm", -1), ("detail_mm", 9)])
def test_configurations_that_measure_nothing_are_refused(tmp_path, name, value):
    with pytest.raises(ConfigError, match=f"{name}: expected"):
        EvaluateHeadsConfig(tmp_path / "r.json", **{name: value})
