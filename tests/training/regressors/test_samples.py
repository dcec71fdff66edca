"""Sample renders: what is drawn is where the networks say the face is."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head

from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.networks import LandmarkMapConfig, Regressor, RegressorConfig, ResNetConfig, with_landmark_map
from monoface.training.regressors.samples import choose_crops, make_samples
from monoface.training.regressors.validation import ValidationSet


class ToldRegressor(Regressor):
    """Says what it is told, and remembers what it was shown."""

    def __init__(self, outputs, landmark_map=None):
        channels = 3 if landmark_map is None else 4
        backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=channels)
        super().__init__(RegressorConfig(outputs.shape[1], 40, backbone, landmark_map))
        self.told = outputs
        self.asked = []

    def forward(self, image):
        self.asked.append(image)
        return self.told, self.told[:, 0]


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)


def test_crops_are_spread_over_the_sets():
    sets = [
        ValidationSet(
            name,
            "aflw21",
            np.arange(n, dtype=np.uint8)[:, None, None, None].repeat(3, 3),
            np.zeros((n, 21, 2)),
            1.0,
        )
        for name, n in (("a", 10), ("b", 100))
    ]
    assert choose_crops(sets, 4)[:, 0, 0, 0].tolist() == [2, 25, 7, 75]
    assert len(choose_crops(sets, 5)) == 5
    assert choose_crops(sets[:1], 3)[:, 0, 0, 0].tolist() == [1, 5, 8]


def test_the_grid_shows_crops_with_landmarks_above_meshes(crops):
    head = synthetic_head()
    size = CoefficientLayout.of(head).size
    outputs = torch.zeros(3, size)
    # The third face has left its crop.
    outputs[2, -2] = 40.0
    networks = {"regressor": ToldRegressor(outputs)}
    render = make_samples(head, crops)
    grid = render(networks)
    assert grid.shape == (160, 240, 3)
    plain = np.asarray(torch.nn.functional.interpolate(
        torch.from_numpy(crops).permute(0, 3, 1, 2).float(), scale_factor=2, mode="bilinear"
    ).permute(0, 2, 3, 1))  # fmt: skip
    changed = [
        [
            np.abs(grid[80 * row : 80 * row + 80, 80 * column : 80 * column + 80] - plain[column]).max(
                axis=-1
            )
            > 2
            for column in range(3)
        ]
        for row in (0, 1)
    ]
    assert changed[0][0].any()
    assert changed[1][0][30:50, 30:50].all()
    assert not changed[0][2].any()
    assert not changed[1][2].any()
    np.testing.assert_array_equal(render(networks), grid)


def test_networks_with_a_map_look_again_at_what_they_found(crops):
    head = synthetic_head()
    outputs = torch.zeros(3, CoefficientLayout.of(head).size)
    regressor = ToldRegressor(outputs, LandmarkMapConfig())
    make_samples(head, crops)({"regressor": regressor})
    first, second = regressor.asked
    assert not first[:, 3].any()
    located = CoefficientLayout.of(head).decode(outputs, 40)
    points_px = project_points(head.subset(head.landmarks("flm18")), *located)
    shown = with_landmark_map(first[:, :3], points_px, LandmarkMapConfig())
    assert shown[:, 3].any()
    torch.testing.assert_close(second, shown)
    plain = ToldRegressor(outputs)
    make_samples(head, crops)({"regressor": plain})
    (only,) = plain.asked
    torch.testing.assert_close(only, first[:, :3])
