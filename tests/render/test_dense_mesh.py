import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.triangles import triangle_areas, triangle_normals
from monoface.render import DenseMesh, TextureLayout


@pytest.fixture(scope="module")
def dense(head):
    _, faces, uv, _ = head
    layout = TextureLayout.from_mesh(faces, uv, 128)
    return layout, DenseMesh.from_layout(layout, uv)


def test_a_square_by_hand():
    # A chart over the left half of a texture of 16 texels: 8 by 16 vertices, 7 by 15 quads.
    uv = torch.tensor(((0.0, 0.0), (0.0, 1.0), (0.5, 1.0), (0.5, 0.0)))
    faces = torch.tensor(((0, 1, 2), (0, 2, 3)))
    mesh = DenseMesh.from_layout(TextureLayout.from_mesh(faces, uv, 16), uv)
    assert len(mesh.texels) == 8 * 16
    assert len(mesh.faces) == 2 * 7 * 15
    assert_close(mesh.from_vertices(uv[None])[0], mesh.uv)
    assert_close(mesh.weights.sum(dim=1), torch.ones(128))
    values = torch.arange(256.0).reshape(1, 1, 16, 16)
    assert torch.equal(mesh.from_texture(values)[0, :, 0], mesh.texels.float())


def test_charts_that_touch_stay_apart():
    uv = torch.tensor(((0.0, 0.0), (0.0, 1.0), (0.5, 1.0), (0.5, 0.0)))
    faces = torch.tensor(((0, 1, 2), (0, 2, 3)))
    both = torch.cat((uv, uv + torch.tensor((0.5, 0.0))))
    layout = TextureLayout.from_mesh(torch.cat((faces, faces + 4)), both, 16)
    mesh = DenseMesh.from_layout(layout, both)
    assert len(mesh.texels) == 256
    assert len(mesh.faces) == 2 * 2 * 7 * 15
    columns = mesh.texels[mesh.faces] % 16
    assert ((columns < 8).all(dim=1) | (columns >= 8).all(dim=1)).all()


def test_it_is_the_surface_it_came_from(head, dense):
    verts, faces, _, _ = head
    mesh = dense[1]
    points = mesh.from_vertices(verts[None])
    # A texel's strip at each of the chart's four sides is missing.
    area = float(triangle_areas(verts, faces).sum())
    assert float(triangle_areas(points, mesh.faces).sum()) == pytest.approx(area, rel=0.02)
    assert len(mesh.faces) == 2 * 127 * 127


@pytest.mark.parametrize("mirrored", [False, True])
def test_normals_point_outwards_also_in_mirrored_charts(head, mirrored):
    verts, faces, uv, _ = head
    uv = torch.cat((1 - uv[:, :1], uv[:, 1:]), dim=1) if mirrored else uv
    mesh = DenseMesh.from_layout(TextureLayout.from_mesh(faces, uv, 64), uv)
    points = mesh.from_vertices(verts[None])
    normals = triangle_normals(points, mesh.faces)[0]
    outward = (normals * points[0, mesh.faces].mean(dim=1)).sum(dim=-1)
    # At the poles the grid's triangles have no area.
    assert (outward[triangle_areas(points, mesh.faces)[0] > 1e-3] > 0).all()


def test_positions_and_displacements_have_gradients(dense, head):
    layout, mesh = dense
    verts = head[0].clone().requires_grad_()
    image = torch.zeros(2, 1, layout.size, layout.size, requires_grad=True)
    points = mesh.from_vertices(verts.expand(2, -1, -1)) + mesh.from_texture(image)
    points.sum().backward()
    assert_close(verts.grad.sum(), torch.tensor(2.0 * 3 * len(mesh.texels)), rtol=1e-3, atol=0)
    assert_close(image.grad.sum(), torch.tensor(2.0 * 3 * len(mesh.texels)))
