"""What two pictures of a mesh both show: against closed forms, and against rays on a head."""

import igl
import numpy as np
import pytest
import torch

from monoface.geometry.cameras import transform_points
from monoface.geometry.epipolar import relative_pose
from monoface.geometry.reprojection import reproject
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera, matrix_from_axis_angle
from monoface.raster import rasterize
from monoface.render import covisible_by_depth, covisible_by_vertices, project

SIZE = (96, 120)
RADIUS_MM = 40.0


def two_views(verts, faces, camera, turn, away=300.0, perspective=False):
    """Fragments of a mesh before and after a turn, and where the first's surface lies in the second."""
    rotation = torch.stack((torch.eye(3), turn))
    translation = torch.tensor([0.0, 0.0, away]).expand(2, 3)
    verts_px = project(camera, transform_points(rotation, translation, verts.expand(2, -1, -1)))
    fragments = rasterize(verts_px, faces, SIZE, perspective=perspective)
    relative = relative_pose(rotation[1:], translation[1:], rotation[:1], translation[:1])
    first, second = (type(camera)(*(value[k : k + 1] for value in vars(camera).values())) for k in (0, 1))
    return fragments, reproject(fragments.depth[:1], first, second, *relative), relative


@pytest.mark.parametrize("perspective", [False, True])
def test_a_turned_ball_by_depth(sphere, weak_camera, pinhole, perspective):
    verts, faces = sphere
    camera = pinhole(SIZE, 300.0, 2) if perspective else weak_camera(SIZE, 1.0, 2)
    turn = matrix_from_axis_angle(torch.tensor([0.1, 0.7, 0.0]))
    fragments, (pixels, warped), relative = two_views(
        RADIUS_MM * verts[None], faces, camera, turn, perspective=perspective
    )
    depth = fragments.depth
    found = covisible_by_depth(pixels, warped, depth[:1], depth[1:])[0]
    points = transform_points(*relative, surface_points(fragments, RADIUS_MM * verts, faces))[0]
    normal = (points - torch.tensor([0.0, 0.0, 300.0])) / RADIUS_MM
    towards = -torch.nn.functional.normalize(points, dim=-1) if perspective else torch.tensor([0.0, 0, -1])
    facing = (normal * towards).sum(dim=-1).reshape(SIZE)
    shown = fragments.mask[0]
    assert found[shown & (facing > 0.3)].all()
    assert not found[shown & (facing < -0.2)].any()
    assert not found[~shown].any()


def surface_points(fragments, verts, faces):
    """Points of the first view's camera frame at its pixels, from barycentrics."""
    corners = verts[faces[fragments.face_index[0].clamp_min(0)]]
    points = (fragments.barycentric[0][..., None] * corners).sum(dim=-2) + torch.tensor([0.0, 0.0, 300.0])
    return points.flatten(0, 1)[None]


def test_what_is_hidden_in_the_source_is_not_covisible(sphere, weak_camera):
    """A small ball beside a large one in the target, and behind it in the source."""
    verts, faces = sphere
    small = 12 * verts + torch.tensor((40.0, 0.0, 0.0))
    both = torch.cat((25 * verts, small))[None]
    all_faces = torch.cat((faces, faces + len(verts)))
    turn = matrix_from_axis_angle(torch.tensor([0.0, -torch.pi / 2, 0.0]))
    fragments, (pixels, warped), _ = two_views(both, all_faces, weak_camera(SIZE, 1.0, 2), turn)
    depth = fragments.depth
    found = covisible_by_depth(pixels, warped, depth[:1], depth[1:])[0]
    on_small = fragments.face_index[0] >= len(faces)
    assert on_small.sum() > 300
    assert not found[on_small].any()
    assert found[fragments.mask[0] & ~on_small].any()


def test_nothing_is_covisible_outside_the_source(sphere, weak_camera):
    verts, faces = sphere
    fragments, (pixels, warped), _ = two_views(
        RADIUS_MM * verts[None], faces, weak_camera(SIZE, 1.0, 2), torch.eye(3)
    )
    depth = fragments.depth
    half = depth[1:, :, :60]
    found = covisible_by_depth(pixels, warped, depth[:1], half)[0]
    assert found[:, :59].any()
    assert not found[:, 60:].any()


def test_shapes_may_differ_by_the_tolerance(sphere, weak_camera):
    verts, faces = sphere
    fragments, (pixels, warped), _ = two_views(
        RADIUS_MM * verts[None], faces, weak_camera(SIZE, 1.0, 2), torch.eye(3)
    )
    depth = fragments.depth
    for offset, seen in ((2.9, True), (-2.9, True), (3.2, False), (-3.2, False)):
        found = covisible_by_depth(pixels, warped + offset, depth[:1], depth[1:], 3.0)
        assert bool(found.any()) == seen


