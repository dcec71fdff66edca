import torch
from torch.testing import assert_close

from monoface.geometry.triangles import vertex_normals
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface, maps_from_vertices


def test_maps_of_a_batch_are_those_of_its_meshes(head, rng):
    verts, faces, uv, _ = head
    layout = TextureLayout.from_mesh(faces, uv, 32)
    attributes = torch.randn(3, len(verts), 5, generator=rng)
    expected = torch.stack([layout.from_vertices(one) for one in attributes])
    assert_close(maps_from_vertices(attributes, layout), expected)


def test_points_normals_and_tangents_belong_together(head):
    verts, faces, uv, weld = head
    layout = TextureLayout.from_mesh(faces, uv, 128)
    surface = TextureSurface.from_vertices(verts[None], layout, uv, weld)
    inner = slice(24, 104)
    step = surface.points[0, inner, inner.start + 1 : inner.stop + 1] - surface.points[0, inner, inner]
    along = surface.along_u[0, inner, inner] / layout.size
    assert float(((step - along).norm(dim=-1) / along.norm(dim=-1)).median()) < 0.1
    across = torch.nn.functional.cosine_similarity(surface.along_v, surface.normals, dim=-1)[0, inner, inner]
    assert float(across.abs().median()) < 0.1
    assert_close(surface.normals.norm(dim=-1)[0][layout.mask], torch.ones(int(layout.mask.sum())))
    corner = layout.faces[layout.face_index[64, 64]][layout.barycentric[64, 64].argmax()]
    assert float(surface.normals[0, 64, 64] @ vertex_normals(verts, faces, weld)[corner]) > 0.99
