"""What measuring needs, in the file of the weights."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from monoface.core.errors import ConfigError, ModelFileError
from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.input_domain import InputDomain
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.networks import load_regressor, save_regressor
from monoface.pipeline.refining.refinement_file import (
    DESCRIPTOR,
    Refinement,
    load_refinement,
    save_refinement,
)

SIZE, SEEN, POINTS = 3, 130, 7


@pytest.fixture
def refinement():
    rng = np.random.default_rng(0)
    identity_map = IdentityMap(
        ((DESCRIPTOR, 128), ("regressed", 2)),
        rng.normal(size=(SIZE, SEEN)),
        rng.normal(size=SIZE),
        2 * np.eye(SIZE),
        rng.normal(size=SIZE),
        3 * np.eye(SIZE),
    )
    config = RefineConfig(steps=3, discount=0.05, nuisance=0.7)
    return Refinement(config, identity_map, rng.normal(size=(POINTS, 3)), 1.3, "ab" * 32, default=False)


@pytest.fixture
def weights(toy_files, tmp_path):
    path = tmp_path / "toy.safetensors"
    path.write_bytes(toy_files[1].read_bytes())
    return path


def test_round_trip(refinement, weights):
    save_refinement(refinement, weights)
    again = load_refinement(weights)
    assert again.config == refinement.config
    assert again.identity_map.inputs == refinement.identity_map.inputs
    for name in ("weight", "bias", "covariance", "population_mean", "population_covariance"):
        assert_allclose(getattr(again.identity_map, name), getattr(refinement.identity_map, name), rtol=1e-6)
    assert_allclose(again.habit_mm, refinement.habit_mm, rtol=1e-6)
    assert (again.sigma_factor, again.recognition, again.default) == (1.3, "ab" * 32, False)


def test_what_guards_the_map_is_kept(refinement, weights):
    rng = np.random.default_rng(1)
    ranges = {"distance": (1.2, 1.5), "strangeness": (2.0, 3.0), "turn_deg": (45.0, 80.0)}
    domain = InputDomain(DESCRIPTOR, rng.normal(size=128), np.eye(128), rng.normal(size=128), **ranges)
    elsewhere = Elsewhere(
        domain, ("regressed", 2), rng.normal(size=(SIZE, 2)), rng.normal(size=SIZE), 5 * np.eye(SIZE)
    )
    guarded = dataclasses.replace(refinement.identity_map, elsewhere=elsewhere)
    save_refinement(dataclasses.replace(refinement, identity_map=guarded), weights)
    again = load_refinement(weights).identity_map.elsewhere
    assert again.source == elsewhere.source
    for name in ("weight", "bias", "covariance"):
        assert_allclose(getattr(again, name), getattr(elsewhere, name), rtol=1e-6)
    for name, value in ranges.items():
        assert getattr(again.domain, name) == value
    for name in ("centre", "precision", "strange"):
        assert_allclose(getattr(again.domain, name), getattr(domain, name), rtol=1e-6)


def test_the_network_stays_what_it_was(refinement, weights):
    before, info = load_regressor(weights)
    save_refinement(refinement, weights)
    save_refinement(dataclasses.replace(refinement, sigma_factor=2.0), weights)
    after, info_after = load_regressor(weights)
    assert info_after == info
    for name, value in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], value), name
    assert load_refinement(weights).sigma_factor == 2.0


def test_another_network_in_the_file_has_none(refinement, weights):
    assert load_refinement(weights) is None
    save_refinement(refinement, weights)
    save_regressor(*load_regressor(weights), weights)
    assert load_refinement(weights) is None
    assert not any(name.startswith("besides") for name in load_file(weights))


def test_damage_is_refused(refinement, weights, tmp_path):
    save_refinement(refinement, weights)
    kept = {name: array for name, array in load_file(weights).items() if not name.endswith("covariance")}
    save_file(kept, weights, {"monoface": json.dumps({"refinement": {}})})
    with pytest.raises(ModelFileError, match="refinement cannot be read"):
        load_refinement(weights)
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="cannot be read as weights"):
        save_refinement(refinement, tmp_path / "none.safetensors")


def test_descriptors_and_their_network_belong_together(refinement):
    with pytest.raises(ConfigError, match="recognition network if the identity map sees descriptors"):
        dataclasses.replace(refinement, recognition="")
