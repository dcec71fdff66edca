"""The command that trains: from small sources to weights that load, with their card."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_training import TRAIN_PHOTOS, ToldTeacher, write_aflw

from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError
from monoface.data.packs.photo_pack import FACE_PX, Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.data.recipes import photo_recipe as recipe
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.methods.pretrain import PretrainConfig
from monoface.networks import Regressor, RegressorConfig, ResNetConfig, load_regressor
from monoface.training import TrainConfig
from monoface.training.regressors import pretrain
from monoface.training.regressors.confidence import calibrate_confidence
from monoface.training.regressors.pretrain import TrainPretrainConfig, train_pretrain
from monoface.training.regressors.validation import ValidationSet
from monoface.training.regressors.weights import write_weights

BACKBONE = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
CROP_PX = 32


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_aflw(folder / "aflw")
    return folder


@pytest.fixture(autouse=True)
def small_world(monkeypatch):
    monkeypatch.setattr(pretrain, "open_face_model", lambda path: synthetic_head())
    monkeypatch.setattr(recipe, "FaceMeshTeacher", ToldTeacher)


def small_config(data, out, steps=2, **changes):
    return TrainPretrainConfig(
        data=data,
        out=out,
        recipe=RecipeConfig(sources=("aflw",), turn=TurnConfig(views=1), heads=HeadsConfig(count=2)),
        method=PretrainConfig(backbone=BACKBONE, dense_points=40),
        train=TrainConfig(steps=steps, batch=2, warmup=1, precision="32-true", log_every=1, evaluate_every=2),
        **changes,
    )


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of two steps, continued for a third; its folder, and what was reported."""
    out = tmp_path_factory.mktemp("run")
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "open_face_model", lambda path: synthetic_head())
        patch.setattr(recipe, "FaceMeshTeacher", ToldTeacher)
        train_pretrain(small_config(data, out), lines.append)
        path = train_pretrain(small_config(data, out, steps=3), lines.append)
    return path, lines


def records(path):
    return [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]


def test_weights_load_and_belong_to_the_face_model(trained):
    head = synthetic_head()
    regressor, info = load_regressor(trained[0])
    assert info.coefficient_space == head.coefficient_space
    assert (info.identity, info.expression, info.bounded) == (4, len(head.expression_names), True)
    assert np.isfinite(info.confidence).all()
    output, log_error = regressor(torch.rand(1, 3, FACE_PX, FACE_PX))
    assert output.isfinite().all()
    assert log_error.isfinite().all()


def test_an_interrupted_run_goes_on_where_it_ended(trained):
    steps = [record["step"] for record in records(trained[0]) if record["kind"] == "train"]
    assert steps == [1, 2, 3]


def test_packs_are_made_once(trained):
    path, lines = trained
    assert len(lines) == 4
    assert lines[:2] == lines[2:]
    assert lines[0].startswith(f"aflw: {TRAIN_PHOTOS}, aflw_turned: ")
    assert lines[1] == "heads: 2"
    assert {folder.name for folder in (path.parent / "packs").iterdir()} == {"aflw", "aflw_turned", "heads"}


def test_the_card_says_what_was_done_and_no_folder(trained, data):
    path = trained[0]
    text = path.with_name("pretrain.card.json").read_text()
    card = json.loads(text)
    assert card["terms"].startswith("AFLW (Koestinger et al., ICCV workshops 2011): research")
    assert card["terms"].endswith("The weights are offered for research and non-commercial use.")
    assert not any(name in card["terms"] for name in ("YouTube", "Labeled", "Million"))
    assert card["data"] == "photos of aflw; synthetic heads"
    assert card["steps"] == 3
    assert card["config"]["method"]["backbone"]["width"] == 0.125
    assert card["metrics_percent"].keys() == {"aflw"}
    assert np.isfinite(card["metrics_percent"]["aflw"])
    assert str(data) not in text
    assert str(path.parent) not in text


def test_the_manifest_lists_the_weights(trained):
    path = trained[0]
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest == {"pretrain.safetensors": sha256_of(path)}


def test_training_starts_from_given_weights(trained, data, tmp_path):
    config = small_config(data, tmp_path, steps=1, init=trained[0])
    still = dataclasses.replace(config, train=dataclasses.replace(config.train, learning_rate=1e-12))
    path = train_pretrain(still, lambda line: None)
    first, again = (load_regressor(one)[0].state_dict() for one in (trained[0], path))
    for name in ("head.weight", "error_head.bias"):
        torch.testing.assert_close(first[name], again[name], atol=1e-6, rtol=1e-3)
    card = json.loads(path.with_name("pretrain.card.json").read_text())
    assert card["config"]["init"] == "pretrain.safetensors"
    assert "Began with pretrain.safetensors: AFLW" in card["terms"]


def test_weights_of_other_networks_are_no_start(trained, data, tmp_path):
    wider = PretrainConfig(backbone=ResNetConfig(blocks=(1, 1, 1, 1), width=0.25), dense_points=40)
    config = dataclasses.replace(small_config(data, tmp_path, init=trained[0]), method=wider)
    with pytest.raises(ConfigError, match=r"init pretrain.safetensors: expected .*width=0.25.* got .*0.125"):
        train_pretrain(config, lambda line: None)


