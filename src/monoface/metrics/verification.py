"""Do two photos show the same person? How often a threshold on their similarity says so rightly."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class VerificationPairs:
    """Pairs of photos in folds that share no person.

    Attributes:
        first: Photo of each pair.
        second: The other one.
        same: Whether both show one person.
        fold: Fold of each pair.
    """

    first: Int[np.ndarray, " pairs"]
    second: Int[np.ndarray, " pairs"]
    same: Bool[np.ndarray, " pairs"]
    fold: Int[np.ndarray, " pairs"]


@dataclass(frozen=True)
class Verification:
    """How well people are told apart.

    Attributes:
        accuracy: Share of right answers, same and different pairs counting alike, each fold judged by the
            threshold that is best on the others.
        auc: Probability that two photos of one person are more similar than two of different people; ties
            count half.
        accuracy_95: Its bootstrap interval, in which people are drawn anew.
        auc_95: Likewise.
        pairs: Number of pairs.
        people: Number of people.
    """

    accuracy: float
    auc: float
    accuracy_95: tuple[float, float]
    auc_95: tuple[float, float]
    pairs: int
    people: int


def sample_pairs(
    person: Int[np.ndarray, " photos"],
    clip: Int[np.ndarray, " photos"],
    *,
    folds: int = 10,
    per_person: int = 15,
    seed: int = 0,
) -> VerificationPairs:
    """Pairs of one person, and as many of different people, in each fold.

    Args:
        person: Who each photo shows.
        clip: Photos of one clip are never a pair of one person: they are too alike.
        folds: Into how many parts the people are divided by lot; at most half as many as there are people.
        per_person: At most so many pairs of one person, by lot.
        seed: Of the lots.

    Raises:
        ValueError: If there are fewer than four people, or none has photos of two clips.
    """
    people = np.unique(person)
    if len(people) < 4:
        raise ValueError(f"verification: expected at least 4 people, got {len(people)}")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(people)
    rows: list[tuple[int, int, bool, int]] = []
    for fold, members in enumerate(np.array_split(shuffled, min(folds, len(people) // 2))):
        photos = {one: np.flatnonzero(person == one) for one in members}
        same = [pair for one in members for pair in _pairs_of_one(rng, photos[one], clip, per_person)]
        rows += [(first, second, True, fold) for first, second in same]
        for _ in same:
            one, other = rng.choice(members, 2, replace=False)
            rows.append((int(rng.choice(photos[one])), int(rng.choice(photos[other])), False, fold))
    if not rows:
        raise ValueError("verification: expected people with photos of two clips, got none")
    first, second, kind, fold_of = map(np.array, zip(*rows, strict=True))
    return VerificationPairs(first, second, kind, fold_of)


def verify(
    similarity: Float[np.ndarray, " pairs"],
    pairs: VerificationPairs,
    person: Int[np.ndarray, " photos"],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Verification:
    """Score the similarities of pairs.

    Args:
        similarity: Higher means more alike.
        pairs: Which photos they are of.
        person: Who each photo shows.
        resamples: How often people are drawn anew for the intervals.
        seed: Of these draws.
    """
    right = np.empty(len(similarity), dtype=bool)
    for fold in np.unique(pairs.fold):
        judged = pairs.fold == fold
        threshold = best_threshold(similarity[~judged], pairs.same[~judged])
        right[judged] = (similarity[judged] >= threshold) == pairs.same[judged]
    people, numbered = np.unique(person, return_inverse=True)
    first, second = numbered[pairs.first], numbered[pairs.second]
    rank = np.unique(similarity, return_inverse=True)[1]

    def score(weight_of: np.ndarray) -> tuple[float, float]:
        weight = weight_of[first] * np.where(pairs.same, 1.0, weight_of[second])
        return _balanced(right, pairs.same, weight), _auc(rank, pairs.same, weight)

    accuracy, auc = score(np.ones(len(people)))
    rng = np.random.default_rng(seed)
    share = np.full(len(people), 1 / len(people))
    drawn = np.array([score(rng.multinomial(len(people), share).astype(float)) for _ in range(resamples)])
    low, high = np.nanpercentile(drawn, (2.5, 97.5), axis=0)
    intervals = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    paired = len(np.union1d(first, second))
    return Verification(accuracy, auc, intervals[0], intervals[1], len(similarity), paired)


def best_threshold(similarity: Float[np.ndarray, " pairs"], same: Bool[np.ndarray, " pairs"]) -> float:
    """The similarity from which on pairs are best called the same, same and different counting alike."""
    order = np.argsort(-similarity, kind="stable")
    falling, kind = similarity[order], same[order]
    found = np.cumsum(kind) / max(1, kind.sum())
    mistaken = np.cumsum(~kind) / max(1, (~kind).sum())
    # A threshold cannot divide equal similarities: only their last place counts.
    last = np.append(falling[1:] != falling[:-1], True)
    best = int(np.argmax(np.where(last, found - mistaken, -np.inf)))
    below = falling[best + 1] if best + 1 < len(falling) else falling[best]
    return float((falling[best] + below) / 2)


def _pairs_of_one(
    rng: np.random.Generator, photos: np.ndarray, clip: np.ndarray, most: int
) -> list[tuple[int, int]]:
    pairs = [
        (int(first), int(second))
        for number, first in enumerate(photos)
        for second in photos[number + 1 :]
        if clip[first] != clip[second]
    ]
    kept = rng.choice(len(pairs), size=most, replace=False) if len(pairs) > most else range(len(pairs))
    return [pairs[place] for place in kept]


def _balanced(right: np.ndarray, same: np.ndarray, weight: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        shares = [(weight * right)[kind].sum() / weight[kind].sum() for kind in (same, ~same)]
    return float(np.mean(shares))


def _auc(rank: np.ndarray, same: np.ndarray, weight: np.ndarray) -> float:
    """Weighted Mann-Whitney statistic from the ranks of distinct values."""
    count = int(rank.max()) + 1
    alike = np.bincount(rank[same], weight[same], count)
    different = np.bincount(rank[~same], weight[~same], count)
    below = np.cumsum(different) - different / 2
    with np.errstate(invalid="ignore"):
        return float((alike * below).sum() / (alike.sum() * different.sum()))
