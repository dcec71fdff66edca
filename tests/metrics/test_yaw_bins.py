import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from monoface.metrics import YAW_BINS, binned_mean, bootstrap_intervals, bootstrap_mean, in_yaw_bins


def test_bins_at_their_borders():
    yaw = np.array([0.0, -30, 30.001, 60, -60.001, 90, 120])
    expected = [[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1]]
    assert_array_equal(in_yaw_bins(yaw), np.array(expected, dtype=bool))


def test_mean_of_the_bins_and_of_the_photos_by_hand():
    result = binned_mean(np.array([1.0, 3, 5, 8]), np.array([0.0, -10, 45, -80]))
    assert result.as_dict() == {"0-30": 2, "30-60": 5, "60-90": 8, "bin_mean": 5, "image_mean": 4.25}


def test_an_empty_bin_is_not_a_number():
    result = binned_mean(np.array([1.0, 3]), np.array([0.0, 45]))
    assert_allclose(result.by_bin, [1, 3, np.nan])
    assert np.isnan(result.bin_mean)
    assert result.image_mean == 2
    assert np.isnan(binned_mean(np.zeros(0), np.zeros(0)).image_mean)


@pytest.fixture
def sample():
    generator = np.random.default_rng(1)
    yaw = np.concatenate([np.full(136, 10.0), np.full(39, -45.0), np.full(25, 80.0)])
    return generator.gamma(4, 1, size=200), yaw


def test_intervals_contain_the_means_and_have_the_width_of_the_standard_error(sample):
    errors, yaw = sample
    intervals = bootstrap_intervals(errors, yaw)
    means = binned_mean(errors, yaw).as_dict()
    assert intervals.keys() == means.keys()
    for name, interval in intervals.items():
        assert interval.low < means[name] < interval.high
    for name, members in zip(YAW_BINS, in_yaw_bins(yaw), strict=True):
        half_width = 1.96 * errors[members].std() / np.sqrt(members.sum())
        assert_allclose((intervals[name].high - intervals[name].low) / 2, half_width, rtol=0.1)


def test_paired_intervals_see_what_unpaired_ones_cannot(sample):
    errors, yaw = sample
    better = errors - 0.1 + 0.05 * np.random.default_rng(2).normal(size=200)
    paired = bootstrap_intervals(better - errors, yaw)["bin_mean"]
    assert paired.high < 0
    alone = bootstrap_intervals(better, yaw)["bin_mean"]
    assert alone.low < binned_mean(errors, yaw).bin_mean < alone.high


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(3)
    yaw = np.repeat([0.0, 45, 80], 40)
    covered = 0
    for _ in range(200):
        interval = bootstrap_intervals(generator.gamma(4, 1, size=120), yaw, draws=300)["bin_mean"]
        covered += interval.low < 4 < interval.high
    assert 0.88 < covered / 200 < 0.99


def test_equal_seeds_give_equal_intervals(sample):
    assert bootstrap_intervals(*sample) == bootstrap_intervals(*sample)
    assert bootstrap_intervals(*sample, seed=1) != bootstrap_intervals(*sample)


def test_no_photos_in_a_bin_give_no_interval():
    intervals = bootstrap_intervals(np.array([1.0, 3]), np.array([0.0, 5]))
    assert np.isnan(intervals["60-90"].low)
    assert np.isnan(intervals["bin_mean"].high)
    assert intervals["image_mean"].low <= 2 <= intervals["image_mean"].high
    assert np.isnan(bootstrap_intervals(np.zeros(0), np.zeros(0))["image_mean"].low)


def test_the_interval_of_a_mean_is_that_of_one_bin(sample):
    errors, _ = sample
    assert bootstrap_mean(errors) == bootstrap_intervals(errors, np.zeros(200))["0-30"]
    constant = bootstrap_mean(np.full(5, 3.0))
    assert (constant.low, constant.high) == (3.0, 3.0)
