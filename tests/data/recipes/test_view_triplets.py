"""Triplets: neighbours in yaw, the target between them."""

import numpy as np
import pytest

from monoface.core.errors import ConfigError
from monoface.data.recipes.view_triplets import TripletConfig, choose_triplets


def chosen(yaws, config, group=None, usable=None, seed=0):
    yaw = np.array(yaws, dtype=np.float64)
    group = np.zeros(len(yaw), np.int64) if group is None else np.array(group)
    usable = np.ones(len(yaw), bool) if usable is None else np.array(usable)
    return choose_triplets(group, yaw, usable, config, np.random.default_rng(seed))


def test_by_hand():
    config = TripletConfig(min_gap_deg=10, max_gap_deg=20, per_group=10)
    # In the order of yaw: rows 2 (-15), 0 (0), 3 (15), 1 (40).
    found = chosen([0, 40, -15, 15], config)
    assert found.tolist() == [[2, 0, 3]]


def test_without_gaps_wide_enough_the_three_that_differ_most_are_taken():
    found = chosen([0.0, 1.0, 2.5, 3.0], TripletConfig(min_gap_deg=5))
    assert len(found) == 1
    assert {found[0, 0], found[0, 2]} == {0, 3}


def test_faces_are_not_mixed_and_profiles_beyond_90_left_out():
    config = TripletConfig(min_gap_deg=5, max_gap_deg=40)
    found = chosen([0, 20, 40, 0, 20, 40, 92], config, group=[0, 0, 0, 1, 1, 1, 1])
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert len(chosen([60, 76, 92], config)) == 0
    assert len(chosen([0, 20, 40], config, usable=[True, False, True])) == 0


def test_more_than_enough_are_drawn_from_by_the_seed():
    config = TripletConfig(min_gap_deg=5, max_gap_deg=40, per_group=4)
    yaws = np.arange(-90, 91, 15)
    first, again, other = (chosen(yaws, config, seed=seed) for seed in (0, 0, 1))
    assert len(first) == 4
    assert (first == again).all()
    assert (first != other).any()
    assert (np.diff(yaws[first], axis=1) > 0).all()


def test_impossible_gaps_are_refused():
    with pytest.raises(ConfigError, match="min_gap_deg < max_gap_deg"):
        TripletConfig(min_gap_deg=40, max_gap_deg=30)
