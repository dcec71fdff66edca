"""Whether a face is human, by how sure the detector and the regressor are of it."""

import pytest

from monoface.pipeline.plausibility import human_probability


def test_clear_faces_are_human():
    assert human_probability(0.98, 0.9, 0) > 0.99


def test_what_neither_is_sure_of_is_not():
    """As of a drawn owl that looks into the camera."""
    assert human_probability(0.8, 0.72, 5) < 0.3


def test_profiles_may_be_less_sure():
    """The detector is less sure of them, too."""
    assert human_probability(0.8, 0.7, 75) > 0.9


@pytest.mark.parametrize("yaw_deg", [0, 40, -80])
def test_it_grows_with_either_and_with_the_turn(yaw_deg):
    middle = human_probability(0.6, 0.7, yaw_deg)
    assert human_probability(0.7, 0.7, yaw_deg) > middle
    assert human_probability(0.6, 0.8, yaw_deg) > middle
    assert human_probability(0.6, 0.7, yaw_deg * 1.1) >= middle


@pytest.mark.parametrize("confidence", [0.0, 1.0])
@pytest.mark.parametrize("score", [0.0, 1.0])
def test_certain_values_give_probabilities(confidence, score):
    assert 0 <= human_probability(confidence, score, 0) <= 1
