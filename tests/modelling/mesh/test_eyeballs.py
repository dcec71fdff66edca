import numpy as np

from monoface.modelling.mesh.eyeballs import (
    RINGS_RAD,
    _polar_directions,
    _polar_faces,
    _polar_uv,
    centre_weights,
)


def test_weights_give_the_centre_and_follow_scaling():
    places = np.random.default_rng(2).normal(loc=(0, 0, 1), size=(30, 3))
    weights = centre_weights(places, np.array((0.1, 0.2, 0.3)))
    np.testing.assert_allclose(weights @ places, (0.1, 0.2, 0.3), atol=1e-12)
    np.testing.assert_allclose(weights @ (3 * places + 5), (5.3, 5.6, 5.9), atol=1e-12)


def test_the_grid_faces_outwards_and_the_texture_is_not_mirrored():
    directions = _polar_directions(12, np.array((0.0, 0.0, 1.0)))
    faces = _polar_faces(len(RINGS_RAD), 12)
    corners = directions[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(axis=1)).sum(axis=1) > 0).all()
    uv = _polar_uv(12)[faces]
    first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    # The texture's y goes down, so what is counter-clockwise seen from outside has negative area.
    assert (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0).all()
