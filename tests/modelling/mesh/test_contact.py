import numpy as np

from monoface.modelling.mesh.contact import Slit, closed


def two_rims(gap_mm: float) -> tuple[np.ndarray, Slit]:
    x = np.linspace(-20, 20, 81)
    upper = np.stack((x, np.full(81, gap_mm), np.zeros(81)), axis=1)
    lower = np.stack((x, np.zeros(81), np.zeros(81)), axis=1)
    far = np.array(((0.0, 40, 0), (0, -40, 0)))
    side = np.concatenate((np.zeros(81, dtype=int), np.ones(81, dtype=int), (0, 1)))
    return np.concatenate((upper, lower, far)), Slit(side == 0, side == 1, upper_share=0.75)


def test_a_slit_is_shut_in_the_given_shares():
    verts, slit = two_rims(0.4)
    moved = closed(verts, slit)
    middle = np.abs(verts[:81, 0]) < 15
    assert (moved[:81, 1] - moved[81:162, 1])[middle].max() < 0
    ratio = (verts - moved)[:81, 1][middle] / (moved - verts)[81:162, 1][middle]
    np.testing.assert_allclose(ratio, 3, rtol=0.02)


def test_what_is_far_stays():
    verts, slit = two_rims(0.4)
    np.testing.assert_allclose(closed(verts, slit)[-2:], verts[-2:], atol=1e-12)


def test_openings_stay_open():
    verts, slit = two_rims(8.0)
    assert np.array_equal(closed(verts, slit), verts)
