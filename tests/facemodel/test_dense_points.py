"""Points of several sets in a row: which, where on the mesh, and what mirroring makes of them."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError, ModelFileError
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.mirroring import CoefficientMirror, mirror_order

SETS = (("ibug68", 1), ("aflw21", 2))


def test_points_are_those_of_their_sets(head):
    points = DensePoints.of(head, SETS)
    verts = head.mean_mm[None]
    expected = [head.landmarks(name).points(verts)[:, rows] for name, rows in points.rows.items()]
    assert_close(points.landmarks.points(verts), torch.cat(expected, dim=1))
    assert len(points) == sum(map(len, points.rows.values()))


def test_thinned_sets_are_symmetric(head):
    points = DensePoints.of(head, (("aflw21", 3),))
    order, rows = mirror_order(head, "aflw21"), points.rows["aflw21"]
    assert 5 < len(rows) < 12
    assert set(order[rows]) == set(rows)


def test_mirrored_points_are_those_that_a_mirror_shows(head):
    points = DensePoints.of(head, SETS)
    places = points.landmarks.points(head.mean_mm[None])[0]
    assert_close(places[points.mirror], places * torch.tensor([-1.0, 1.0, 1.0]), rtol=0, atol=1e-3)
    assert np.array_equal(points.mirror[points.mirror], np.arange(len(points)))
    assert np.array_equal(CoefficientMirror(head).points(SETS), points.mirror)


def test_marked_points_are_gathered_in_order(head, rng):
    points = DensePoints.of(head, SETS)
    marked = torch.rand(2, 21, 2, generator=rng)
    gathered = points.gathered({"aflw21": marked, "other": torch.zeros(2, 3, 2)})
    assert gathered[:, :68].isnan().all()
    assert torch.equal(gathered[:, 68:], marked[:, points.rows["aflw21"]])
    assert points.gathered({"other": marked}) is None


def test_no_set_has_no_point(head):
    assert len(DensePoints.of(head, ())) == 0


def test_wrong_sets_are_refused(head):
    with pytest.raises(ConfigError, match="different sets with steps of at least 1"):
        DensePoints.of(head, (("ibug68", 0),))
    with pytest.raises(ConfigError, match="different sets"):
        DensePoints.of(head, (("ibug68", 1), ("ibug68", 2)))
    with pytest.raises(ModelFileError, match="no such set"):
        DensePoints.of(head, (("nowhere", 1),))
