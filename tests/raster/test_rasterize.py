from fractions import Fraction

import pytest
import torch
from torch.testing import assert_close

from monoface.raster import rasterize, use_backend

# Counter-clockwise as seen: down the left side, along the bottom, back up.
TRIANGLE = torch.tensor((((1.0, 1.0, 10.0), (1.0, 5.0, 20.0), (5.0, 5.0, 30.0)),))
ONE_FACE = torch.tensor(((0, 1, 2),))


@pytest.fixture(params=["numba", "reference"], autouse=True)
def _each_backend(request):
    with use_backend(request.param):
        yield


def covered(verts_px, faces, size, **options):
    return rasterize(verts_px, faces, size, **options).face_index


def test_a_triangle_by_hand():
    fragments = rasterize(TRIANGLE, ONE_FACE, (6, 7))
    # Centres on the diagonal belong to this triangle only if that is a left or top edge. It is neither.
    expected = torch.full((6, 7), -1)
    for row in range(2, 5):
        expected[row, 1:row] = 0
    assert (fragments.face_index[0] == expected).all()
    # The centre (2.5, 4.5): a quarter of the way right, seven eighths down.
    assert_close(fragments.barycentric[0, 4, 2], torch.tensor((0.125, 0.5, 0.375)))
    assert_close(fragments.depth[0, 4, 2], torch.tensor(0.125 * 10 + 0.5 * 20 + 0.375 * 30))


def test_background_is_minus_one_and_zeros():
    fragments = rasterize(TRIANGLE, ONE_FACE, (6, 7))
    assert not fragments.mask[0, 0].any()
    assert (fragments.face_index[~fragments.mask] == -1).all()
    assert (fragments.barycentric[~fragments.mask] == 0).all()
    assert (fragments.depth[~fragments.mask] == 0).all()


def test_perspective_weights_are_those_in_space():
    fragments = rasterize(TRIANGLE, ONE_FACE, (6, 7), perspective=True)
    inverse = torch.tensor((0.125 / 10, 0.5 / 20, 0.375 / 30))
    assert_close(fragments.barycentric[0, 4, 2], inverse / inverse.sum())
    assert_close(fragments.depth[0, 4, 2], 1 / inverse.sum())


def test_back_faces_are_culled_by_choice():
    flipped = ONE_FACE.flip(1)
    assert (covered(TRIANGLE, flipped, (6, 7)) == -1).all()
    both_sides = covered(TRIANGLE, flipped, (6, 7), cull="none")
    assert (both_sides == covered(TRIANGLE, ONE_FACE, (6, 7))).all()


def test_the_nearer_triangle_is_seen_and_the_first_at_a_tie():
    near = TRIANGLE - torch.tensor((0.0, 0.0, 5.0))
    verts = torch.cat((TRIANGLE, near, TRIANGLE), dim=1)
    size = (6, 7)
    assert covered(verts, torch.tensor(((0, 1, 2), (3, 4, 5))), size).max() == 1
    assert covered(verts, torch.tensor(((3, 4, 5), (0, 1, 2))), size).max() == 0
    assert covered(verts, torch.tensor(((0, 1, 2), (6, 7, 8))), size).max() == 0


@pytest.mark.parametrize("perspective", [False, True])
def test_agrees_with_exact_fractions(random_mesh, perspective):
    size = (9, 13)
    verts, faces = random_mesh(size, batch=1, faces=12)
    verts = (verts * 256).round() / 256
    fragments = rasterize(verts, faces, size, perspective=perspective, cull="none")
    points = [[Fraction(float(value)) for value in vertex] for vertex in verts[0]]
    for row in range(size[0]):
        for column in range(size[1]):
            centre = Fraction(2 * column + 1, 2), Fraction(2 * row + 1, 2)
            depths = {}
            for index, face in enumerate(faces.tolist()):
                weights = exact_weights([points[v] for v in face], centre)
                if weights is not None and min(weights) > 0:
                    depths[index] = exact_depth([points[v][2] for v in face], weights, perspective)
            if not depths:
                assert fragments.face_index[0, row, column] == -1
                continue
            nearest = min(depths, key=depths.__getitem__)
            assert fragments.face_index[0, row, column] == nearest
            assert float(fragments.depth[0, row, column]) == pytest.approx(float(depths[nearest]), rel=1e-6)


def exact_weights(corners, point):
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners
    px, py = point
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if area == 0:
        return None
    first = ((bx - px) * (cy - py) - (cx - px) * (by - py)) / area
    second = ((cx - px) * (ay - py) - (ax - px) * (cy - py)) / area
    return first, second, 1 - first - second


def exact_depth(depths, weights, perspective):
    if perspective:
        return 1 / sum(w / z for w, z in zip(weights, depths, strict=True))
    return sum(w * z for w, z in zip(weights, depths, strict=True))


