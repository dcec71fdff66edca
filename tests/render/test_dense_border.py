"""Strips between dense meshes and borders: seams close, and lips are not sewn together."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.triangles import triangle_areas
from monoface.render import DenseMesh, TextureLayout, border_strip


def open_edges(faces):
    """Edges of one triangle alone, sorted; triangles without an area are left out."""
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[distinct]
    edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])).sort(dim=1).values
    edges, counts = edges.unique(dim=0, return_counts=True)
    return edges[counts == 1]


def closed(faces, uv, size):
    """All triangles of a dense mesh and its strip, and the coarse vertices after the dense ones."""
    mesh = DenseMesh.from_layout(TextureLayout.from_mesh(faces, uv, size), uv)
    strip = border_strip(mesh.faces, mesh.uv, mesh.corners, faces, uv)
    return mesh, strip, torch.cat((mesh.faces, strip.faces))


def test_a_square_by_hand():
    uv = torch.tensor(((0.0, 0.0), (0.0, 1.0), (0.5, 1.0), (0.5, 0.0)))
    mesh, strip, whole = closed(torch.tensor(((0, 1, 2), (0, 2, 3))), uv, 16)
    assert strip.verts.tolist() == [0, 1, 2, 3]
    # Each of 44 outer edges has a triangle, and one more leads along each side of the chart.
    assert len(strip.faces) == 2 * (7 + 15) + 4
    count = len(mesh.texels)
    expected = {(count + a, count + b) for a, b in ((0, 1), (1, 2), (2, 3), (0, 3))}
    assert {tuple(edge) for edge in open_edges(whole).tolist()} == expected
    places = torch.cat((mesh.uv, uv[strip.verts]))
    flat = torch.cat((places, torch.zeros(len(places), 1)), dim=1)
    assert_close(triangle_areas(flat[None], whole).sum(), torch.tensor(0.5))


def test_seams_close_and_nothing_is_left_open(head):
    verts, faces, uv, weld = head
    mesh, strip, whole = closed(faces, uv, 64)
    number = torch.cat((torch.arange(len(mesh.texels)), len(mesh.texels) + weld[strip.verts]))
    assert len(open_edges(mesh.faces))
    assert not len(open_edges(number[whole]))
    points = torch.cat((mesh.from_vertices(verts[None])[0], verts[strip.verts]))
    area = float(triangle_areas(verts[None], faces).sum())
    assert float(triangle_areas(points[None], whole).sum()) == pytest.approx(area, rel=0.01)


def test_lips_are_not_sewn_together():
    # Two lips little more than a texel apart, joined at both corners.
    uv = torch.tensor(
        ((0.0, 0.5), (0.2, 0.48), (0.8, 0.48), (1.0, 0.5), (0.2, 0.52), (0.8, 0.52),
         (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    )  # fmt: skip
    faces = torch.tensor(
        ((6, 0, 1), (6, 1, 2), (6, 2, 7), (7, 2, 3), (8, 4, 0), (8, 5, 4), (8, 9, 5), (9, 3, 5))
    )
    mesh, strip, _ = closed(faces, uv, 32)
    places = torch.cat((mesh.uv, uv[strip.verts]))[strip.faces]
    middle = ((places[..., 0] - 0.5).abs() < 0.25).any(dim=1)
    upper, lower = (places[..., 1] < 0.49).any(dim=1), (places[..., 1] > 0.51).any(dim=1)
    assert (middle & upper).any()
    assert (middle & lower).any()
    assert not (middle & upper & lower).any()


def test_a_mesh_without_texels_has_no_strip():
    uv = torch.tensor(((0.01, 0.01), (0.01, 0.02), (0.02, 0.01)))
    none = torch.zeros((0, 3), dtype=torch.long)
    strip = border_strip(none, torch.zeros(0, 2), none, torch.tensor(((0, 1, 2),)), uv)
    assert strip.faces.shape == (0, 3)
