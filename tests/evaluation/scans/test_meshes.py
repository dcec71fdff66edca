import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, write_obj, write_picked_points

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.scans.meshes import find_mesh, find_points, read_mesh, read_points

VERTS = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0.5)])


def test_obj_with_colours_textures_and_polygons(tmp_path):
    (tmp_path / "a.obj").write_text(
        "# comment\nmtllib a.mtl\no face\n"
        + "".join(f"v {x} {y} {z} 0.1 0.2 0.3\n" for x, y, z in VERTS)
        + "vt 0 0\nvn 0 0 1\ns 1\nf 1/1/1 2/1/1 3//1 4\nf -4 -3 -2\n"
    )
    mesh = read_mesh(tmp_path / "a.obj")
    assert mesh.coloured
    assert_allclose(mesh.verts, VERTS)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


def test_vertices_keep_their_order_and_number(tmp_path):
    verts, faces, _ = face_cap(side=5)
    doubled = np.concatenate((verts, verts[:3]))
    write_obj(tmp_path / "a.obj", doubled, faces)
    mesh = read_mesh(tmp_path / "a.obj")
    assert not mesh.coloured
    assert_allclose(mesh.verts, doubled, atol=1e-6)
    assert mesh.faces.tolist() == faces.tolist()


def test_ply(tmp_path):
    import trimesh

    verts, faces, _ = face_cap(side=4)
    trimesh.Trimesh(verts, faces, process=False).export(tmp_path / "a.ply")
    mesh = read_mesh(tmp_path / "a.ply")
    assert_allclose(mesh.verts, verts, rtol=1e-6)
    assert mesh.faces.tolist() == faces.tolist()


def test_landmarks_in_three_formats(tmp_path):
    points = np.arange(21.0).reshape(7, 3) / 7
    np.save(tmp_path / "a.npy", points)
    np.savetxt(tmp_path / "b.txt", points)
    np.savetxt(tmp_path / "c.txt", points, delimiter=",")
    write_picked_points(tmp_path / "d.pp", points)
    for name in ("a.npy", "b.txt", "c.txt", "d.pp"):
        assert_allclose(read_points(tmp_path / name), points, atol=1e-6)


def test_files_are_found_by_their_stem(tmp_path):
    (tmp_path / "IMG.1.ply").write_text("")
    (tmp_path / "IMG.1.txt").write_text("")
    assert find_mesh(tmp_path / "IMG.1") == tmp_path / "IMG.1.ply"
    assert find_points(tmp_path / "IMG.1") == tmp_path / "IMG.1.txt"
    assert find_mesh(tmp_path / "IMG.2") is find_points(tmp_path / "IMG.2") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected lines of vertices, found none"),
        ("v 0 0 0\nv 1 1\n", "lines of different lengths"),
        ("v 0 0 x\n", "expected lines of numbers"),
        ("v 0 0 0\nf 1 1 2\n", "a polygon of vertex 2 of 1"),
        ("v 0 0 0\nf 0 1 1\n", "a polygon of vertex"),
    ],
)
def test_damaged_meshes_are_refused(tmp_path, text, message):
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(DataError, match=message):
        read_mesh(tmp_path / "a.obj")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read it"):
        read_mesh(tmp_path / "a.obj")
    with pytest.raises(ConfigError, match=r"expected a mesh as \.obj or \.ply"):
        read_mesh(tmp_path / "a.stl")
    (tmp_path / "a.ply").write_text("no")
    with pytest.raises(DataError, match=r"a\.ply: expected a mesh"):
        read_mesh(tmp_path / "a.ply")
    (tmp_path / "a.txt").write_text("1 2\n")
    with pytest.raises(DataError, match=r"expected landmarks of the shape \(points, 3\), got \(1, 2\)"):
        read_points(tmp_path / "a.txt")
    (tmp_path / "b.npy").write_text("no")
    with pytest.raises(DataError, match="expected landmarks, cannot read"):
        read_points(tmp_path / "b.npy")
