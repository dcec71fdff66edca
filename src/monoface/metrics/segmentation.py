"""Overlap of predicted and true classes of pixels: intersection over union, with intervals over people."""

import numpy as np
from jaxtyping import Float64, Int, UInt8

from monoface.metrics.bootstrap import DRAWS, Interval, interval_of

UNKNOWN_CLASS = 255


def class_overlap(
    predicted: Int[np.ndarray, "photos height width"] | UInt8[np.ndarray, "photos height width"],
    true: UInt8[np.ndarray, "photos height width"],
    classes: int,
) -> tuple[Int[np.ndarray, "photos classes"], Int[np.ndarray, "photos classes"]]:
    """Pixels that both give to a class, and that either does; what is unknown (255) does not count."""
    known = true != UNKNOWN_CLASS
    both, either = (np.zeros((len(true), classes), dtype=np.int64) for _ in range(2))
    for index in range(classes):
        found, meant = (predicted == index) & known, true == index
        both[:, index] = (found & meant).sum(axis=(1, 2))
        either[:, index] = (found | meant).sum(axis=(1, 2))
    return both, either


def intersection_over_union(
    both: Int[np.ndarray, "*draws photos classes"], either: Int[np.ndarray, "*draws photos classes"]
) -> Float64[np.ndarray, "*draws classes"]:
    """IoU of each class over all pixels of all photos; NaN for a class that none has and none was given."""
    return _ratio(both.sum(axis=-2), either.sum(axis=-2))


def bootstrap_iou(
    both: Int[np.ndarray, "photos classes"],
    either: Int[np.ndarray, "photos classes"],
    people: Int[np.ndarray, " photos"],
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[list[Interval], Interval]:
    """Intervals of the IoU of each class, and of their mean, over people: whole people are drawn.

    Photos of one person err alike; drawing photos would make intervals too narrow.
    """
    names = np.unique(people)
    of_person = people[None] == names[:, None]
    times = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    drawn = _ratio(times @ (of_person @ both), times @ (of_person @ either))
    by_class = [interval_of(_finite(values), confidence) for values in drawn.T]
    # A class that nobody has is missing from every draw.
    mean = drawn[:, either.sum(axis=0) > 0].mean(axis=1)
    return by_class, interval_of(_finite(mean), confidence)


def _ratio(both: np.ndarray, either: np.ndarray) -> Float64[np.ndarray, "*draws classes"]:
    ratio: np.ndarray = np.where(either > 0, both / np.maximum(either, 1), np.nan)
    return ratio


def _finite(values: np.ndarray) -> np.ndarray:
    kept = values[np.isfinite(values)]
    return kept if len(kept) else np.full(1, np.nan)
