"""Blendshapes that another network found."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import DataError
from monoface.training.likeness.scores import read_scores


@pytest.fixture
def path(tmp_path):
    value = np.random.default_rng(0).uniform(0, 1, (4, 3)).astype(np.float32)
    found = np.array([0.99, 0.95, 0.2, 0.99], np.float32)
    np.savez(tmp_path / "aflw.npz", key=np.array(list("abcd")), score=found, blendshapes=value)
    return tmp_path / "aflw.npz", value


def test_scores_go_with_their_photos(path):
    scores = read_scores(path[0], 2)
    found = scores.of(("d", "nobody", "a", "c"))
    assert_allclose(found[[0, 2]], path[1][[3, 0], 1:])
    assert np.isnan(found[[1, 3]]).all()


def test_striking_photos_have_the_highest_scores(path):
    scores = read_scores(path[0], 2)
    keys = ("a", "b", "c", "d")
    best = {int(row) for row in np.argmax(np.where([[1], [1], [0], [1]], path[1][:, 1:], -1), axis=0)}
    assert set(scores.striking(keys, 1).tolist()) == best


def test_other_expressions_are_refused(path):
    with pytest.raises(DataError, match="expected 6 blendshapes of 4 photos"):
        read_scores(path[0], 5)
    with pytest.raises(DataError, match="cannot read it"):
        read_scores(path[0].with_name("none.npz"), 2)
