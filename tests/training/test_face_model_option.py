"""Training for another face model: `--face-model FILE`, with a model of Gaussian expressions and one set."""

import json
from dataclasses import replace

import numpy as np
import pytest
from gaussian_face import gaussian_data, gaussian_files, gaussian_model
from synthetic_training import write_aflw

from monoface.cli.main import main
from monoface.core.assets import asset_sha256, sha256_of
from monoface.core.errors import DataError, ModelFileError
from monoface.data.packs.digests import model_digest
from monoface.data.preparing.prepared import SPACE, PreparedFolder
from monoface.data.recipes.photo_recipe import RecipeConfig, build_packs
from monoface.data.recipes.view_recipe import ViewRecipeConfig, build_view_packs
from monoface.data.synthetic.heads import HeadsConfig, heads_pack
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadsConfig
from monoface.facemodel import FaceModel, LandmarkSet
from monoface.methods.detail import DetailConfig
from monoface.methods.pretrain import PretrainConfig
from monoface.networks import ResNetConfig, TranslatorConfig, load_regressor
from monoface.training import TrainConfig
from monoface.training.detail import train as detail
from monoface.training.detail.train import TrainDetailConfig, train_detail
from monoface.training.parsing.train import TrainParsingConfig, train_parsing
from monoface.training.regressors.pretrain import TrainPretrainConfig, train_pretrain

TWO_STEPS = TrainConfig(
    steps=2, batch=2, warmup=1, precision="32-true", log_every=1, evaluate_every=2, samples_every=2
)
OF_ANOTHER = "expected coefficients of the space"


