"""Whether what looks like a face is a human one: animals and things have faces, too."""

import math

# Slopes and offset of a logistic function of what the detector and the regressor say, as logits. Fitted by
# `benchmarks/doubtful.py` to 200 photos in the wild, 200 portraits, half of them turned, and 124 pictures of
# animals.
_SCORE, _CONFIDENCE, _OFFSET = 3.8, 2.0, -6.0
_LEAST = 1e-4


def human_probability(confidence: float, score: float) -> float:
    """Probability that a detected face is human.

    The detector is less sure of animals, and the regressor expects larger errors in them; neither alone tells
    them from hard photos of people.

    Args:
        confidence: Probability that landmarks are right, by the regressor.
        score: Probability of a face, by the detector.
    """
    value = _SCORE * _logit(score) + _CONFIDENCE * _logit(confidence) + _OFFSET
    return 1 / (1 + math.exp(-value))


def _logit(probability: float) -> float:
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))
