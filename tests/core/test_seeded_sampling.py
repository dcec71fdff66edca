"""Random numbers that belong to samples."""

import pytest
import torch

from monoface.core.seeded_sampling import sample_normal, sample_rows, sample_uniform

SEEDS = torch.arange(1, 4001)


def test_numbers_of_a_sample_do_not_depend_on_its_batch():
    for draw in (sample_uniform, sample_normal):
        assert torch.equal(draw(SEEDS, 3, 7)[100:120], draw(SEEDS[100:120], 3, 7))


def test_purposes_and_places_are_independent():
    first, second = sample_uniform(SEEDS, 2, 1).T, sample_uniform(SEEDS, 2, 2).T
    together = torch.stack((*first, *second))
    assert (torch.corrcoef(together) - torch.eye(4)).abs().max() < 0.06


@pytest.mark.parametrize("seeds", [SEEDS, SEEDS * 7919 + 2**30])
def test_uniform_numbers_fill_the_open_interval(seeds):
    values = sample_uniform(seeds, 4, 0).flatten()
    assert 0 < values.min() < 1e-3
    assert 1 - 1e-3 < values.max() < 1
    shares = torch.histc(values, bins=10, min=0, max=1) / len(values)
    assert (shares - 0.1).abs().max() < 0.01


def test_normal_numbers_have_the_moments_of_a_normal_distribution():
    values = sample_normal(SEEDS, 4, 0).flatten().double()
    assert abs(values.mean()) < 0.03
    assert abs(values.var() - 1) < 0.05
    assert abs((values**4).mean() - 3) < 0.3
    assert values.isfinite().all()


def test_rows_are_drawn_by_their_own_seeds():
    seeds = torch.arange(1000)
    rows = sample_rows(seeds, 0.3, 5)
    assert 250 < len(rows) < 350
    assert torch.equal(sample_rows(seeds[500:], 0.3, 5) + 500, rows[rows >= 500])
    assert len(sample_rows(seeds, 0.0, 5)) == 0
    assert len(sample_rows(seeds, 1.0, 5)) == 1000
