"""Training the coarse stage of Detail: the command from weights of geometry to weights that load."""

import json
from pathlib import Path

import pytest
import torch
from small_view_runs import BACKBONE, train_in_two_parts, write_encoder, write_geometry_weights
from synthetic_head import synthetic_head

from monoface.core.errors import AssetError
from monoface.methods.detail import Coarse, CoarseConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.pipeline import CoefficientRegressor
from monoface.training.regressors import detail_coarse
from monoface.training.regressors.detail_coarse import TrainDetailCoarseConfig, train_detail_coarse
from monoface.training.regressors.starting import start_from


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coarse")
    init = write_geometry_weights(folder / "pretrain.safetensors")
    method = CoarseConfig(backbone=BACKBONE, supervision=SupervisionConfig(dense_points=40), render_px=32)
    return train_in_two_parts(
        detail_coarse,
        train_detail_coarse,
        TrainDetailCoarseConfig,
        folder,
        init,
        method=method,
        encoder=str(write_encoder(folder / "faces.safetensors")),
    )


def test_a_run_is_continued_and_its_weights_load(trained):
    path, _ = trained
    regressor = CoefficientRegressor.load(path)
    assert regressor.info.method == "detail-coarse"
    assert regressor.info.albedo_space == synthetic_head().albedo_space
    assert regressor.layout.focal_per_size is None
    assert regressor.layout.light
    records = [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "train"]
    assert [record["step"] for record in steps] == [1, 2]
    assert {"landmarks", "contour", "photometric", "perceptual", "dense", "albedo"} <= steps[0].keys()
    assert any(record["kind"] == "validation" for record in records)


def test_the_card_says_how_it_was_made(trained):
    path, _ = trained
    text = path.with_name("detail-coarse.card.json").read_text()
    card = json.loads(text)
    assert card["command"].startswith("monoface train detail-coarse ")
    assert card["config"]["init"] == "pretrain.safetensors"
    assert card["config"]["method"]["silhouette"] == "ratio"
    assert str(path.parent) not in text


def test_packs_without_outlines_are_told_about(trained):
    assert any(line.startswith("no pack of views has outlines (jaw17)") for line in trained[1])


def test_shipped_weights_are_a_start_by_name(face_model):
    torch.manual_seed(0)
    method = Coarse(face_model)
    start_from(Path("pretrain"), method.regressor, face_model, method.layout)
    found = method.regressor.eval()(torch.zeros(1, 3, 120, 120))[0][0]
    assert found[: method.layout.geometry_size].any()
    assert not found[method.layout.geometry_size :].any()
    with pytest.raises(AssetError):
        start_from(Path("nobody"), method.regressor, face_model, method.layout)


def test_the_published_form_is_a_choice(tmp_path):
    usual = TrainDetailCoarseConfig(data=tmp_path, out=tmp_path)
    assert usual.trained_method == usual.method
    published = TrainDetailCoarseConfig(data=tmp_path, out=tmp_path, published=True)
    assert published.trained_method == CoarseConfig.published()
