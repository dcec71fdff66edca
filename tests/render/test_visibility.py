import torch

from monoface.render import project, vertex_visibility

SIZE = (96, 120)


def test_a_balls_front_half_is_visible(sphere, weak_camera):
    verts, faces = sphere
    verts_px = project(weak_camera(SIZE, 1.0), 40 * verts[None])
    visible = vertex_visibility(verts_px, faces, SIZE)[0]
    assert visible[verts[:, 2] < -0.1].all()
    assert not visible[verts[:, 2] > 0.05].any()


def test_what_is_behind_something_is_hidden(sphere, weak_camera):
    verts, faces = sphere
    both = torch.cat((40 * verts, 15 * verts - torch.tensor((0.0, 0.0, 70.0))))[None]
    all_faces = torch.cat((faces, faces + len(verts)))
    visible = vertex_visibility(project(weak_camera(SIZE, 1.0), both), all_faces, SIZE)[0]
    behind, off_axis = visible[: len(verts)], 40 * verts[:, :2].norm(dim=1)
    front = verts[:, 2] < -0.2
    assert not behind[off_axis < 13].any()
    assert behind[front & (off_axis > 17)].all()


def test_vertices_outside_the_picture_and_of_no_triangle_are_not_visible(sphere, weak_camera):
    verts, faces = sphere
    moved = torch.cat((40 * verts, torch.zeros(1, 3)))[None] + torch.tensor((60.0, 0.0, 0.0))
    verts_px = project(weak_camera(SIZE, 1.0), moved)
    visible = vertex_visibility(verts_px, faces, SIZE)[0]
    assert not visible[verts_px[0, :, 0] > SIZE[1]].any()
    assert visible[:-1].any()
    assert not visible[-1]
