import numpy as np
import pytest

from monoface.modelling.mesh.decimate import decimate, triangle_quadrics
from monoface.modelling.mesh.seamed import EditableMesh, SeamedMesh, point_normals, signed_areas


def grid_mesh(side: int = 9, bump: float = 0.0, seam: bool = False) -> SeamedMesh:
    """A square of side x side points, one millimetre apart, with a hill in the middle and fixed corners.

    With a seam, the texture of the right half lies apart from that of the left one.
    """
    x, y = np.meshgrid(np.arange(side, dtype=float), np.arange(side, dtype=float))
    x, y = x.ravel(), y.ravel()
    middle = (side - 1) / 2
    z = bump * np.exp(-((x - middle) ** 2 + (y - middle) ** 2) / 2)
    places = np.stack((x, y, z), axis=1)
    row, column = (v.ravel() for v in np.mgrid[: side - 1, : side - 1])
    corner = row * side + column
    faces = np.concatenate(
        (
            np.stack((corner, corner + 1, corner + side + 1), axis=1),
            np.stack((corner, corner + side + 1, corner + side), axis=1),
        )
    )
    wedges = faces.copy()
    uv = places[:, :2] / side
    if seam:
        right = x[faces].mean(axis=1) > middle
        wedges[right] += side * side
        uv = np.concatenate((uv, uv + np.array((2.0, 0))))
    shapes = places[None]
    nothing = np.zeros(side * side, dtype=bool)
    corners = np.isin(places[:, :2], (0, side - 1)).all(axis=1)
    return SeamedMesh(
        faces=faces,
        wedges=wedges,
        wedge_uv=uv,
        embedding=places,
        shapes_mm=shapes,
        normals=point_normals(shapes, faces),
        fixed=corners,
        loop=nothing,
        line=nothing,
        part=np.zeros(side * side, dtype=np.int64),
    )


def replace(mesh: SeamedMesh, **changes: np.ndarray) -> SeamedMesh:
    return SeamedMesh(**(vars(mesh) | changes))


def area_of(places: np.ndarray, faces: np.ndarray) -> float:
    corners = places[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(cross, axis=1).sum() / 2)


def test_quadric_is_area_times_squared_distance_by_hand():
    triangle = np.array([[[0.0, 0, 5], [4, 0, 5], [0, 3, 5]]])
    quadric = triangle_quadrics(triangle)[0]
    point = np.array((10.0, -7, 8, 1))
    assert point @ quadric @ point == pytest.approx(6 * 3**2)


def test_quadric_measures_distance_in_any_dimension():
    generator = np.random.default_rng(0)
    corners = generator.normal(size=(1, 3, 7))
    point = generator.normal(size=7)
    edges = (corners[0, 1:] - corners[0, 0]).T
    nearest, *_ = np.linalg.lstsq(edges, point - corners[0, 0], rcond=None)
    squared = float(((edges @ nearest - point + corners[0, 0]) ** 2).sum())
    area = np.sqrt(np.linalg.det(edges.T @ edges)) / 2
    homogeneous = np.append(point, 1.0)
    assert homogeneous @ triangle_quadrics(corners)[0] @ homogeneous == pytest.approx(area * squared)


def test_degenerate_triangles_have_no_quadric():
    assert np.abs(triangle_quadrics(np.zeros((1, 3, 4)))).max() == 0


def test_keeps_as_many_points_as_asked_and_the_whole_area():
    mesh = grid_mesh()
    left = decimate(mesh, {0: 30})
    assert len(np.unique(left.faces)) == 30
    assert area_of(mesh.shapes_mm[0], left.faces) == pytest.approx(64)


def test_parts_that_are_not_named_stay_whole():
    mesh = grid_mesh()
    assert len(decimate(mesh, {}).faces) == len(mesh.faces)


def test_flat_ground_goes_before_the_hill():
    mesh = grid_mesh(side=11, bump=3.0)
    kept = np.unique(decimate(mesh, {0: 60}).faces)
    places = mesh.shapes_mm[0]
    on_hill = np.linalg.norm(places[:, :2] - 5, axis=1) < 2.5
    assert on_hill[kept].sum() / on_hill.sum() > 0.8
    assert (~on_hill)[kept].sum() / (~on_hill).sum() < 0.5


def test_a_deformation_counts_like_a_hill():
    flat = grid_mesh(side=11)
    hill = grid_mesh(side=11, bump=3.0)
    mesh = replace(flat, embedding=np.concatenate((flat.embedding, hill.embedding[:, 2:]), axis=1))
    kept = np.unique(decimate(mesh, {0: 60}).faces)
    on_hill = np.linalg.norm(flat.embedding[:, :2] - 5, axis=1) < 2.5
    assert on_hill[kept].sum() / on_hill.sum() > 0.8


def test_fixed_points_and_loops_stay():
    mesh = grid_mesh()
    fixed = np.zeros(81, dtype=bool)
    fixed[[40, 41, 50]] = True
    loop = np.zeros(81, dtype=bool)
    loop[[20, 21, 22, 31, 30, 29]] = True
    kept = np.unique(decimate(replace(mesh, fixed=fixed, loop=loop), {0: 20}).faces)
    assert np.isin(np.nonzero(fixed | loop)[0], kept).all()


def test_line_points_stay_on_their_line():
    mesh = grid_mesh()
    line = mesh.shapes_mm[0, :, 0] == 0
    left = decimate(replace(mesh, line=line), {0: 25})
    edges = np.sort(np.concatenate((left.faces[:, :2], left.faces[:, 1:], left.faces[:, ::2])), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = unique[count == 1]
    along = border[line[border].all(axis=1)]
    length = np.abs(np.diff(mesh.shapes_mm[0, along, 1], axis=1)).sum()
    assert length == pytest.approx(8)


def test_seams_stay_closed():
    mesh = grid_mesh(seam=True)
    left = decimate(mesh, {0: 30})
    assert signed_areas(mesh.wedge_uv[left.wedges]).sum() == pytest.approx((8 / 9) ** 2)
    assert (signed_areas(mesh.wedge_uv[left.wedges]) > 0).all()
    assert np.ptp(mesh.wedge_uv[left.wedges], axis=1).max() < 1


def test_no_collapse_folds_another_shape():
    mesh = grid_mesh()
    wave = mesh.shapes_mm[0] + np.stack(
        (0 * mesh.embedding[:, 0],) * 2 + (np.sin(mesh.embedding[:, 0]) * 2,), axis=1
    )
    shapes = np.stack((mesh.shapes_mm[0], wave))
    mesh = replace(mesh, shapes_mm=shapes, normals=point_normals(shapes, mesh.faces))
    left = decimate(mesh, {0: 15})
    corners = wave[left.faces]
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0).all()


def test_an_edit_can_be_taken_back():
    mesh = grid_mesh(side=4)
    work = EditableMesh(mesh, decimate(mesh, {}), mesh.fixed)
    before, around = work.left(), [set(rows) for rows in work.around]
    edit = work.merging(5, 6)
    assert edit is not None
    back = work.apply(edit)
    assert len(work.left().faces) == len(before.faces) - 2
    work.apply(back)
    assert np.array_equal(work.left().faces, before.faces)
    assert work.around == around