def silent(line):
    """Take a line about the progress."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The model and weights of it."""
    return gaussian_files(tmp_path_factory.mktemp("gaussian"))


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Prepared photos for the model: heads of which everything is known."""
    none = np.zeros((0, 8, 8, 3), np.uint8)
    pack = heads_pack(gaussian_model(), none, HeadsConfig(count=4, point_sets=("ibug68",)))
    folder = PreparedFolder(tmp_path_factory.mktemp("prepared") / "mine")
    folder.begin({"recipe": "r"})
    empty = pack.chosen("turned", np.zeros(0, np.int64))
    folder.save_shard(0, [], {"photos": pack, "turned": empty, "validation": pack}, "r")
    folder.finish(1, {})
    return folder.folder


def pretraining(data, out, mine, **changes):
    method = PretrainConfig(
        backbone=ResNetConfig(blocks=(1, 1, 1, 1), width=0.125), dense_points=40, set_weights={"ibug68": 1.0}
    )
    recipe = RecipeConfig(sources=(), prepared=(mine,), heads=HeadsConfig(count=0))
    config = TrainPretrainConfig(
        data=data, out=out, recipe=recipe, method=method, shares={"mine": 1.0}, train=TWO_STEPS
    )
    return replace(config, **changes)


def test_weights_and_card_are_of_the_model_that_is_named(files, mine, tmp_path):
    path = train_pretrain(pretraining(tmp_path, tmp_path / "run", mine, face_model=files[0]), silent)
    info = load_regressor(path)[1]
    assert info.coefficient_space == gaussian_model().coefficient_space
    assert not info.bounded
    card = json.loads(path.with_name("pretrain.card.json").read_text())
    assert card["config"]["face_model"] == {"name": "gaussian.safetensors", "sha256": sha256_of(files[0])}
    assert np.isfinite(card["metrics_percent"]["mine"])
    assert (tmp_path / "run/samples/step-00000002.png").is_file()


def test_cards_name_the_shipped_model_where_none_is_named(tmp_path):
    recorded = TrainPretrainConfig(data=tmp_path, out=tmp_path).recorded()
    name = "face_model.safetensors"
    assert recorded["face_model"] == {"name": name, "sha256": asset_sha256(name)}


def test_packs_of_another_model_are_refused(mine, tmp_path):
    with pytest.raises(
        DataError, match=r"pack mine: expected outputs of length .* made for another face model"
    ):
        train_pretrain(pretraining(tmp_path, tmp_path / "run", mine, method=PretrainConfig()), silent)


def test_prepared_folders_say_whose_coefficients_they_hold(mine, tmp_path):
    """Models of equal sizes are told apart, too; folders of earlier versions say nothing and are taken."""
    folder = PreparedFolder(tmp_path / "theirs")
    folder.begin({"recipe": "r", SPACE: "another"})
    (mine / "shards").rename(folder.folder / "shards")
    (mine / "summary.json").rename(folder.folder / "summary.json")
    recipe = RecipeConfig(sources=(), prepared=(folder.folder,), heads=HeadsConfig(count=0))
    space = gaussian_model().coefficient_space
    try:
        with pytest.raises(
            DataError, match=f"theirs: expected coefficients of the space {space}, got another"
        ):
            build_packs(tmp_path, tmp_path / "packs", gaussian_model(), recipe, silent)
        with pytest.raises(DataError, match=f"begun with other {SPACE}"):
            folder.begin({"recipe": "r", SPACE: space})
    finally:
        (folder.folder / "shards").rename(mine / "shards")
        (folder.folder / "summary.json").rename(mine / "summary.json")
    # Begun by an earlier version, which did not say it.
    PreparedFolder(mine).begin({"recipe": "r", SPACE: space})


def test_sets_that_a_method_needs_are_missed_at_once(files, mine, tmp_path):
    config = pretraining(tmp_path, tmp_path / "run", mine, face_model=files[0], method=PretrainConfig())
    with pytest.raises(
        ModelFileError, match="landmark set aflw21: the face model has no such set; it has ibu"
    ):
        train_pretrain(config, silent)
    assert not (tmp_path / "run").exists()


def test_sets_that_validation_needs_are_missed_at_once(files, mine, tmp_path):
    write_aflw(tmp_path / "aflw")
    with pytest.raises(
        ModelFileError, match="sets aflw21, which validation of pretrain needs, got a model with"
    ):
        train_pretrain(pretraining(tmp_path, tmp_path / "run", mine, face_model=files[0]), silent)
    assert not (tmp_path / "run").exists()


def test_sets_that_labels_need_are_missed_before_photos_are_read(tmp_path):
    recipe = RecipeConfig(sources=("ytf", "lfw"))
    with pytest.raises(
        ModelFileError, match="sets facemesh468, ibug68_contour, which labelling ytf, lfw needs"
    ):
        build_packs(tmp_path, tmp_path / "packs", gaussian_model(), recipe, silent)
    views = ViewRecipeConfig(sources=(), folders={tmp_path / "mine": "strips"})
    with pytest.raises(ModelFileError, match=r"sets facemesh468, which labelling .*mine.* needs"):
        build_view_packs(tmp_path, tmp_path / "views", gaussian_model(), views, silent)


def test_digests_tell_models_with_few_sets_apart():
    data = gaussian_data()
    moved = LandmarkSet.from_vertices(np.arange(68))
    other = FaceModel(replace(data, landmarks={"ibug68": moved}))
    more = FaceModel(
        replace(data, landmarks={**data.landmarks, "aflw21": LandmarkSet.from_vertices(np.arange(21))})
    )
    assert len({model_digest(one) for one in (gaussian_model(), other, more)}) == 3


def test_wrinkles_are_learned_on_heads_of_the_model(files, tmp_path, monkeypatch):
    monkeypatch.setattr(detail, "_VALIDATION_HEADS", 1)
    config = TrainDetailConfig(
        tmp_path / "run",
        heads=2,
        drawing=WrinkledHeadsConfig(picture_px=96, texture_px=64),
        method=DetailConfig(translator=TranslatorConfig(9, (3, 4, 5), 2), texture_px=64),
        train=TWO_STEPS,
        face_model=files[0],
    )
    path = train_detail(config, silent)
    card = json.loads(path.with_name("detail.card.json").read_text())
    assert card["config"]["face_model"]["sha256"] == sha256_of(files[0])
    verts = np.load(tmp_path / "run/packs/heads/00000/verts_camera.npy")
    assert verts.shape[1] == len(gaussian_model().mean_mm)


def test_networks_of_another_model_are_no_help(files, tmp_path):
    with pytest.raises(ModelFileError, match=f"weights pretrain: {OF_ANOTHER}"):
        train_detail(TrainDetailConfig(tmp_path / "run", data=tmp_path, face_model=files[0]), silent)
    with pytest.raises(ModelFileError, match=f"weights pretrain: {OF_ANOTHER}"):
        train_parsing(TrainParsingConfig(tmp_path, tmp_path / "run", face_model=files[0]), silent)
    assert not (tmp_path / "run").exists()


def test_likeness_needs_weights_and_sets_of_the_model(files, tmp_path, capsys):
    words = ["train", "likeness", "--people", tmp_path, "--data", tmp_path]
    words += ["--out", tmp_path / "o.safetensors"]
    words += ["--init", files[1]]
    assert main([str(word) for word in words]) == 2
    assert f"weights weights.safetensors: {OF_ANOTHER}" in capsys.readouterr().err
    assert main([str(word) for word in [*words, "--face-model", files[0]]]) == 2
    assert (
        "expected the landmark sets ibug68_reannotated, which train likeness needs" in capsys.readouterr().err
    )


def test_a_file_that_is_no_face_model_is_refused(tmp_path, mine):
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="cannot be read as a face model"):
        train_pretrain(pretraining(tmp_path, tmp_path / "run", mine, face_model=wrong), silent)
