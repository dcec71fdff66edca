"""Sample renders: what is drawn is where the networks say the face is."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head

from monoface.facemodel import CoefficientLayout
from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.training.samples import choose_crops, make_samples
from monoface.training.validation import ValidationSet


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
    networks = {"regressor": torch.nn.Linear(1, 1)}
    outputs = torch.zeros(3, size)
    # The third face has left its crop.
    outputs[2, -2] = 40.0
    draw = make_samples(head, crops, lambda networks, images: outputs)
    grid = draw(networks)
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
    np.testing.assert_array_equal(draw(networks), grid)


def test_regressors_are_asked_for_the_crops(crops):
    head = synthetic_head()
    config = RegressorConfig(
        CoefficientLayout.of(head).size, 40, ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    )
    grid = make_samples(head, crops)({"regressor": Regressor(config).eval()})
    assert grid.dtype == np.uint8
    assert grid.shape == (160, 240, 3)
