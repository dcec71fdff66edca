import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.metrics import Agreement, bootstrap_mean, bootstrap_statistic


def test_a_line_has_its_slope_whatever_its_offset():
    true = np.array([0.0, 1.0, 2.0, 5.0])
    agreement = Agreement.of(0.4 * true + 3, true)
    assert_allclose([agreement.correlation, agreement.slope], [1, 0.4])
    assert_allclose([agreement.slope_interval_95.low, agreement.slope_interval_95.high], 0.4)


def test_it_agrees_with_numpy():
    rng = np.random.default_rng(0)
    true = rng.normal(size=200)
    found = 0.5 * true + rng.normal(size=200)
    agreement = Agreement.of(found, true)
    assert_allclose(agreement.correlation, np.corrcoef(found, true)[0, 1])
    assert_allclose(agreement.slope, np.polyfit(true, found, 1)[0])
    low, high = agreement.slope_interval_95.low, agreement.slope_interval_95.high
    assert low < agreement.slope < high
    # The usual formula for the standard error of a slope.
    residual = found - np.polyval(np.polyfit(true, found, 1), true)
    error = residual.std(ddof=2) / true.std() / np.sqrt(len(true))
    assert_allclose(high - low, 2 * 1.96 * error, rtol=0.15)


def test_exchanging_both_keeps_the_correlation_and_not_the_slope():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 50))
    there, back = Agreement.of(x + y, x), Agreement.of(x, x + y)
    assert_allclose(there.correlation, back.correlation)
    assert_allclose(there.slope * back.slope, there.correlation**2)


def test_pairs_with_a_missing_value_are_left_out():
    true = np.array([0.0, 1.0, np.nan, 3.0, 9.0])
    found = np.array([0.0, 2.0, 7.0, 6.0, np.nan])
    assert_allclose(Agreement.of(found, true).slope, 2)


@pytest.mark.parametrize(
    ("found", "true", "correlation", "slope"),
    [([], [], np.nan, np.nan), ([1, 2], [3, 3], np.nan, np.nan), ([2, 2, 2], [1, 2, 3], np.nan, 0.0)],
)
def test_what_does_not_vary_has_no_correlation(found, true, correlation, slope):
    agreement = Agreement.of(np.array(found, float), np.array(true, float))
    assert_allclose([agreement.correlation, agreement.slope], [correlation, slope], atol=1e-12)


def test_the_interval_of_a_mean_is_that_of_the_mean():
    values = np.random.default_rng(2).normal(size=40)
    interval = bootstrap_statistic(lambda weights: weights @ values, 40)
    expected = bootstrap_mean(values)
    assert_allclose([interval.low, interval.high], [expected.low, expected.high])
    assert np.isnan(bootstrap_statistic(lambda weights: weights @ values, 0).low)


def test_draws_without_a_figure_are_left_out():
    interval = bootstrap_statistic(lambda weights: np.where(weights[:, 0] > 0, 1.0, np.nan), 3)
    assert interval.low == interval.high == 1
