"""The command that trains 2DASL: from the weights of `pretrain` and small sources to weights that load."""

import json
from dataclasses import replace

import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_training import ToldTeacher, write_aflw

from monoface.core.errors import ConfigError
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.data.recipes import photo_recipe as recipe
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import CoefficientLayout
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import TwoDaslConfig
from monoface.networks import (
    CriticConfig,
    LandmarkMapConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    load_regressor,
    save_regressor,
)
from monoface.training import TrainConfig
from monoface.training.regressors import twodasl
from monoface.training.regressors.starting import start_from
from monoface.training.regressors.twodasl import TrainTwoDaslConfig, train_twodasl

BLOCKS, WIDTH = (1, 1, 1, 1), 0.125


def small_config(data, out, steps, **changes):
    return TrainTwoDaslConfig(
        data=data,
        out=out,
        recipe=RecipeConfig(sources=("aflw",), turn=TurnConfig(views=1), heads=HeadsConfig(count=2)),
        method=TwoDaslConfig(
            backbone=ResNetConfig(BLOCKS, WIDTH, in_channels=4),
            supervision=SupervisionConfig(dense_points=40),
            critic=CriticConfig(encoder=(8, 8, 8, 8, 8, 8), layers=(16,)),
            cycle_share=0.5,
        ),
        train=TrainConfig(
            steps=steps, batch=4, warmup=1, precision="bf16-mixed", log_every=1, evaluate_every=2
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Weights of a network that sees RGB alone."""
    head = synthetic_head()
    layout = CoefficientLayout.of(head)
    torch.manual_seed(1)
    network = Regressor(RegressorConfig(layout.size, backbone=ResNetConfig(BLOCKS, WIDTH)))
    info = RegressorInfo("pretrain", head.coefficient_space, layout.identity, layout.expression)
    path = tmp_path_factory.mktemp("weights") / "pretrain.safetensors"
    save_regressor(network, info, path)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pretrained):
    """A run of two steps, continued for a third; where its weights are."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("run")
    write_aflw(data / "aflw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twodasl, "open_face_model", lambda path: synthetic_head())
        patch.setattr(recipe, "FaceMeshTeacher", ToldTeacher)
        for steps in (2, 3):
            config = small_config(data, out, steps, init=pretrained, packs=data / "packs")
            path = train_twodasl(config, lambda line: None)
    return path


def test_weights_load_with_their_map(trained):
    regressor, info = load_regressor(trained)
    assert info.method == "twodasl"
    assert regressor.config.landmark_map == LandmarkMapConfig()
    assert regressor.config.backbone.in_channels == 4
    assert regressor(torch.zeros(1, 4, 120, 120))[0].isfinite().all()


def test_the_log_has_every_term_and_both_looks(trained):
    records = [json.loads(line) for line in (trained.parent / "log.jsonl").read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "train"]
    assert [record["step"] for record in steps] == [1, 2, 3]
    assert {"cycle", "self_critic", "critic", "second_dense", "coefficients", "gaps"} <= steps[0].keys()
    assert all(record[name] == record[name] for record in steps for name in record)
    looks = next(record for record in records if record["kind"] == "validation")
    assert {"aflw", "aflw second look"} <= looks.keys()


def test_the_card_says_what_it_started_from_and_no_folder(trained):
    text = trained.with_name("twodasl.card.json").read_text()
    card = json.loads(text)
    assert card["method"] == "twodasl"
    assert card["command"].startswith("monoface train twodasl ")
    assert card["config"]["init"] == "pretrain.safetensors"
    assert card["metrics_percent"].keys() == {"aflw", "aflw second look"}
    assert str(trained.parent) not in text
    assert str(trained.parents[1]) not in text


def test_packs_may_lie_elsewhere(trained):
    assert not (trained.parent / "packs").exists()


def test_a_network_without_a_map_is_a_start_that_changes_nothing(pretrained):
    head = synthetic_head()
    config = RegressorConfig(
        CoefficientLayout.of(head).size,
        backbone=ResNetConfig(BLOCKS, WIDTH, in_channels=4),
        landmark_map=LandmarkMapConfig(kind="hard"),
    )
    wider, narrow = Regressor(config).eval(), load_regressor(pretrained)[0]
    start_from(pretrained, wider, head, CoefficientLayout.of(head))
    image = torch.rand(2, 3, 120, 120)
    for level in (0.0, 1.0):
        mapped = torch.cat((image, torch.full_like(image[:, :1], level)), dim=1)
        torch.testing.assert_close(wider(mapped)[0], narrow(image)[0], rtol=1e-5, atol=1e-6)


def test_a_network_with_another_map_is_no_start(trained):
    head = synthetic_head()
    backbone = ResNetConfig(BLOCKS, WIDTH, in_channels=4)
    hard = RegressorConfig(
        CoefficientLayout.of(head).size, backbone=backbone, landmark_map=LandmarkMapConfig(kind="hard")
    )
    with pytest.raises(ConfigError, match=r"init twodasl.safetensors: expected .*hard.* got .*gauss"):
        start_from(trained, Regressor(hard), head, CoefficientLayout.of(head))


def test_the_published_form_is_a_choice(tmp_path):
    usual = TrainTwoDaslConfig(data=tmp_path, out=tmp_path)
    assert usual.trained_method == usual.method
    second = replace(usual, published=True, method=TwoDaslConfig(stage="vdc"))
    assert second.trained_method == replace(TwoDaslConfig.published(), stage="vdc")
