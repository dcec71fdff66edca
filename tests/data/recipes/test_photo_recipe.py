"""The recipe: turned views whose coefficients fit their pictures, people held out, and its own hash."""

import dataclasses

import numpy as np
import pytest

from monoface.core.errors import ConfigError, DataError
from monoface.data.labelling.second_round import SecondRoundConfig
from monoface.data.packs.photo_pack import Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.recipes import photo_recipe as recipe
from monoface.data.recipes.photo_recipe import (
    RecipeConfig,
    build_packs,
    read_photos,
)
from monoface.data.recipes.shares import check_shares
from monoface.data.sources import Ytf
from monoface.data.sources.registry import held_out_ytf
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import FaceModel, LandmarkSet


def test_every_so_manieth_person_is_held_out():
    ytf = Ytf.__new__(Ytf)
    ytf.person = np.array([5, 5, 1, 2, 3, 3, 9])
    # The people in order are 1, 2, 3, 5, 9: the first and the fourth are held out.
    assert held_out_ytf(ytf, 3).tolist() == [True, True, True, False, False, False, False]


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(DataError, match="source celeba: expected one of aflw, ytf, lfw"):
        read_photos("celeba", tmp_path, RecipeConfig())


def test_hashes_tell_recipes_and_models_apart(head):
    first = recipe._recipe_hash(head, RecipeConfig())
    assert recipe._recipe_hash(head, RecipeConfig()) == first
    assert recipe._recipe_hash(head, RecipeConfig(seed=1)) != first


@pytest.mark.parametrize("name", ["aflw21", "facemesh468", "ibug68", "ibug68_contour"])
def test_hashes_tell_landmark_sets_apart_that_differ_in_weights_alone(head, name):
    points = head.data.landmarks[name]
    other = LandmarkSet(points.index, points.weight.roll(1, dims=1))
    moved = dataclasses.replace(head.data, landmarks=dict(head.data.landmarks) | {name: other})
    assert recipe._recipe_hash(FaceModel(moved), RecipeConfig()) != recipe._recipe_hash(head, RecipeConfig())


def test_hashes_tell_coefficient_spaces_apart(head):
    other = FaceModel(dataclasses.replace(head.data, identity_basis_mm=2 * head.data.identity_basis_mm))
    assert recipe._recipe_hash(other, RecipeConfig()) != recipe._recipe_hash(head, RecipeConfig())


@pytest.mark.parametrize("wrong", [{"held_out_people": 0}, {"limit": -1}])
def test_impossible_recipes_are_refused(wrong):
    with pytest.raises(ConfigError, match="held_out_people of at least 1 and a limit of at least 0"):
        RecipeConfig(**wrong)


def test_hashes_know_second_rounds_by_what_is_in_their_weights(head, tmp_path):
    def hash_with(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return recipe._recipe_hash(head, RecipeConfig(second_round=SecondRoundConfig(weights=path)))

    first = hash_with("one", b"weights")
    assert first == hash_with("two", b"weights")
    assert first != hash_with("three", b"others")
    assert first != recipe._recipe_hash(head, RecipeConfig())


@pytest.fixture
def prepared(labelled_pack, tmp_path):
    """A folder of two shards, as `prepare_photos` leaves it."""
    folder = PreparedFolder(tmp_path / "mine")
    folder.begin({"recipe": "r"})
    empty = Pack("e", labelled_pack.canvases[:0], {}, labelled_pack.outputs[:0])
    for number, turned in enumerate((labelled_pack, empty)):
        packs = {"photos": labelled_pack, "turned": turned, "validation": empty}
        folder.save_shard(number, [{"photo": "a", "outcome": "kept"}], packs, "r")
    folder.finish(2, {})
    return folder.folder


def test_prepared_photos_are_packs_of_their_folders_name(head, prepared, tmp_path):
    lines = []
    config = RecipeConfig(sources=(), prepared=(prepared,), heads=HeadsConfig(count=0))
    packs = build_packs(tmp_path, tmp_path / "packs", head, config, lines.append)
    assert [(pack.name, len(pack)) for pack in packs] == [
        ("mine", 5), ("mine", 5), ("mine_turned", 5), ("mine_turned", 0),
    ]  # fmt: skip
    assert lines == ["mine: 10, mine_turned: 5"]
    assert recipe._recipe_hash(head, config) == recipe._recipe_hash(
        head, RecipeConfig(sources=(), heads=HeadsConfig(count=0))
    )


def test_shares_name_packs_and_leave_no_prepared_photos_out(tmp_path):
    config = RecipeConfig(prepared=(tmp_path / "mine",))
    check_shares({"aflw": 1.0, "mine_turned": 0.5}, config)
    with pytest.raises(ConfigError, match=r"expected names of packs, got other.*mine, mine_turned"):
        check_shares({"other": 1.0, "mine": 1.0}, config)
    with pytest.raises(ConfigError, match="expected shares of all prepared photos, got none of mine"):
        check_shares({"aflw": 1.0}, config)
