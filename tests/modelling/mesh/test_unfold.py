import numpy as np

from monoface.modelling.mesh.seamed import DecimatedFaces, SeamedMesh, point_normals
from monoface.modelling.mesh.unfold import folded, smoothed_offsets, unfold

# A hexagon around point 0, counter-clockwise.
_TURN = np.arange(6) * np.pi / 3
HEXAGON = np.concatenate((np.zeros((1, 3)), np.stack((np.cos(_TURN), np.sin(_TURN), 0 * _TURN), axis=1)))
FAN = np.array([(0, i, i % 6 + 1) for i in range(1, 7)])


def mesh_of(places: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> SeamedMesh:
    nothing = np.zeros(len(places), dtype=bool)
    return SeamedMesh(
        faces=faces,
        wedges=faces,
        wedge_uv=uv,
        embedding=places,
        shapes_mm=places[None],
        normals=point_normals(places[None], faces),
        fixed=nothing,
        loop=nothing,
        line=nothing,
        part=np.zeros(len(places), dtype=np.int64),
    )


def test_a_flat_fan_is_not_folded():
    assert not folded(HEXAGON[None], FAN, FAN).any()


def test_a_centre_pulled_over_the_rim_folds_one_triangle():
    places = HEXAGON.copy()
    places[0, 0] = 0.95
    places[0, 1] = 0.6
    bad = folded(places[None], FAN, FAN)
    assert bad[0].sum() == 1


def test_a_sliver_counts_as_flat():
    places = HEXAGON.copy()
    places[1] = (places[2] + places[0]) / 2
    assert folded(places[None], FAN, FAN)[0, 0]


def test_smoothing_unfolds_and_leaves_fine_shapes_alone():
    bent = HEXAGON.copy()
    bent[0] = (0.95, 0.6, 0)
    offsets = np.stack((bent - HEXAGON, 0.1 * HEXAGON))
    smoothed = smoothed_offsets(HEXAGON, offsets, FAN)
    assert not folded(HEXAGON + smoothed, FAN, FAN).any()
    assert np.array_equal(smoothed[1], (HEXAGON + offsets[1]) - HEXAGON)


def test_unfolding_flips_the_edge_of_a_sliver():
    # Point 0 lies on the edge between 2 and 6, so their triangle is a line; in the texture it is none.
    places = HEXAGON.copy()
    places[0] = (places[2] + places[6]) / 2
    uv = HEXAGON[:, :2].copy()
    uv[0, 0] = 0.7
    faces = np.array([(0, 1, 2), (0, 6, 1), (0, 2, 6), (2, 3, 6), (3, 4, 6), (4, 5, 6)])
    mesh = mesh_of(places, faces, uv)
    assert folded(mesh.shapes_mm, faces, faces).any()
    left = unfold(mesh, DecimatedFaces(faces, faces))
    assert not folded(mesh.shapes_mm, left.faces, left.faces).any()
