from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from monoface.export import ExportError, WholeMesh, part_vertices, split_into_parts
from monoface.geometry.triangles import vertex_normals

# Two triangles that share an edge and belong to different parts; vertex 4 doubles vertex 1.
VERTS = np.array(((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1), (1, 0, 0)), dtype=np.float32)
MESH = WholeMesh(
    verts_mm=VERTS,
    faces=np.array(((0, 1, 2), (4, 3, 2))),
    face_part=np.array((0, 1)),
    part_names=("skin", "teeth"),
    uv=VERTS[:, :2],
    weld=np.array((0, 1, 2, 3, 1)),
    morphs_mm=np.stack((np.eye(5, 3), np.eye(5, 3, k=-3))).astype(np.float32),
    morph_names=("jawOpen", "mouthFunnel"),
)


def test_parts_hold_the_vertices_that_their_triangles_use():
    skin, teeth = split_into_parts(MESH, {"skin": "skin", "teeth": "enamel"})
    assert_array_equal(part_vertices(MESH, "teeth"), (2, 3, 4))
    assert (teeth.name, teeth.material) == ("teeth", "enamel")
    assert_array_equal(skin.faces, [[0, 1, 2]])
    assert_array_equal(teeth.faces, [[2, 1, 0]])
    assert_allclose(teeth.verts_mm, VERTS[[2, 3, 4]])
    assert_allclose(teeth.uv, VERTS[[2, 3, 4], :2])


def test_parts_keep_only_morphs_that_move_them():
    skin, teeth = split_into_parts(MESH, {"skin": "skin", "teeth": "enamel"})
    assert set(skin.morphs_mm) == {"jawOpen"}
    assert set(teeth.morphs_mm) == {"jawOpen", "mouthFunnel"}
    assert_allclose(teeth.morphs_mm["mouthFunnel"], ((0, 0, 0), (1, 0, 0), (0, 1, 0)))


def test_rigid_parts_have_no_morphs_and_parts_without_material_are_left_out():
    (teeth,) = split_into_parts(MESH, {"teeth": "enamel"}, rigid=("teeth",))
    assert not teeth.morphs_mm


def test_normals_are_those_of_the_whole_mesh():
    skin, teeth = split_into_parts(MESH, {"skin": "skin", "teeth": "enamel"})
    whole = vertex_normals(*(torch.from_numpy(array) for array in (VERTS, MESH.faces, MESH.weld))).numpy()
    assert_allclose(skin.neutral_normals(), whole[:3], atol=1e-6)
    assert_allclose(teeth.neutral_normals(), whole[2:], atol=1e-6)
    assert_allclose(skin.neutral_normals()[1], teeth.neutral_normals()[2], atol=1e-6)


def test_seams_inside_a_part_stay_welded_and_foreign_copies_do_not_matter():
    mesh = replace(
        MESH, faces=np.array(((0, 1, 2), (4, 3, 2))), face_part=np.array((0, 0)), part_names=("skin",)
    )
    (skin,) = split_into_parts(mesh, {"skin": "skin"})
    assert_array_equal(skin.weld, (0, 1, 2, 3, 1))
    _, teeth = split_into_parts(MESH, {"skin": "skin", "teeth": "enamel"})
    assert_array_equal(teeth.weld, (0, 1, 2))


def test_unknown_parts_and_unnamed_morphs_are_refused():
    with pytest.raises(ExportError, match="part tongue: the mesh has no such part; it has skin, teeth"):
        split_into_parts(MESH, {"tongue": "skin"})
    with pytest.raises(ExportError, match="expected 2 morph names, got 1"):
        replace(MESH, morph_names=("jawOpen",))
