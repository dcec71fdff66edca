"""Expressions that photos rarely show, on synthetic heads."""

import numpy as np
import pytest

from monoface.core.errors import ConfigError
from monoface.data.synthetic.head_expressions import PatternConfig, sample_expressions

_SIDED = ("eyeBlink", "eyeWide", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut")
NAMES = (
    *(f"{name}{side}" for name in _SIDED for side in ("Left", "Right")),
    "jawOpen",
    "mouthClose",
    "mouthPucker",
)
COUNT = 2000


def drawn(**changes):
    rng = np.random.default_rng(0)
    weights = sample_expressions(NAMES, COUNT, rng, active=3.0, patterns=PatternConfig(**changes))
    return dict(zip(NAMES, weights.T, strict=True))


def test_no_pattern_changes_nothing():
    plain = sample_expressions(NAMES, 50, np.random.default_rng(0), active=3.0)
    with_none = sample_expressions(NAMES, 50, np.random.default_rng(0), 3.0, PatternConfig())
    np.testing.assert_array_equal(plain, with_none)


def test_weights_stay_in_their_range():
    rng = np.random.default_rng(0)
    weights = sample_expressions(NAMES, COUNT, rng, 3.0, PatternConfig.varied())
    assert weights.min() == 0
    assert weights.max() <= 1
    assert weights.dtype == np.float32


def test_blinks_shut_both_eyes():
    found = drawn(blink=1.0)
    assert np.minimum(found["eyeBlinkLeft"], found["eyeBlinkRight"]).min() > 0.69
    assert not found["eyeWideLeft"].any()


def test_winks_shut_one_eye_alone():
    found = drawn(wink=1.0)
    shut = np.stack((found["eyeBlinkLeft"], found["eyeBlinkRight"]))
    assert shut.max(axis=0).min() > 0.69
    assert shut.min(axis=0).max() < 0.31
    assert 0.45 < (shut[0] > 0.5).mean() < 0.55


def test_open_mouths_are_open_and_pursed_ones_are_not():
    found = drawn(open_mouth=0.5, pucker=1.0)
    opened = found["mouthClose"] == 0
    wide = found["jawOpen"] > 0.44
    assert wide.mean() > 0.49
    assert (found["mouthPucker"] >= 0.5).mean() == pytest.approx(0.5, abs=0.05)
    assert opened[wide].mean() > 0.9


def test_both_eyes_look_the_same_way():
    found = drawn(gaze=1.0)
    np.testing.assert_allclose(found["eyeLookOutLeft"], found["eyeLookInRight"])
    np.testing.assert_allclose(found["eyeLookUpLeft"], found["eyeLookUpRight"])
    assert not (found["eyeLookInLeft"] * found["eyeLookOutLeft"]).any()
    assert not (found["eyeLookUpLeft"] * found["eyeLookDownLeft"]).any()
    assert found["eyeLookOutLeft"].max() > 0.95


def test_calm_faces_do_nothing():
    rng = np.random.default_rng(0)
    weights = sample_expressions(NAMES, COUNT, rng, 6.0, PatternConfig(calm=0.3, blink=0.5, gaze=1.0))
    assert (~weights.any(axis=1)).mean() == pytest.approx(0.3, abs=0.04)


def test_models_without_such_expressions_have_what_they_have():
    weights = sample_expressions(
        ("jawOpen", "smile"), 200, np.random.default_rng(0), 1.0, PatternConfig.varied()
    )
    assert weights.shape == (200, 2)


def test_impossible_probabilities_are_refused():
    with pytest.raises(ConfigError, match=r"probabilities in 0\.\.1"):
        PatternConfig(blink=1.5)
