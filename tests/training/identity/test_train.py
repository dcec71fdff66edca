"""The command that trains identity encoders: from small sources to weights that load, with their card."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from synthetic_people import ToldReconstructor, write_lfw, write_ytf

from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import Lfw, Ytf
from monoface.data.sources.registry import held_out_ytf
from monoface.geometry.face_template import ARCFACE_FACE
from monoface.methods.identity import IdentityConfig
from monoface.networks import IdentityNetworkConfig, load_identity_encoder
from monoface.training import TrainConfig
from monoface.training.identity import align_faces as identity_faces
from monoface.training.identity.align_faces import IdentityRecipe, build_identity_faces
from monoface.training.identity.train import TrainIdentityConfig, train_identity
from monoface.training.identity.validation import held_out_sets, verification

NETWORK = IdentityNetworkConfig(blocks=(1, 1, 1), width=0.125, parts=8, features=4)
RECIPE = IdentityRecipe(held_out=0.3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_lfw(folder / "lfw")
    write_ytf(folder / "ytf")
    return folder


@pytest.fixture(scope="module", autouse=True)
def told():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity_faces, "Reconstructor", ToldReconstructor)
        yield


@pytest.fixture(scope="module")
def sources(data, tmp_path_factory):
    return build_identity_faces(data, tmp_path_factory.mktemp("faces"), RECIPE, lambda line: None)


def small_config(data, out, steps=2, **changes):
    config = TrainIdentityConfig(
        data=data,
        out=out,
        recipe=RECIPE,
        method=IdentityConfig(network=NETWORK),
        train=TrainConfig(
            steps=steps,
            batch=4,
            warmup=1,
            precision="32-true",
            log_every=1,
            evaluate_every=2,
            tensorboard=False,
        ),
        init="",
    )
    return dataclasses.replace(config, **changes)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of two steps, continued for a third; its weights, and what was reported."""
    out = tmp_path_factory.mktemp("run")
    lines = []
    train_identity(small_config(data, out), lines.append)
    path = train_identity(small_config(data, out, steps=3), lines.append)
    return path, lines


def test_weights_load_and_embed(trained):
    encoder = load_identity_encoder(trained[0])
    assert encoder.config == NETWORK
    assert encoder.embed(torch.rand(2, 3, 112, 112)).isfinite().all()


def test_an_interrupted_run_goes_on_where_it_ended(trained):
    records = [json.loads(line) for line in (trained[0].parent / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if record["kind"] == "train"] == [1, 2, 3]
    validated = [record for record in records if record["kind"] == "validation"]
    assert {"lfw accuracy", "lfw auc", "ytf accuracy", "ytf auc"} <= validated[-1].keys()


def test_what_was_found_is_told(trained):
    # The black photo shows nobody in lfw; in ytf it is annotated.
    assert (
        trained[1]
        == [
            "lfw: 47 faces of 16 people, 5 of them held out",
            "ytf: 80 faces of 20 people, 6 of them held out",
        ]
        * 2
    )


def test_the_card_says_what_was_done_and_no_folder(trained, data):
    path = trained[0]
    text = path.with_name("identity.card.json").read_text()
    card = json.loads(text)
    assert "non-commercial" in card["terms"]
    assert card["data"] == "photos of lfw, ytf"
    assert (card["people"], card["steps"]) == (25, 3)
    scores = card["verification"]["ytf"]
    low, high = scores["auc_percent_95"]
    assert low <= scores["auc_percent"] <= high
    assert scores["people"] == 6
    assert str(data) not in text
    assert str(path.parent) not in text
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest == {"identity.safetensors": sha256_of(path)}


def test_people_kept_by_the_regressors_recipe_are_held_out(sources, data):
    faces = sources[1]
    ytf = Ytf(data / "ytf")
    kept = np.unique(ytf.person[held_out_ytf(ytf, 10)])
    assert set(kept) <= set(faces.person[faces.held_out])
    assert not set(faces.person[faces.held_out]) & set(faces.person[~faces.held_out])


def test_the_face_in_the_middle_is_cut_out(sources, data):
    # Told landmarks lie on the template already: nothing turns, and the picture is its own canvas.
    expected = Lfw(data / "lfw").image(0)[24:136, 24:136]
    assert np.abs(sources[0].aligned(np.array([0]))[0].astype(int) - expected).mean() < 12


def test_frames_of_one_clip_are_known(sources):
    clip = sources[1].clip
    assert [clip[0] == clip[1], clip[1] == clip[2], clip[3] == clip[4]] == [True, False, False]


class _Colours:
    """Knows people by the mean colour, as the synthetic ones are made."""

    size_px = 112
    template = ARCFACE_FACE

    def embed(self, image):
        return torch.nn.functional.normalize(image.mean(dim=(2, 3)) - 0.5, dim=-1)


def test_an_encoder_that_knows_people_scores_well(sources):
    for one in held_out_sets(sources):
        assert verification(_Colours(), one).auc > 0.95


def test_a_start_that_does_not_fit_is_refused(data, tmp_path, trained):
    faces = trained[0].parent / "faces"
    (tmp_path / "faces").symlink_to(faces)
    with pytest.raises(ConfigError, match="same first three stages"):
        train_identity(small_config(data, tmp_path, init="pretrain"), lambda line: None)


def test_a_missing_source_is_refused(tmp_path):
    with pytest.raises(DataError):
        train_identity(small_config(tmp_path, tmp_path / "out"), lambda line: None)


def test_too_few_held_out_people_are_refused(data, tmp_path):
    recipe = IdentityRecipe(sources=("lfw",), held_out=0.1)
    with pytest.raises(ConfigError, match=r"lfw: .* at least 4 people, got 2. Hold out more people"):
        train_identity(small_config(data, tmp_path, recipe=recipe), lambda line: None)


def test_impossible_configurations_are_refused(data, tmp_path):
    with pytest.raises(ConfigError, match="sources of lfw, ytf, got"):
        IdentityRecipe(sources=("aflw",))
    with pytest.raises(ConfigError, match="held_out between 0 and 1"):
        IdentityRecipe(held_out=1.0)
    with pytest.raises(ConfigError, match="faces of 112 pixels, as they are cut out, got 64"):
        small_config(data, tmp_path, method=IdentityConfig(IdentityNetworkConfig(size_px=64)))
