import numpy as np

from monoface.modelling.mesh.correspondence import closest_points, closest_weights


def test_closest_weights_agree_with_a_fine_grid():
    generator = np.random.default_rng(1)
    corners, queries = generator.normal(size=(40, 3, 5)), generator.normal(size=(40, 5))
    weight = closest_weights(queries, corners)
    steps = np.arange(101)
    grid = np.array([(i, j, 100 - i - j) for i in steps for j in steps[: 101 - i]]) / 100
    on_grid = np.einsum("gk,pkd->pgd", grid, corners)
    best = np.linalg.norm(on_grid - queries[:, None], axis=-1).min(axis=1)
    found = np.linalg.norm((corners * weight[:, :, None]).sum(axis=1) - queries, axis=1)
    assert (found <= best + 1e-12).all()
    assert (best - found).max() < 0.02
    np.testing.assert_allclose(weight.sum(axis=1), 1)
    assert weight.min() >= 0


def test_degenerate_triangles_are_taken_as_their_edges():
    corners = np.array([[[0.0, 0], [1, 0], [2, 0]]])
    weight = closest_weights(np.array([[1.5, 1.0]]), corners)
    np.testing.assert_allclose((corners * weight[:, :, None]).sum(axis=1), [[1.5, 0]])


def test_sheets_that_touch_are_told_apart_by_another_shape():
    # Two triangles at one place; in the second shape the other one is lifted.
    place = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    lifted = place + np.array((0, 0, 5))
    verts = np.concatenate((np.concatenate((place, place), 1), np.concatenate((place, lifted), 1)))
    faces = np.array(((0, 1, 2), (3, 4, 5)))
    query = np.array([[0.2, 0.3, 0, 0.2, 0.3, 5]])
    points = closest_points(query, verts, faces)
    assert points.corners.tolist() == [[3, 4, 5]]
    np.testing.assert_allclose(points.take(verts[:, 3:]), [[0.2, 0.3, 5]])
