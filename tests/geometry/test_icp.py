import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation

from monoface.core.errors import ConfigError, DataError
from monoface.geometry.icp import IcpConfig, align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface


@pytest.fixture(scope="module")
def cap():
    verts, faces, _ = face_cap(side=31)
    return verts, Surface(verts, faces)


def off_by(turn, scale=1.0, shift=(0, 0, 0)):
    return Placement(scale, rotation(turn), np.array(shift, dtype=float))


def test_finds_back_to_where_the_mesh_fits(cap):
    verts, surface = cap
    result = align_to_scan(surface, verts, off_by((0.08, -0.05, 0.1), 1.06, (4, -3, 6)))
    assert not result.failure
    assert result.rms < 1e-4
    assert_allclose(result.placement.apply(verts), verts, atol=1e-3)


def test_without_scale_it_stays_as_it_was(cap):
    verts, surface = cap
    result = align_to_scan(surface, verts, off_by((0.05, 0, 0), 1.02), IcpConfig(with_scale=False))
    assert_allclose(result.placement.scale, 1.02, rtol=1e-12)
    assert 0.1 < result.rms < 2


def test_the_error_never_grows(cap):
    verts, surface = cap
    rng = np.random.default_rng(0)
    scan = verts + rng.normal(0, 2, verts.shape)
    start = off_by((0.1, 0.1, -0.1))
    before = surface.closest(start.inverse().apply(scan)).distance
    result = align_to_scan(surface, scan, start)
    assert result.rms < np.sqrt(np.mean(before**2))
    moved = Surface(result.placement.apply(verts), surface.faces)
    assert_allclose(result.rms, np.sqrt(np.mean(moved.closest(scan).distance ** 2)), rtol=1e-9)


def test_large_scans_come_to_the_same_end(cap):
    verts, surface = cap
    rng = np.random.default_rng(1)
    scan = np.repeat(verts, 13, axis=0) + rng.normal(0, 0.2, (13 * len(verts), 3))
    result = align_to_scan(surface, scan, off_by((0.05, -0.08, 0.02), 0.97, (3, 0, -2)))
    from_truth = align_to_scan(surface, scan, Placement.identity())
    assert_allclose(result.placement.apply(verts), from_truth.placement.apply(verts), atol=0.02)


@pytest.mark.parametrize("with_scale", [True, False])
def test_agrees_with_a_general_optimiser(cap, with_scale):
    """The same objective, least squares of the distances over turn, shift and scale, by scipy."""
    from scipy.optimize import least_squares

    verts, surface = cap
    rng = np.random.default_rng(3)
    inner = verts[np.linalg.norm(verts[:, :2], axis=1) < 70]
    scan = inner + rng.normal(0, 1.0, inner.shape)
    start = off_by((0.06, -0.04, 0.03), 1.03, (2, -1, 3))

    def placed(x):
        scale = float(np.exp(x[6])) if with_scale else 1.0
        return off_by(x[:3] + 1e-12, scale, x[3:6]).after(start)

    def distances(x):
        placement = placed(x)
        return placement.scale * surface.closest(placement.inverse().apply(scan)).distance

    best = least_squares(
        distances, np.zeros(7 if with_scale else 6), x_scale=[0.01] * 3 + [1.0] * 3 + [0.01] * with_scale
    )
    expected = np.sqrt(np.mean(distances(best.x) ** 2))
    result = align_to_scan(surface, scan, start, IcpConfig(with_scale=with_scale))
    assert_allclose(result.rms, expected, rtol=1e-3)
    assert_allclose(result.placement.apply(inner), placed(best.x).apply(inner), atol=0.1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (IcpConfig(max_steps=1), "not converged after 1 steps"),
        (IcpConfig(max_turn_deg=1), "turned by [56] degrees, more than 1"),
        (IcpConfig(max_growth=1.01), r"grew by the factor 0\.9\d, past 1\.01"),
    ],
)
def test_failures_say_why(cap, config, message):
    verts, surface = cap
    result = align_to_scan(surface, verts, off_by((0.1, 0, 0), 1.05), config)
    assert re.fullmatch(message, result.failure)


def test_no_steps_are_refused():
    with pytest.raises(ConfigError, match="max_steps: expected at least 1, got 0"):
        IcpConfig(max_steps=0)


def test_placements_compose_and_invert():
    rng = np.random.default_rng(2)
    first, second = off_by((0.3, 0.2, 0.1), 2.0, (1, 2, 3)), off_by((-1, 0.5, 0), 0.3, (4, 5, 6))
    points = rng.normal(size=(5, 3))
    assert_allclose(second.after(first).apply(points), second.apply(first.apply(points)))
    assert_allclose(first.inverse().apply(first.apply(points)), points)
    assert_allclose(off_by((0, np.pi / 3, 0)).turn_deg, 60)
    found = Placement.between(points, second.apply(points))
    assert_allclose(found.apply(points), second.apply(points), atol=1e-12)


def test_too_few_or_broken_points_are_not_aligned():
    with pytest.raises(DataError, match="at least 3 pairs of points, got 2 and 2"):
        Placement.between(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(DataError, match="expected finite points"):
        Placement.between(np.full((3, 3), np.nan), np.zeros((3, 3)))
    with pytest.raises(DataError, match="a scale of 0 cannot be undone"):
        Placement.between(np.zeros((3, 3)), np.eye(3)).inverse()
