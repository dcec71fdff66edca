"""From weights of expressions to blendshapes in ARKit's scale."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError
from monoface.facemodel.blendshape_scale import BlendshapeScale, fit_blendshape_scale

NAMES = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "cheekPuff")


@pytest.fixture(scope="module")
def photos():
    """Weights, and what is wanted: a bent jaw, blinks with an offset, cheeks at rest whatever the weight."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 0.6, (500, 4))
    wanted = np.stack(
        (
            np.sqrt(weights[:, 0]),
            np.clip(2 * weights[:, 1] - 0.3, 0, 1),
            np.clip(2 * weights[:, 2] - 0.3, 0, 1),
            0.02 * rng.uniform(size=500),
        ),
        axis=1,
    )
    return weights, wanted


def test_maps_are_found(photos):
    weights, wanted = photos
    scale = fit_blendshape_scale(NAMES, weights, wanted, knots=17)
    assert_allclose(scale(weights)[:, 1:], wanted[:, 1:], atol=0.03)
    assert_allclose(scale(weights)[:, 0], wanted[:, 0], atol=0.07)


def test_maps_grow_and_stay_in_range(photos):
    scale = fit_blendshape_scale(NAMES, *photos)
    ladder = np.tile(np.linspace(-0.5, 1.5, 101)[:, None], (1, 4))
    values = scale(ladder)
    assert (np.diff(values, axis=0) >= 0).all()
    assert values.min() >= 0
    assert values.max() <= 1


def test_both_sides_share_a_map(photos):
    weights, wanted = photos
    scale = fit_blendshape_scale(NAMES, weights, np.roll(wanted, 1, axis=0))
    assert_allclose(scale.value[1], scale.value[2])
    assert not np.allclose(scale.value[0], scale.value[1])


def test_what_has_nothing_to_do_with_a_weight_rests(photos):
    """A constant that hides in a channel is no expression."""
    weights, wanted = photos
    assert fit_blendshape_scale(NAMES, weights, wanted)(np.full((1, 4), 0.5))[0, 3] < 0.03


def test_noisy_photos_keep_the_range():
    """Means alone would shrink what is seen with noise; ranks do not."""
    rng = np.random.default_rng(1)
    true = rng.uniform(0, 1, 2000)
    weights = np.clip(0.5 * true + rng.normal(0, 0.08, 2000), 0, 1)
    scale = fit_blendshape_scale(("jawOpen",), weights[:, None], true[:, None])
    found = scale(weights[:, None])[:, 0]
    assert np.quantile(found, 0.95) > 0.85
    assert np.corrcoef(found, true)[0, 1] > 0.8


def test_identity_changes_nothing():
    weights = np.random.default_rng(2).uniform(0, 1, (3, 4))
    assert_allclose(BlendshapeScale.identity(4)(weights), weights)


def test_maps_that_fall_are_refused():
    weight = np.array([[0.0, 0.5, 1.0]])
    with pytest.raises(ConfigError, match="expected growing maps"):
        BlendshapeScale(weight, np.array([[0.0, 0.6, 0.5]]))
    with pytest.raises(ConfigError, match="expected growing maps"):
        BlendshapeScale(weight, np.array([[0.0, 0.6, 1.5]]))
    with pytest.raises(ConfigError, match="as many values as knots"):
        BlendshapeScale(weight[:, :1], weight[:, :1])
