"""The logistic function of the confidence."""

import numpy as np
import pytest

from monoface.training.regressors.confidence import fit_logistic


def test_known_coefficients_are_recovered():
    rng = np.random.default_rng(0)
    x = rng.normal(-2, 1, 20_000)
    outcome = (rng.random(len(x)) < 1 / (1 + np.exp(-(-3.0 - 2.0 * x)))).astype(np.float64)
    offset, slope = fit_logistic(x, outcome, np.ones(len(x)))
    assert offset == pytest.approx(-3.0, abs=0.2)
    assert slope == pytest.approx(-2.0, abs=0.1)


def test_half_of_each_is_even_odds():
    offset, slope = fit_logistic(np.zeros(4), np.array([0.0, 1, 0, 1]), np.ones(4))
    assert offset == pytest.approx(0, abs=1e-6)
    assert slope == pytest.approx(0, abs=1e-6)


def test_weights_count_like_repeated_photos():
    x, outcome = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([1.0, 0.0, 1.0, 0.0])
    repeated = fit_logistic(np.repeat(x, 5), np.repeat(outcome, 5), np.ones(20))
    assert fit_logistic(x, outcome, np.full(4, 7.0)) == pytest.approx(repeated, rel=0.02)


def test_outcomes_that_are_separable_stay_finite():
    offset, slope = fit_logistic(np.array([-3.0, -2, 1, 2]), np.array([1.0, 1, 0, 0]), np.ones(4))
    assert np.isfinite((offset, slope)).all()
    assert slope < 0
