"""Landmark maps: where points are drawn, how, and how they reach a network."""

import math

import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.networks import (
    LandmarkMapConfig,
    Regressor,
    RegressorConfig,
    ResNetConfig,
    add_input_channel,
    landmark_map,
    with_landmark_map,
)

HARD, GAUSS = LandmarkMapConfig(kind="hard"), LandmarkMapConfig()
SMALL = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4)


def test_a_hard_map_marks_the_pixel_that_holds_the_point():
    drawn = landmark_map(torch.tensor([[[3.9, 1.0], [0.0, 5.999]]]), 6, HARD)
    assert drawn.shape == (1, 1, 6, 6)
    assert drawn[0, 0].nonzero().tolist() == [[1, 3], [5, 0]]
    assert drawn.sum() == 2


def test_a_bump_by_hand():
    drawn = landmark_map(torch.tensor([[[10.2, 7.7]]]), 21, GAUSS)[0, 0]
    for row, column in [(7, 10), (8, 10), (7, 12), (4, 9)]:
        squared = (column + 0.5 - 10.2) ** 2 + (row + 0.5 - 7.7) ** 2
        assert float(drawn[row, column]) == pytest.approx(math.exp(-squared / (2 * 1.5**2)), rel=1e-4)
    assert drawn[7, 10 + 6] == 0
    assert drawn.max() == drawn[7, 10]


def test_bumps_say_where_in_the_pixel_a_point_lies():
    points = torch.tensor([[[8.13, 9.71]]])
    drawn = landmark_map(points, 20, GAUSS)[0, 0]
    centres = torch.arange(20) + 0.5
    mean = torch.stack(((drawn.sum(dim=0) * centres).sum(), (drawn.sum(dim=1) * centres).sum())) / drawn.sum()
    assert_close(mean, points[0, 0], atol=0.05, rtol=0)


def test_where_bumps_overlap_the_higher_counts():
    near, far = torch.tensor([[[5.5, 5.5]]]), torch.tensor([[[7.5, 5.5]]])
    both = landmark_map(torch.cat((near, far), dim=1), 12, GAUSS)
    assert_close(both, torch.maximum(landmark_map(near, 12, GAUSS), landmark_map(far, 12, GAUSS)))


@pytest.mark.parametrize("config", [HARD, GAUSS])
def test_invisible_points_are_not_drawn(config):
    nothing = torch.full((2, 18, 2), torch.nan)
    assert not landmark_map(nothing, 9, config).any()
    one = nothing.clone()
    one[1, 3] = torch.tensor([4.0, 4.0])
    one[0, 5, 0] = 3.0
    drawn = landmark_map(one, 9, config)
    assert not drawn[0].any()
    assert drawn[1].any()


@pytest.mark.parametrize("kind", ["hard", "gauss"])
def test_points_outside_are_clipped_as_published_or_dropped(kind):
    outside = torch.tensor([[[-5.0, 4.0], [4.0, 30.0], [9.0, 4.0]]])
    assert not landmark_map(outside, 9, LandmarkMapConfig(kind, outside="drop")).any()
    clipped = landmark_map(outside, 9, LandmarkMapConfig(kind, outside="clip"))[0, 0]
    assert torch.equal(clipped > 0.5 if kind == "gauss" else clipped == 1, clipped > 0.5)
    for row, column in [(4, 0), (8, 4), (4, 8)]:
        assert clipped[row, column] > 0.8


def test_no_gradient_reaches_the_points(rng):
    points = (torch.rand(2, 5, 2, generator=rng) * 9).requires_grad_()
    assert not landmark_map(points, 9, GAUSS).requires_grad


def test_published_maps_are_minus_one_and_one_at_the_first_layer(monkeypatch):
    network = Regressor(RegressorConfig(7, 24, SMALL, LandmarkMapConfig.published())).eval()
    seen = []
    monkeypatch.setattr(network.backbone, "forward", lambda x: (seen.append(x), x.new_zeros(len(x), 64))[1])
    points = torch.full((1, 18, 2), torch.nan)
    points[0, 4] = torch.tensor([5.2, 6.9])
    network.look(torch.rand(1, 3, 24, 24), points)
    network.look(torch.rand(1, 3, 24, 24))
    assert seen[0][0, 3].unique().tolist() == [-1, 1]
    assert seen[0][0, 3, 6, 5] == 1
    assert seen[1][0, 3].unique().tolist() == [-1]


def test_maps_are_stacked_on_the_crops(rng):
    image, points = torch.rand(2, 3, 9, 9, generator=rng), torch.rand(2, 18, 2, generator=rng) * 9
    stacked = with_landmark_map(image, points, GAUSS)
    assert torch.equal(stacked[:, :3], image)
    assert_close(stacked[:, 3:], landmark_map(points, 9, GAUSS))
    assert not with_landmark_map(image, None, GAUSS)[:, 3].any()


def test_networks_without_a_map_look_at_rgb_alone(rng):
    network = Regressor(RegressorConfig(7, 24, ResNetConfig((1, 1, 1, 1), 0.125))).eval()
    image = torch.rand(2, 3, 24, 24, generator=rng)
    assert_close(network.look(image, torch.rand(2, 18, 2, generator=rng))[0], network(image)[0])


def test_a_new_channel_changes_nothing_at_first(rng):
    torch.manual_seed(0)
    narrow = Regressor(RegressorConfig(7, 24, ResNetConfig((1, 1, 1, 1), 0.125))).train()
    wide = Regressor(RegressorConfig(7, 24, SMALL, GAUSS)).train()
    wide.load_state_dict(add_input_channel(narrow.state_dict()))
    image, points = torch.rand(3, 3, 24, 24, generator=rng), torch.rand(3, 18, 2, generator=rng) * 24
    assert_close(wide.look(image, points)[0], narrow(image)[0], rtol=1e-5, atol=1e-6)
    wide.look(image, points)[0].square().sum().backward()
    assert wide.backbone.stem[0].weight.grad[:, 3].any()


def test_impossible_maps_are_refused():
    with pytest.raises(ConfigError, match=r"positive sigma_px, got 0\.0"):
        LandmarkMapConfig(sigma_px=0.0)
    with pytest.raises(ConfigError, match="expected 4 input channels for RGB and a landmark map, got 3"):
        RegressorConfig(7, landmark_map=GAUSS)
