"""MATLAB files: what was asked for comes back, all else is refused before it is read."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from monoface.core.errors import DataError
from monoface.data.sources.mat_files import read_mat_arrays


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.mat"
    content = {"points": np.arange(6, dtype=np.float32).reshape(3, 2), "text": "hello", "cells": [{"a": 1}]}
    savemat(path, content, do_compression=True)
    return path


def test_arrays_come_back_as_doubles(path):
    arrays = read_mat_arrays(path, {"points": (3, 2)})
    assert_array_equal(arrays["points"], np.arange(6.0).reshape(3, 2))
    assert arrays["points"].dtype == np.float64
    assert arrays.keys() == {"points"}


@pytest.mark.parametrize(
    "shapes", [{"points": (2, 3)}, {"text": (1,)}, {"cells": (1, 1)}, {"points": (3, 2), "missing": (1, 1)}]
)
def test_other_shapes_kinds_and_names_are_refused(path, shapes):
    with pytest.raises(DataError, match=r"a\.mat: expected .* got \{"):
        read_mat_arrays(path, shapes)


def test_what_is_not_asked_for_is_not_decompressed(path, monkeypatch):
    import scipy.io

    asked = []
    read = scipy.io.loadmat
    monkeypatch.setattr(
        scipy.io, "loadmat", lambda *args, **options: asked.append(options) or read(*args, **options)
    )
    read_mat_arrays(path, {"points": (3, 2)})
    assert asked == [{"variable_names": ["points"]}]
    with pytest.raises(DataError):
        read_mat_arrays(path, {"points": (2, 3)})
    assert len(asked) == 1


@pytest.mark.parametrize("kept", [0, 60, 140, 200])
def test_damaged_files_are_refused(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"a\.mat: expected"):
        read_mat_arrays(path, {"points": (3, 2)})


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read it"):
        read_mat_arrays(tmp_path / "none.mat", {"points": (3, 2)})


def test_large_files_are_refused_unread(path):
    path.write_bytes(path.read_bytes() + bytes(2**20))
    with pytest.raises(DataError, match="expected a file of at most 1048576 bytes"):
        read_mat_arrays(path, {"points": (3, 2)})
