"""What numpy and PyTorch have in common gives the same numbers in both."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.arrays import (
    added_at,
    cast,
    constant,
    filled,
    in_numpy,
    in_torch,
    namespace,
    norm,
    normalized,
)


@dataclass(frozen=True)
class Nested:
    rows: object
    named: dict = field(default_factory=dict)


def test_each_kind_has_its_namespace():
    assert namespace(np.zeros(2)) is np
    assert namespace(torch.zeros(2)) is torch


@pytest.mark.parametrize("like", [np.zeros(1, np.float32), torch.zeros(1, dtype=torch.float32)])
def test_new_arrays_take_kind_and_type(like):
    for made in (constant((1.0, 2.0), like), filled((2,), 3.0, like), cast(constant([1, 2], like), like)):
        assert type(made) is type(like)
        assert made.dtype == like.dtype


def test_trees_are_converted_at_any_depth_and_share_memory():
    tree = Nested((np.arange(3), 1), {"a": Nested(np.ones(2))})
    there = in_torch(tree)
    assert isinstance(there.named["a"].rows, torch.Tensor)
    there.rows[0][0] = 7
    back = in_numpy(there)
    assert tree.rows[0][0] == 7
    assert isinstance(back.named["a"].rows, np.ndarray)
    assert back.rows[1] == 1


def test_unchanged_trees_stay_themselves():
    tree = Nested((np.arange(3), 1))
    assert in_numpy(tree) is tree


def test_lengths_and_directions_agree():
    vectors = np.array([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0], [1e-14, 0.0, 0.0]])
    for function in (norm, normalized):
        assert_close(torch.from_numpy(function(vectors)), function(torch.from_numpy(vectors)))
    assert_close(torch.from_numpy(normalized(vectors)[:2]), torch.tensor([[0.6, 0, 0.8], [0, 0, 0]]).double())


def test_sums_by_index_agree():
    values, index = np.random.default_rng(0).normal(size=(7, 2, 3)), np.array([0, 3, 3, 1, 0, 3, 1])
    summed = added_at(values, index, 5)
    assert_close(torch.from_numpy(summed), added_at(*map(torch.from_numpy, (values, index)), 5))
    np.testing.assert_allclose(summed[3], values[[1, 2, 5]].sum(axis=0))
    assert not summed[[2, 4]].any()
