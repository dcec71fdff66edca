import numpy as np
import pytest

from monoface.modelling.mesh.regions import _distance_to_polyline, _in_polygon


def test_inside_and_outside_of_a_polygon_with_a_notch():
    notched = np.array(((0.0, 0), (4, 0), (4, 4), (2, 1), (0, 4)))
    points = np.array(((1.0, 1), (2, 3), (3, 1.5), (5, 1), (2, 0.5)))
    assert _in_polygon(points, notched).tolist() == [True, False, True, False, True]


def test_distance_to_a_bent_line():
    line = np.array(((0.0, 0), (3, 0), (3, 4)))
    points = np.array(((1.0, 2), (5, 2), (-3, 4), (3, 7)))
    assert _distance_to_polyline(points, line).tolist() == pytest.approx([2, 2, 5, 3])
