import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation

from monoface.core.errors import DataError
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface
from monoface.metrics import (
    DistanceSummary,
    chamfer_distance,
    cumulative_curve,
    root_mean_square,
    scan_to_surface,
    vertex_distance,
)


def test_summary_by_hand():
    summary = DistanceSummary.of(np.array([1.0, 2, 3, 10]))
    assert (summary.median, summary.mean) == (2.5, 4)
    assert_allclose(summary.std, np.sqrt((9 + 4 + 1 + 36) / 4))
    assert np.isnan(DistanceSummary.of(np.zeros(0)).mean)
    assert_allclose(root_mean_square(np.array([3.0, 4])), np.sqrt(12.5))
    assert np.isnan(root_mean_square(np.zeros(0)))


def test_distances_are_in_the_scans_unit():
    verts, faces, _ = face_cap(side=11)
    surface = Surface(verts / 1000, faces)
    placement = Placement(1000.0, rotation((0.2, 0, 0)), np.array([1.0, 2, 3]))
    normal = surface.normals[0] @ placement.rotation.T
    centre = placement.apply(surface.verts[surface.faces[0]].mean(axis=0)[None])
    assert_allclose(scan_to_surface(centre + 0.5 * normal, surface, placement), [0.5], atol=1e-9)


def test_planes_2_apart_have_chamfer_distance_2():
    square = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    faces = np.array([(0, 1, 2), (0, 2, 3)])
    first, second = Surface(square, faces), Surface(square + np.array((0, 0, 2)), faces)
    assert_allclose(chamfer_distance(first, second), 2)
    assert chamfer_distance(first, first) == 0


def test_a_turned_and_scaled_copy_reads_0():
    verts, _, _ = face_cap(side=11)
    copy = 3 * verts @ rotation((0.1, 2, 0.3)).T + 7
    assert vertex_distance(copy, verts).max() < 1e-9
    assert vertex_distance(copy, verts, with_scale=False).mean() > 10
    with pytest.raises(DataError, match="at least 3 pairs of points, got 1 and 1"):
        vertex_distance(verts[:1], verts[:1])


def test_cumulative_curve_by_hand():
    curve = cumulative_curve(np.array([0.0, 1, 2, np.nan]), 4, failures=1, steps=4)
    assert_allclose(curve.thresholds, [0, 1, 2, 3, 4])
    assert_allclose(curve.percent, [20, 40, 60, 60, 60])
    assert_allclose(curve.area_percent, (30 + 50 + 60 + 60) / 4)
    assert curve.at(1.5) == 50
    assert np.isnan(cumulative_curve(np.zeros(0), 1).percent).all()