@pytest.mark.parametrize("jitter", [0.0, 0.35])
def test_every_pixel_of_a_triangulated_rectangle_is_covered_exactly_once(rng, jitter):
    # Corners at pixel centres put many centres exactly on edges and corners.
    rows, columns, step = 6, 8, 2.0
    y = torch.arange(rows + 1.0)[:, None].repeat(1, columns + 1)
    x = torch.arange(columns + 1.0).repeat(rows + 1, 1)
    moved = jitter * (torch.rand(2, rows - 1, columns - 1, generator=rng) - 0.5)
    x[1:-1, 1:-1] += moved[0]
    y[1:-1, 1:-1] += moved[1]
    verts = torch.stack((step * x + 0.5, step * y + 0.5, torch.ones_like(x)), dim=-1).reshape(1, -1, 3)
    corner = (torch.arange(rows)[:, None] * (columns + 1) + torch.arange(columns)).flatten()
    upper = torch.stack((corner, corner + columns + 1, corner + 1), dim=1)
    lower = torch.stack((corner + 1, corner + columns + 1, corner + columns + 2), dim=1)
    faces = torch.cat((upper, lower[torch.randperm(len(lower), generator=rng)]))
    size = (14, 18)
    times = sum((covered(verts, face[None], size) >= 0).long() for face in faces)
    expected = torch.zeros(size, dtype=torch.long)
    # All four sides pass through pixel centres, of which the rectangle owns those at the top and left.
    expected[: int(step * rows), : int(step * columns)] = 1
    assert (times[0] == expected).all()
    assert (covered(verts, faces, size)[0] >= 0).sum() == expected.sum()


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(lambda v: v.index_fill(1, torch.tensor([2]), torch.nan), id="not a number"),
        pytest.param(lambda v: v.index_fill(1, torch.tensor([2]), torch.inf), id="infinite"),
        pytest.param(lambda v: v * torch.tensor((1.0, 0.0, 1.0)), id="flat"),
        pytest.param(lambda v: v[:, [0, 0, 0]], id="point"),
        pytest.param(lambda v: v + torch.tensor((100.0, 0.0, 0.0)), id="to the right"),
        pytest.param(lambda v: v - torch.tensor((0.0, 100.0, 0.0)), id="above"),
        pytest.param(lambda v: v * torch.tensor((0.1, 0.1, 1.0)), id="between the centres"),
        pytest.param(lambda v: v * torch.tensor((1e7, 1e7, 1.0)), id="beyond the grid"),
        pytest.param(lambda v: v * torch.tensor((1e30, -1e30, 1.0)), id="far beyond the grid"),
    ],
)
def test_undrawable_triangles_leave_no_trace(moved):
    verts = moved(TRIANGLE).requires_grad_()
    fragments = rasterize(verts, ONE_FACE, (6, 7))
    assert not fragments.mask.any()
    (fragments.barycentric.sum() + fragments.depth.sum()).backward()
    assert (verts.grad == 0).all()


def test_triangles_at_the_camera_plane_are_dropped_with_perspective():
    behind = TRIANGLE - torch.tensor((0.0, 0.0, 10.0))
    assert not rasterize(behind, ONE_FACE, (6, 7), perspective=True).mask.any()
    assert rasterize(behind, ONE_FACE, (6, 7)).mask.any()


def test_a_huge_triangle_covers_the_picture():
    far = 2.0**20
    verts = torch.tensor((((-far, -far, 1.0), (-far, far, 2.0), (3.0 * 2**18, 10.0, 3.0)),))
    fragments = rasterize(verts, ONE_FACE, (5, 11))
    assert fragments.mask.all()
    assert_close(fragments.barycentric.sum(dim=-1), torch.ones(1, 5, 11))


def test_a_batch_is_its_pictures_one_by_one(random_mesh):
    verts, faces = random_mesh((11, 6), batch=5)
    together = rasterize(verts, faces, (11, 6), cull="none")
    for index in range(5):
        alone = rasterize(verts[index : index + 1], faces, (11, 6), cull="none")
        assert (together.face_index[index] == alone.face_index[0]).all()
        assert (together.depth[index] == alone.depth[0]).all()


def test_no_pictures_and_no_faces():
    assert rasterize(TRIANGLE[:0], ONE_FACE, (6, 7)).depth.shape == (0, 6, 7)
    no_faces = torch.zeros((0, 3), dtype=torch.int64)
    assert not rasterize(TRIANGLE, no_faces, (6, 7)).mask.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verts_px": TRIANGLE.half()}, "verts_px: expected float32 or float64, got torch.float16"),
        ({"faces": torch.tensor(((0, 1, 3),))}, "expected vertex indices from 0 to 2, got 0 to 3"),
        ({"faces": torch.tensor(((0, 1, -1),))}, "expected vertex indices from 0 to 2, got -1 to 1"),
        ({"faces": ONE_FACE.int()}, "faces: expected int64"),
        ({"size": (0, 4)}, "size: expected a height and a width from 1 to 65536"),
    ],
)
def test_wrong_input_is_refused(change, message):
    arguments = {"verts_px": TRIANGLE, "faces": ONE_FACE, "size": (6, 7)} | change
    with pytest.raises(ValueError, match=message):
        rasterize(**arguments)
