"""Verification of pairs: thresholds, areas and intervals against counting."""

import numpy as np
import pytest

from monoface.metrics.verification import best_threshold, sample_pairs, verify

PERSON = np.repeat(np.arange(12), 4)
CLIP = np.arange(48) // 2


def area_by_counting(similarity, same):
    wins = [(one > other) + 0.5 * (one == other) for one in similarity[same] for other in similarity[~same]]
    return np.mean(wins)


def test_pairs_are_of_different_clips_and_folds_share_nobody():
    pairs = sample_pairs(PERSON, CLIP, folds=3, per_person=3)
    assert pairs.same.sum() == (~pairs.same).sum() == 12 * 3
    assert (PERSON[pairs.first] == PERSON[pairs.second]).tolist() == pairs.same.tolist()
    assert (CLIP[pairs.first] != CLIP[pairs.second]).all()
    members = [
        set(PERSON[pairs.first[pairs.fold == fold]]) | set(PERSON[pairs.second[pairs.fold == fold]])
        for fold in range(3)
    ]
    assert sum(map(len, members)) == len(set.union(*members)) == 12


def test_pairs_are_the_same_for_one_seed():
    first, again, other = (sample_pairs(PERSON, CLIP, seed=seed) for seed in (1, 1, 2))
    assert first.second.tolist() == again.second.tolist()
    assert first.second.tolist() != other.second.tolist()


def test_the_best_threshold_by_hand():
    similarity = np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.2])
    same = np.array([True, True, False, False, True, False])
    # Above 0.75 are two of the three same pairs and no other; above 0.25 all three, but two others.
    assert best_threshold(similarity, same) == pytest.approx(0.75)


def test_equal_similarities_are_not_divided():
    assert best_threshold(np.array([0.5, 0.5, 0.1]), np.array([True, False, False])) == pytest.approx(0.3)


def noisy_case(seed=0):
    rng = np.random.default_rng(seed)
    pairs = sample_pairs(PERSON, CLIP, folds=4)
    similarity = np.round(0.5 * pairs.same + 0.4 * rng.standard_normal(len(pairs.same)), 1)
    return similarity, pairs


def test_agrees_with_counting():
    similarity, pairs = noisy_case()
    found = verify(similarity, pairs, PERSON)
    right = []
    for fold in range(4):
        others, own = pairs.fold != fold, pairs.fold == fold
        tries = [
            ((similarity[others] >= t) & pairs.same[others]).sum() / pairs.same[others].sum()
            - ((similarity[others] >= t) & ~pairs.same[others]).sum() / (~pairs.same[others]).sum()
            for t in np.unique(similarity)
        ]
        threshold = best_threshold(similarity[others], pairs.same[others])
        reached = ((similarity[others] >= threshold) & pairs.same[others]).sum() / pairs.same[others].sum()
        reached -= ((similarity[others] >= threshold) & ~pairs.same[others]).sum() / (
            ~pairs.same[others]
        ).sum()
        assert reached == pytest.approx(max(tries))
        right.append((similarity[own] >= threshold) == pairs.same[own])
    assert found.accuracy == pytest.approx(np.concatenate(right).mean(), abs=0.02)
    assert found.auc == pytest.approx(area_by_counting(similarity, pairs.same))
    assert found.accuracy_95[0] <= found.accuracy <= found.accuracy_95[1]
    assert found.auc_95[0] < found.auc < found.auc_95[1]
    assert (found.pairs, found.people) == (len(pairs.same), 12)


def test_a_growing_function_of_similarities_changes_nothing():
    similarity, pairs = noisy_case()
    first, second = verify(similarity, pairs, PERSON), verify(np.exp(similarity), pairs, PERSON)
    assert first.auc == pytest.approx(second.auc)
    assert first.auc_95 == pytest.approx(second.auc_95)


def test_perfect_similarities_score_perfectly():
    _, pairs = noisy_case()
    found = verify(pairs.same.astype(float), pairs, PERSON)
    assert (found.accuracy, found.auc) == (1.0, 1.0)
    assert found.auc_95 == (1.0, 1.0)


def test_the_interval_covers_about_nineteen_of_twenty_worlds():
    # Similarities have a part that belongs to a person; the truth is the mean over many worlds.
    people = np.repeat(np.arange(30), 3)

    def world(seed):
        rng = np.random.default_rng(seed)
        centres, spread = rng.standard_normal((30, 4)), rng.uniform(0.5, 1.5, 30)
        vectors = centres[people] + spread[people][:, None] * rng.standard_normal((90, 4))
        pairs = sample_pairs(people, np.arange(90), seed=seed)
        distance = np.linalg.norm(vectors[pairs.first] - vectors[pairs.second], axis=1)
        return verify(-distance, pairs, people, resamples=200, seed=seed)

    found = [world(seed) for seed in range(40)]
    truth = np.mean([one.auc for one in found])
    covered = sum(one.auc_95[0] <= truth <= one.auc_95[1] for one in found)
    assert covered >= 33


def test_too_few_people_are_refused():
    with pytest.raises(ValueError, match="at least 4 people, got 3"):
        sample_pairs(np.array([0, 0, 1, 2]), np.arange(4))
    with pytest.raises(ValueError, match="two clips, got none"):
        sample_pairs(PERSON, PERSON)
