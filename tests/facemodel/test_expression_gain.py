import numpy as np

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.expression_gain import ExpressionGain

NAMES = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker")


def poses(expression):
    count = len(expression)
    return Poses(
        np.tile(np.eye(3), (count, 1, 1)), np.ones(count), np.zeros((count, 2)), np.array(expression)
    )


def test_weights_are_stretched_about_their_values_at_rest():
    rest = np.array([0.1, 0.2, 0.2, 0.5])
    gain = ExpressionGain.named(NAMES, rest, {"jawOpen": 1.5, "eyeBlink": 2.0})
    found = gain(poses([[0.5, 0.4, 0.2, 0.3]])).expression
    np.testing.assert_allclose(found, [[0.1 + 1.5 * 0.4, 0.2 + 2 * 0.2, 0.2, 0.3]])


def test_stretched_weights_stay_within_0_to_1_and_others_as_they_were():
    gain = ExpressionGain.named(NAMES, np.full(4, 0.1), {"jawOpen": 3.0})
    found = gain(poses([[0.9, 1.3, -0.2, 0.0], [0.0, 0.5, 0.5, 0.5]])).expression
    np.testing.assert_allclose(found, [[1.0, 1.3, -0.2, 0.0], [0.0, 0.5, 0.5, 0.5]])


def test_none_changes_nothing():
    start = poses([[0.3, 0.2, 0.1, 0.9]])
    np.testing.assert_array_equal(ExpressionGain.none(4)(start).expression, start.expression)