def test_a_folder_without_validation_photos_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="to validate on, found none"):
        train_pretrain(small_config(tmp_path, tmp_path / "out"), lambda line: None)


def test_shares_of_packs_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected names of packs, got aflw_trned"):
        small_config(tmp_path, tmp_path, shares={"aflw_trned": 1.0})


@pytest.fixture
def regressor():
    """Says for every crop: a mean face in the middle, log error -3."""
    layout = CoefficientLayout.of(synthetic_head())
    network = Regressor(RegressorConfig(layout.size, CROP_PX, BACKBONE)).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.error_head.weight.zero_()
        network.error_head.bias.fill_(-3.0)
    return network


def shifted(name, distances_px):
    """Photos whose points all lie so many pixels beside those that the regressor predicts."""
    head = synthetic_head()
    layout = CoefficientLayout.of(head)
    located = layout.decode(torch.zeros(1, layout.size), CROP_PX)
    points = project_points(head.subset(head.landmarks("aflw21")), *located).numpy().astype(np.float64)
    points = points + np.array(distances_px)[:, None, None] * (1, 0)
    crops = np.zeros((len(points), CROP_PX, CROP_PX, 3), np.uint8)
    return ValidationSet(name, "aflw21", crops, points, normaliser_px=10.0)


def probability(confidence, log_error=-3.0):
    return 1 / (1 + np.exp(-(confidence[0] + confidence[1] * log_error)))


def test_confidence_by_hand(regressor):
    # 5 % of the longer side of a face in a crop of 32 pixels are 1.13 pixels. One of four photos of the
    # first set is good, the only one of the second is, and both sets count alike.
    sets = [shifted("one", [1.1, 1.2, 5.0, 9.0]), shifted("two", [0.0])]
    confidence = calibrate_confidence(regressor, synthetic_head(), sets)
    assert probability(confidence) == pytest.approx((0.25 + 1) / 2, abs=0.01)


def test_aflw2000_does_not_teach_confidence(regressor):
    watched = shifted("aflw2000_reannotated", [9.0] * 5)
    sets = [shifted("one", [0.0, 9.0])]
    head = synthetic_head()
    assert calibrate_confidence(regressor, head, [*sets, watched]) == calibrate_confidence(
        regressor, head, sets
    )
    assert calibrate_confidence(regressor, head, [watched]) == (0.0, 0.0)


def test_weights_are_written_with_their_errors(regressor, tmp_path):
    path = tmp_path / "pretrain.safetensors"
    sets = [shifted("one", [1.0, 3.0])]
    config = TrainPretrainConfig(data=tmp_path / "data", out=tmp_path)
    head = synthetic_head()
    assert write_weights(regressor, CoefficientLayout.of(head), head, sets, config, path, seen={}) == path
    card = json.loads((tmp_path / "pretrain.card.json").read_text())
    assert card["metrics_percent"] == {"one": pytest.approx(20.0, abs=0.01)}
    written, info = load_regressor(path)
    assert written.config == regressor.config
    assert probability(info.confidence) == pytest.approx(0.5, abs=0.01)


def test_prepared_photos_are_enough_to_train_on(trained, tmp_path):
    """No data set at all: the packs of the other run stand in for prepared photos."""
    folder = PreparedFolder(tmp_path / "mine")
    folder.begin({"recipe": "r"})
    photos, turned = (Pack.load(trained[0].parent / "packs" / name) for name in ("aflw", "aflw_turned"))
    folder.save_shard(0, [], {"photos": photos, "turned": turned, "validation": photos}, "r")
    folder.finish(1, {})
    recipe = RecipeConfig(sources=(), prepared=(folder.folder,), heads=HeadsConfig(count=0))
    config = small_config(tmp_path / "nothing", tmp_path / "run")
    config = dataclasses.replace(config, recipe=recipe, shares={"mine": 1.0})
    path = train_pretrain(config, lambda line: None)
    card = json.loads(path.with_name("pretrain.card.json").read_text())
    # Whoever trains on photos of their own gets a card that names these and nothing else.
    assert card["data"] == "photos of mine"
    assert card["terms"] == "Photos of the user's own (mine), for which no terms are stated."
    assert card["config"]["recipe"]["prepared"] == ["mine"]
    assert card["metrics_percent"].keys() == {"mine"}
    assert str(tmp_path) not in path.with_name("pretrain.card.json").read_text()
    assert (tmp_path / "run" / "samples" / "step-00000002.png").is_file()


def test_the_card_has_the_steps_of_a_run_by_the_clock(trained, data, tmp_path):
    config = small_config(data, tmp_path)
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, minutes=1e-6))
    path = train_pretrain(config, lambda line: None)
    card = json.loads(path.with_name("pretrain.card.json").read_text())
    assert card["steps"] == 1
    assert card["config"]["train"]["minutes"] == 1e-6
