"""The command that trains the flagship: from packs of photos and views to weights that load."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_view_runs import write_encoder, write_geometry_weights
from synthetic_head import synthetic_head
from synthetic_packs import labelled_samples, small_monoface
from synthetic_training import write_aflw

from monoface.core.errors import ConfigError
from monoface.data.packs.photo_pack import Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import CoefficientLayout
from monoface.methods.monoface import MonofaceConfig, PictureConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import SelfTermsConfig
from monoface.networks import CriticConfig, ResNetConfig, load_identity_encoder, load_regressor
from monoface.pipeline import CoefficientRegressor
from monoface.training import TrainConfig
from monoface.training.regressors import monoface
from monoface.training.regressors.monoface import TrainMonofaceConfig, train_monoface, trusted, view_packs_of
from monoface.training.regressors.starting import start_from

SETS = (("ibug68_reannotated", 1), ("facemesh468", 40))
UNSEEN = {"mgcnet": False, "detail": False}
WEIGHTS = {"aflw21": 0.5, "facemesh468": 0.3, "ibug68_contour": 0.5, "ibug68_reannotated": 0.5}


def small_config(data, out, steps, **changes):
    critic = CriticConfig(encoder=(8, 8, 8, 8, 8, 8), layers=(16,))
    method = MonofaceConfig(
        backbone=ResNetConfig((1, 1, 1, 1), 0.125, in_channels=4),
        supervision=SupervisionConfig(set_weights=WEIGHTS, dense_points=40, absolute_scale=False),
        neutral_points=40,
        point_sets=SETS,
        looks=SelfTermsConfig(critic=critic, cycle_share=0.5, critic_share=0.5),
        pictures=PictureConfig(render_px=24),
    )
    return TrainMonofaceConfig(
        data=data,
        out=out,
        recipe=RecipeConfig(sources=(), prepared=(data / "people",), heads=HeadsConfig(count=0)),
        shares={"people": 1.0},
        method=method,
        views=data / "views",
        views_every=2,
        view_share=1.0,
        train=TrainConfig(
            steps=steps, batch=4, warmup=1, precision="bf16-mixed", log_every=1, evaluate_every=2
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A source to validate on, people with labels, and a pack of views."""
    data = tmp_path_factory.mktemp("data")
    write_aflw(data / "aflw")
    people = replace(labelled_samples(), name="people")
    empty = people.chosen("people", np.zeros(0, np.int64))
    folder = PreparedFolder(data / "people")
    folder.begin({"recipe": "r"})
    folder.save_shard(0, [], {"photos": people, "turned": empty, "validation": people}, "r")
    folder.finish(1, {})
    heads = HeadViewsConfig(heads=HeadsConfig(count=2, max_yaw_deg=30.0), changing=0.0)
    pack = head_views(synthetic_head(), np.zeros((0, 8, 8, 3), np.uint8), heads)
    pack.save(data / "views" / "heads", "r")
    write_geometry_weights(data / "pretrain.safetensors")
    write_encoder(data / "faces.safetensors")
    return data


def run(data, out, *steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monoface, "open_face_model", lambda path: synthetic_head())
        told = []
        for count in steps:
            config = small_config(
                data, out, count, init=data / "pretrain.safetensors", encoder=str(data / "faces.safetensors")
            )
            path = train_monoface(config, told.append)
    return path, told


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return run(data, tmp_path_factory.mktemp("run"), 2, 4)


def test_weights_load_with_their_points(trained):
    regressor = CoefficientRegressor.load(trained[0])
    head = synthetic_head()
    assert regressor.info.method == "monoface"
    assert regressor.info.point_sets == SETS
    assert regressor.info.focal_per_size is None
    assert (regressor.layout.albedo, regressor.layout.light) == (head.albedo_size, True)
    assert regressor.layout.geometry == CoefficientLayout.of(head)
    found = regressor.predict(np.zeros((1, 120, 120, 3), np.uint8))
    assert found.points.place_px.shape[1] == load_regressor(trained[0])[0].config.points


def test_the_log_has_steps_of_both_kinds(trained):
    records = [json.loads(line) for line in (trained[0].parent / "log.jsonl").read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "train"]
    assert [record["step"] for record in steps] == [1, 2, 3, 4]
    assert sum("photometric" in record for record in steps) == 2
    assert sum("self_critic" in record for record in steps) == 2
    assert all({"neutral", "openings", "points", "dense"} <= record.keys() for record in steps)
    validation = [record for record in records if record["kind"] == "validation"][-1]
    assert {"aflw", "prepared people", "people identity mm", "people mean mm"} <= validation.keys()
    assert any("2 views" in line for line in trained[1])


def test_the_card_names_no_folder(trained, data):
    text = trained[0].with_name("monoface.card.json").read_text()
    card = json.loads(text)
    assert card["command"].startswith("monoface train monoface ")
    assert card["config"]["views"] == "views"
    assert card["config"]["recipe"]["prepared"] == ["people"]
    assert card["metrics_percent"]["people mean mm"] > 0
    assert card["data"].startswith("photos of people; synthetic heads; ")
    assert "the user's own (people)" in card["terms"]
    assert "AFLW" not in card["terms"]
    assert str(data) not in text


def test_a_resumed_run_ends_in_the_same_state(data, trained, tmp_path):
    path, _ = run(data, tmp_path / "whole", 4)
    whole, resumed = (load_regressor(one)[0].state_dict() for one in (path, trained[0]))
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_weights_with_points_are_a_start_for_themselves_alone(trained):
    head = synthetic_head()
    same = small_monoface(120, point_sets=SETS, **UNSEEN)
    start_from(trained[0], same.regressor, head, same.layout)
    wanted = load_regressor(trained[0])[0].state_dict()
    assert torch.equal(same.regressor.state_dict()["point_head.place.bias"], wanted["point_head.place.bias"])
    other = small_monoface(96, point_sets=SETS, **UNSEEN)
    with pytest.raises(ConfigError, match="Set the method to match"):
        start_from(trained[0], other.regressor, head, other.layout)


def test_points_that_a_start_does_not_know_stay_where_they_are(data):
    method = small_monoface(96, **UNSEEN)
    before = method.regressor.state_dict()["point_head.place.bias"].clone()
    start_from(data / "pretrain.safetensors", method.regressor, synthetic_head(), method.layout)
    assert torch.equal(method.regressor.state_dict()["point_head.place.bias"], before)


def test_identities_found_in_single_photos_are_not_trusted(data):
    recipe = RecipeConfig(sources=(), prepared=(data / "people",))
    pack = labelled_samples()

    def trust(name, synthetic=False):
        made = trusted(replace(pack, name=name, synthetic=synthetic), recipe, 0.25)
        assert isinstance(made, Pack)
        return made.trust

    assert trust("people") is None
    assert trust("people_turned") is None
    assert trust("heads", synthetic=True) is None
    assert trust("aflw").tolist() == [0.25] * 5


def test_what_is_no_folder_of_views_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected packs of monoface data views"):
        view_packs_of(tmp_path)
    with pytest.raises(ConfigError, match=r"found_trust in 0\.\.1"):
        TrainMonofaceConfig(data=tmp_path, out=tmp_path, found_trust=2.0)


def test_the_encoder_that_views_are_compared_by_ships():
    encoder = load_identity_encoder(TrainMonofaceConfig.encoder)
    assert encoder.size_px > 0
