"""Smoothing takes noise off what is still, keeps blinks, and does not lag."""

import numpy as np
import pytest

from monoface.video.smoothing import (
    CausalFilter,
    filled,
    matrices_of,
    noise_of,
    quaternions_of,
    smoothed,
)


@pytest.fixture
def noise():
    return 0.012 * np.random.default_rng(4).standard_normal((240, 12))


def _jitter(values):
    return np.sqrt(np.square(np.diff(values, 2, axis=0)).mean())


def _about(angles_rad):
    cosine, sine = np.cos(angles_rad), np.sin(angles_rad)
    still, one = np.zeros_like(cosine), np.ones_like(cosine)
    rows = ((cosine, still, sine), (still, one, still), (-sine, still, cosine))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def test_noise_is_estimated_beside_motion(noise):
    moving = noise + (np.arange(len(noise)) % 60 < 3)[:, None]
    np.testing.assert_allclose(noise_of(moving), 0.012, rtol=0.5)


def test_what_is_still_keeps_less_than_a_third_of_its_jitter(noise):
    assert _jitter(smoothed(noise, np.ones(len(noise)), 0.5)) < _jitter(noise) / 3


def test_a_blink_of_three_frames_keeps_its_peak(noise):
    lids = np.zeros(len(noise))
    for begin in range(20, 230, 30):
        lids[begin : begin + 3] = 0.5, 0.9, 0.5
    found = smoothed(noise + lids[:, None], np.ones(len(noise)), 0.5)
    assert found[21:202:30].mean(axis=1).min() > 0.85 * 0.9


def test_slow_motion_does_not_lag_and_stays(noise):
    truth = np.sin(np.arange(len(noise)) / 12)[:, None] + np.zeros(noise.shape[1])
    found = smoothed(truth + noise, np.ones(len(noise)), 0.5)
    errors = [np.abs(found[10:-10] - np.roll(truth, lag, axis=0)[10:-10]).mean() for lag in (-1, 0, 1)]
    assert np.argmin(errors) == 1
    assert errors[1] < np.abs(noise).mean()


def test_nothing_changes_without_smoothing(noise):
    np.testing.assert_array_equal(smoothed(noise, np.ones(len(noise)), 0.0), noise)


def test_doubtful_frames_count_less(noise):
    variance = np.ones(len(noise))
    variance[100] = 1e3
    outlier = noise.copy()
    outlier[100] += 0.2
    found = smoothed(outlier, variance, 0.5)
    assert np.abs(found[100]).mean() < 0.05


def test_rotations_stay_rotations_through_a_whole_turn():
    angles = np.linspace(0, 2 * np.pi, 90)
    wobble = angles + 0.01 * np.random.default_rng(1).standard_normal(90)
    found = matrices_of(smoothed(quaternions_of(_about(wobble)), np.ones(90), 0.5, together=True))
    np.testing.assert_allclose(found @ found.mT, np.tile(np.eye(3), (90, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(found, _about(angles), atol=0.03)


def test_quaternions_lead_back_to_their_matrices():
    turns = _about(np.linspace(-3, 3, 31))
    np.testing.assert_allclose(matrices_of(quaternions_of(turns)), turns, atol=1e-9)


def test_gaps_are_filled_by_what_lies_around():
    np.testing.assert_allclose(filled(np.array([[0.0], [np.nan], [2.0], [np.nan]])).ravel(), (0, 1, 2, 2))


def test_the_causal_filter_follows_at_once_and_holds_still():
    follow = CausalFilter(0.5, np.array([0.01]))
    still = [follow(np.array([value]))[0] for value in (0.0, 0.01, -0.01, 0.01)]
    assert np.ptp(still) < 0.02
    assert follow(np.array([0.9]))[0] > 0.85 * 0.9