STRIP = torch.tensor([[0, 1, 2], [2, 1, 3], [4, 5, 6]])


def test_common_vertices_by_hand():
    target = torch.tensor([[[0, 1], [2, -1]]])
    source = torch.tensor([[[1, -1, -1]]])
    assert covisible_by_vertices(target, source, STRIP).tolist() == [[[True, True], [False, False]]]


def test_published_background_shows_the_first_triangle():
    target = torch.tensor([[[0, 1], [2, -1]]])
    source = torch.tensor([[[2, -1, -1]]])
    assert covisible_by_vertices(target, source, STRIP).tolist() == [[[False, False], [True, False]]]
    leaking = covisible_by_vertices(target, source, STRIP, triangle_0_leak=True)
    assert leaking.tolist() == [[[True, True], [True, False]]]


def test_samples_are_on_their_own(rng):
    target, source = torch.randint(-1, 3, (2, 4, 3, 3), generator=rng)
    found = covisible_by_vertices(target, source, STRIP)
    for row in range(4):
        alone = covisible_by_vertices(target[row : row + 1], source[row : row + 1], STRIP)
        assert torch.equal(found[row : row + 1], alone)


@pytest.fixture(scope="module")
def head_views(face_model):
    """The mean head at 10 and 40 degrees of yaw."""
    from monoface.geometry.cameras import WeakPerspectiveCamera

    yaw = torch.deg2rad(torch.tensor([10.0, 40.0]))
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(2), torch.zeros(2)))
    translation = torch.tensor([0.0, 0.0, 1000.0]).expand(2, 3)
    camera = WeakPerspectiveCamera(torch.full((2,), 0.6), torch.tensor([60.0, 48.0]).expand(2, 2))
    verts = face_model.mean_mm.expand(2, -1, -1)
    verts_px = project(camera, transform_points(rotation, translation, verts))
    return camera, rotation, translation, verts_px, rasterize(verts_px, face_model.faces, SIZE)


def test_the_lookup_is_within_what_drawing_the_triangles_again_shows(face_model, head_views):
    *_, verts_px, fragments = head_views
    faces, index = face_model.faces, fragments.face_index
    found = covisible_by_vertices(index[:1], index[1:], faces)[0]
    shown = [set(faces[one[one >= 0].unique()].flatten().tolist()) for one in index]
    common = torch.tensor(sorted(shown[0] & shown[1]))
    around = faces[torch.isin(faces, common).any(dim=1)]
    again = rasterize(verts_px[:1], around, SIZE).mask[0]
    assert not (found & ~again).any()
    assert (again & ~found).sum() < 0.03 * found.sum()


def test_a_head_against_rays(face_model, head_views):
    camera, rotation, translation, _, fragments = head_views
    first, second = (type(camera)(camera.scale_px_per_mm[k], camera.principal_px[k]) for k in ([0], [1]))
    relative = relative_pose(rotation[1:], translation[1:], rotation[:1], translation[:1])
    pixels, warped = reproject(fragments.depth[:1], first, second, *relative)
    by_depth = covisible_by_depth(pixels, warped, fragments.depth[:1], fragments.depth[1:])[0]
    by_vertices = covisible_by_vertices(fragments.face_index[:1], fragments.face_index[1:], face_model.faces)[
        0
    ]
    rows, columns = fragments.mask[0].nonzero()[::7].T
    truth = lit_by_rays(face_model, rotation[1], fragments, rows, columns)
    inside = (pixels[0, rows, columns] > 0.5).all(dim=-1) & (pixels[0, rows, columns, 1] < SIZE[0] - 0.5)
    truth &= inside & (pixels[0, rows, columns, 0] < SIZE[1] - 0.5)
    for found, precision, recall in ((by_depth, 0.97, 0.9), (by_vertices, 0.9, 0.7)):
        right = (found[rows, columns] & truth).sum()
        assert right / found[rows, columns].sum() > precision
        assert right / truth.sum() > recall


def lit_by_rays(face_model, rotation, fragments, rows, columns):
    """Whether points at pixels of the first view face the second camera, with nothing between."""
    verts, faces = face_model.mean_mm.double().numpy(), face_model.faces.numpy()
    tree = igl.AABB()
    tree.init(verts, faces)
    towards = -rotation[2].double()
    corners = face_model.mean_mm.double()[face_model.faces[fragments.face_index[0, rows, columns]]]
    points = (fragments.barycentric[0, rows, columns].double()[..., None] * corners).sum(dim=1)
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    start = (points + 0.01 * towards).numpy()
    hits = tree.intersect_ray(verts, faces, start, np.tile(towards.numpy(), (len(start), 1)))
    free = torch.tensor([len(one) == 0 for one in hits])
    return free & (normal @ towards > 0)
