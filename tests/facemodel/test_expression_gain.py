import numpy as np

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.facemodel.expression_gain import ExpressionGain

NAMES = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker")


def faces(expression):
    count, size = len(expression), len(NAMES)
    turns = np.tile(np.eye(3), (count, 1, 1))
    poses = Poses(turns, np.ones(count), np.zeros((count, 2)), np.array(expression))
    nothing = np.zeros((count, 2))
    return RefinedFaces(
        nothing, np.zeros((count, 2, 2)), poses, np.zeros((count, size, size)), np.zeros((count, size, 2))
    )


def test_weights_beyond_those_at_rest_are_stretched():
    rest = np.array([0.1, 0.2, 0.2, 0.5])
    gain = ExpressionGain.named(NAMES, rest, {"jawOpen": 1.5, "eyeBlink": 2.0})
    found = gain(faces([[0.5, 0.4, 0.1, 0.3]])).poses.expression
    np.testing.assert_allclose(found, [[0.1 + 1.5 * 0.4, 0.2 + 2 * 0.2, 0.1, 0.3]])


def test_stretched_weights_stay_within_0_to_1_and_others_as_they_were():
    gain = ExpressionGain.named(NAMES, np.full(4, 0.1), {"jawOpen": 3.0})
    found = gain(faces([[0.9, 1.3, -0.2, 0.0], [0.0, 0.5, 0.5, 0.5]])).poses.expression
    np.testing.assert_allclose(found, [[1.0, 1.3, -0.2, 0.0], [0.0, 0.5, 0.5, 0.5]])


def test_none_changes_nothing():
    start = faces([[0.3, 0.2, 0.1, 0.9]])
    np.testing.assert_array_equal(ExpressionGain.none(4)(start).poses.expression, start.poses.expression)
