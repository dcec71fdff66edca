"""Training on views: interrupted runs, and the command from weights of geometry to weights that load."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_view_runs import BACKBONE, train_in_two_parts, write_encoder, write_geometry_weights
from synthetic_head import synthetic_head
from synthetic_views import ViewSource, small_mgcnet

from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.data.recipes.view_recipe import ViewRecipeConfig
from monoface.facemodel import CoefficientLayout
from monoface.methods.mgcnet import MgcnetConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.networks import ResNetConfig, load_regressor
from monoface.pipeline import CoefficientRegressor
from monoface.training import TrainConfig, train
from monoface.training.engine import loop as loop_module
from monoface.training.regressors import mgcnet
from monoface.training.regressors.mgcnet import TrainMgcnetConfig, train_mgcnet
from monoface.training.regressors.starting import start_from
from monoface.training.regressors.view_runs import SinglePhotosConfig

CONFIG = TrainConfig(
    steps=4, batch=2, warmup=2, average=0.9, precision="32-true", evaluate_every=2, log_every=1,
    checkpoint_seconds=1e9, tensorboard=False,
)  # fmt: skip


class InterruptedRunError(Exception):
    pass


def test_a_resumed_run_ends_in_the_same_state(tmp_path, monkeypatch):
    times = iter(range(0, 10**12, 10**10))
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: next(times))

    def interrupt(networks):
        raise InterruptedRunError

    source = ViewSource()
    whole = train(small_mgcnet(), source, CONFIG, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        train(small_mgcnet(), source, CONFIG, tmp_path / "broken", interrupt)
    resumed = train(small_mgcnet(), source, CONFIG, tmp_path / "broken")
    assert resumed.steps == 4
    for name, value in whole["regressor"].state_dict().items():
        assert torch.equal(value, resumed["regressor"].state_dict()[name]), name


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    return write_geometry_weights(tmp_path_factory.mktemp("weights") / "pretrain.safetensors")


def test_weights_of_geometry_are_a_start_that_adds_white_light(pretrained):
    method, narrow = small_mgcnet(), load_regressor(pretrained)[0]
    start_from(pretrained, method.regressor, synthetic_head(), method.layout)
    image = torch.rand(2, 3, 120, 120)
    found, known = method.regressor.eval()(image)[0], narrow(image)[0]
    torch.testing.assert_close(found[:, : known.shape[1]], known)
    assert not found[:, known.shape[1] :].any()


def test_another_backbone_is_no_start(pretrained):
    method = small_mgcnet(backbone=ResNetConfig((1, 1, 1, 1), 0.25))
    with pytest.raises(ConfigError, match="Set the method to match"):
        start_from(pretrained, method.regressor, synthetic_head(), method.layout)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "faces.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pretrained, encoder):
    method = MgcnetConfig(backbone=BACKBONE, supervision=SupervisionConfig(dense_points=40), render_px=32)
    folder = tmp_path_factory.mktemp("mgcnet")
    path, _ = train_in_two_parts(
        mgcnet, train_mgcnet, TrainMgcnetConfig, folder, pretrained, method=method, encoder=str(encoder)
    )
    return path


def test_weights_load_with_their_layout(trained):
    regressor = CoefficientRegressor.load(trained)
    head = synthetic_head()
    assert regressor.info.method == "mgcnet"
    assert regressor.info.albedo_space == head.albedo_space
    assert regressor.layout.geometry == CoefficientLayout.of(head)
    assert (regressor.layout.albedo, regressor.layout.light) == (head.albedo_size, True)
    found = regressor.predict(np.zeros((1, 120, 120, 3), np.uint8))
    assert found.camera.focal_px.item() == pytest.approx(4700 / 224 * 120)
    assert found.coefficients.albedo.shape == (1, head.albedo_size)


def test_the_log_has_every_term(trained):
    records = [json.loads(line) for line in (trained.parent / "log.jsonl").read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "train"]
    assert [record["step"] for record in steps] == [1, 2]
    assert {"photometric", "pixel", "depth", "epipolar", "agreement", "dense", "albedo"} <= steps[0].keys()
    assert all(0 < record["perceptual"] < 2 for record in steps)
    assert any(record["kind"] == "validation" for record in records)


def test_the_card_says_what_it_started_from_and_no_folder(trained, encoder):
    text = trained.with_name("mgcnet.card.json").read_text()
    card = json.loads(text)
    assert card["command"].startswith("monoface train mgcnet ")
    assert card["config"]["init"] == "pretrain.safetensors"
    assert card["config"]["encoder"] == {"name": "faces.safetensors", "sha256": sha256_of(encoder)}
    assert card["config"]["recipe"]["parser"]["name"] == "parsing.safetensors"
    # The recipe names other sources as well; the packs that there were are of these.
    assert card["data"] == "photos of aflw; synthetic heads; began with the weights pretrain.safetensors"
    assert "AFLW" in card["terms"]
    assert not any(name in card["terms"] for name in ("YouTube", "Labeled", "FASSEG", "Million"))
    assert card["validated_on"] == ["aflw"]
    assert str(trained.parent) not in text
    assert str(encoder.parent) not in text


def test_runs_go_without_an_encoder_and_not_with_a_missing_one(tmp_path):
    usual = TrainMgcnetConfig(data=tmp_path, out=tmp_path, encoder=None, recipe=ViewRecipeConfig(parser=None))
    assert usual.recorded()["encoder"] is None
    assert usual.recorded()["recipe"]["parser"] is None
    with pytest.raises(ModelFileError, match="absent"):
        train_mgcnet(replace(usual, encoder=str(tmp_path / "absent.safetensors")), lambda line: None)


def test_the_published_form_and_the_baseline_are_choices(tmp_path):
    usual = TrainMgcnetConfig(data=tmp_path, out=tmp_path)
    assert usual.trained_method == usual.method
    published = replace(usual, published=True, method=MgcnetConfig(multi_view=False))
    assert published.trained_method == replace(MgcnetConfig.published(), multi_view=False)
    with pytest.raises(ConfigError, match="a share of at least 0 and below 1, got 1"):
        SinglePhotosConfig(share=1.0)
