import pytest
import torch
from torch.testing import assert_close
from with_tensors import with_tensors

from monoface.texturing.filling import ColourSpreader


class _Spreader:
    """The same for tensors."""

    def __init__(self, spreader):
        self.near_face = torch.from_numpy(spreader.near_face)
        self.spread, self.fill = with_tensors(spreader.spread), with_tensors(spreader.fill)


@pytest.fixture(scope="module")
def spreader(toy_model):
    return _Spreader(ColourSpreader(toy_model.in_numpy()))


@pytest.fixture(scope="module")
def skin(toy_model):
    return ~toy_model.data.regions["eyes"]


def test_one_difference_spreads_everywhere(spreader, toy_model, skin):
    difference = torch.tensor([0.1, -0.2, 0.3]).expand(len(toy_model.mean_mm), 3)
    spread = spreader.spread(difference, torch.ones(len(difference)))
    assert_close(spread[skin], difference[skin])
    assert not spread[~skin].any()


def test_each_place_follows_what_is_near(spreader, toy_model, skin):
    left = toy_model.mean_mm[:, 0] > 0
    difference = torch.where(left[:, None], 0.3, -0.3).expand(-1, 3)
    spread = spreader.spread(difference, torch.ones(len(left)))
    far_left, far_right = skin & (toy_model.mean_mm[:, 0] > 50), skin & (toy_model.mean_mm[:, 0] < -50)
    assert spread[far_left].min() > 0.2
    assert spread[far_right].max() < -0.2


def test_nothing_seen_changes_nothing(spreader, toy_model):
    expected = torch.full((len(toy_model.mean_mm), 3), 0.5)
    fill, _ = spreader.fill(expected, torch.rand_like(expected), torch.zeros(len(expected)))
    assert_close(fill, expected)


def test_hidden_side_takes_the_colours_of_the_seen_one(spreader, toy_model, skin):
    side = toy_model.mean_mm[:, 0]
    expected = torch.full((len(side), 3), 0.5)
    # A dark brow high on both sides, of which only the left one is seen.
    dark = toy_model.mean_mm[:, 1] > 40
    shown = torch.where(dark[:, None], 0.1, 0.6).expand(-1, 3)
    near = skin & toy_model.data.regions["narrow_face"]
    fill, _ = spreader.fill(expected, shown, (side > 0).float())
    hidden = near & (side < -20)
    assert fill[hidden & (toy_model.mean_mm[:, 1] > 60)].mean() < 0.3
    assert fill[hidden & (toy_model.mean_mm[:, 1] < 20)].mean() > 0.5


def test_clothing_is_neither_trusted_nor_spread(spreader, toy_model, skin):
    _, y, z = toy_model.mean_mm.T
    expected = torch.full((len(y), 3), 0.5)
    neck = skin & (y < -60) & ~toy_model.data.regions["narrow_face"]
    shown = torch.where(neck[:, None], torch.tensor([0.9, 0.0, 0.0]), torch.tensor([0.55, 0.5, 0.45]))
    fill, trust = spreader.fill(expected, shown, (z > -20).float())
    assert trust[neck].max() < 0.05
    chin_mm = float(toy_model.landmarks("ibug68").points(toy_model.mean_mm[None])[0, 8, 1])
    assert trust[toy_model.data.regions["narrow_face"] & (y > chin_mm)].min() == 1
    assert (fill[neck] - torch.tensor([0.55, 0.5, 0.45])).abs().max() < 0.06


def test_trust_ends_away_from_the_face(spreader, toy_model, skin):
    assert spreader.near_face[toy_model.data.regions["narrow_face"]].min() == 1
    assert spreader.near_face[skin & (toy_model.mean_mm[:, 2] < -60)].max() == 0
    assert spreader.near_face[~skin].min() == 1
