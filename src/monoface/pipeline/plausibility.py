"""Whether what looks like a face is a human one: animals and things have faces, too."""

import math

# Slopes and offset of a logistic function of what detector and regressor say, as logits, and of how far
# the head is turned aside, from 0 to 1. Fitted by `benchmarks/doubtful.py` to 200 photos in the wild, 200
# portraits, half of them turned, and 134 pictures of animals.
_SCORE, _CONFIDENCE, _TURNED, _OFFSET = 4.5, 1.6, 9.25, -8.25
_LEAST = 1e-4


def human_probability(confidence: float, score: float, yaw_deg: float) -> float:
    """Probability that a detected face is human.

    The detector is less sure of animals than of people who face the camera, and the regressor expects larger
    errors in them; neither alone tells them from hard photos of people.

    Args:
        confidence: Probability that landmarks are right, by the regressor.
        score: Probability of a face, by the detector.
        yaw_deg: Turn of the head to the side.
    """
    turned = 1 - math.cos(math.radians(yaw_deg))
    value = _SCORE * _logit(score) + _CONFIDENCE * _logit(confidence) + _TURNED * turned + _OFFSET
    return 1 / (1 + math.exp(-value))


def _logit(probability: float) -> float:
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))
