import os
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface.core.errors import OutputExistsError
from monoface.export import Material, MeshPart, RiggedHead, write_obj, write_ply

SQUARE = np.array(((0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0)), dtype=np.float32)
UV = np.array(((0.25, 0.75), (0.75, 0.75), (0.75, 0.25), (0.25, 0.25)))


def square(material):
    return MeshPart("skin", SQUARE, np.array(((0, 1, 2), (0, 2, 3))), UV, material)


@pytest.fixture
def four_texels():
    """Red, green over blue, white."""
    return np.array((((255, 0, 0), (0, 255, 0)), ((0, 0, 255), (255, 255, 255))), dtype=np.uint8)


def test_obj_by_hand(tmp_path, four_texels):
    path = tmp_path / "face.obj"
    written = write_obj(RiggedHead((square("skin"),), (Material("skin", four_texels),)), path)
    lines = path.read_text().splitlines()
    assert [file.name for file in written] == ["face.skin.png", "face.mtl", "face.obj"]
    assert "millimetres" in lines[0]
    assert lines[1:3] == ["mtllib face.mtl", "o skin"]
    assert [line for line in lines if line.startswith("v ")][2] == "v 10.0000 10.0000 0.0000"
    # The origin is bottom left, so v is flipped.
    assert next(line for line in lines if line.startswith("vt ")) == "vt 0.250000 0.250000"
    assert [line for line in lines if line.startswith("f ")] == ["f 1/1/1 2/2/2 3/3/3", "f 1/1/1 3/3/3 4/4/4"]
    assert "map_Kd face.skin.png" in (tmp_path / "face.mtl").read_text()
    assert_array_equal(np.asarray(Image.open(tmp_path / "face.skin.png")), four_texels)


def test_obj_holds_the_posed_parts_without_doubled_vertices(head, tmp_path):
    path = tmp_path / "head.obj"
    write_obj(head, path)
    lines = path.read_text().splitlines()
    verts = np.array([line.split()[1:] for line in lines if line.startswith("v ")], dtype=float)
    posed = [head.posed_verts_mm(part) for part in head.parts]
    assert_allclose(verts, np.concatenate((posed[0][:-3], *posed[1:])), atol=1e-4)
    assert sum(line.startswith("vt ") for line in lines) == sum(len(part.uv) for part in head.parts)
    assert [line for line in lines if line.startswith(("o ", "usemtl "))] == [
        "o skin", "usemtl skin", "o teeth", "usemtl teeth", "o eye_left", "usemtl eyes"
    ]  # fmt: skip


def test_another_program_reads_the_obj_with_its_texture(head, tmp_path, texture):
    path = tmp_path / "head.obj"
    write_obj(head, path)
    scene = trimesh.load(path, process=False, split_objects=True, group_material=False)
    read = sorted(scene.geometry.values(), key=lambda mesh: -len(mesh.faces))
    assert sum(len(mesh.faces) for mesh in read) == sum(len(part.faces) for part in head.parts)
    skin = next(mesh for mesh in read if mesh.visual.material.name == "skin")
    assert_array_equal(np.asarray(skin.visual.material.image.convert("RGB")), texture)
    teeth = next(mesh for mesh in read if mesh.visual.material.name == "teeth")
    posed = head.posed_verts_mm(head.parts[1])
    assert_allclose(teeth.bounds, (posed.min(axis=0), posed.max(axis=0)), atol=1e-3)


def test_materials_that_share_an_array_share_a_png(head, tmp_path):
    written = write_obj(head, tmp_path / "head.obj")
    assert [path.name for path in written] == ["head.skin.png", "head.mtl", "head.obj"]
    assert (tmp_path / "head.mtl").read_text().count("map_Kd head.skin.png") == 2


def test_ply_by_hand(tmp_path, four_texels):
    path = tmp_path / "face.ply"
    write_ply(RiggedHead((square("skin"),), (Material("skin", four_texels),)), path)
    header, _, body = path.read_bytes().partition(b"end_header\n")
    assert b"millimetres" in header
    assert len(body) == 4 * 27 + 2 * 13
    first = np.frombuffer(body, "<f4", 6)
    assert_allclose(first, (0, 0, 0, 0, 0, 1))
    # UV (0.25, 0.75) is the centre of the lower left texel.
    assert tuple(body[24:27]) == (0, 0, 255)


def test_another_program_reads_the_ply(head, tmp_path):
    path = tmp_path / "head.ply"
    write_ply(head, path)
    mesh = trimesh.load(path, process=False)
    posed = [head.posed_verts_mm(part) for part in head.parts]
    assert_allclose(mesh.vertices, np.concatenate((posed[0][:-3], *posed[1:])), atol=1e-4)
    assert len(mesh.faces) == sum(len(part.faces) for part in head.parts)
    skin = mesh.submesh([np.arange(len(head.parts[0].faces))], append=True)
    assert skin.is_watertight


def test_vertex_colours_are_the_texture_under_them(head, tmp_path, texture):
    path = tmp_path / "head.ply"
    write_ply(head, path)
    rgb = trimesh.load(path, process=False).visual.vertex_colors[:, :3].astype(float)
    eye = head.parts[2]
    expected = np.stack((4 * (64 * eye.uv[:, 0] - 0.5), 7 * (32 * eye.uv[:, 1] - 0.5)), axis=1)
    assert_allclose(rgb[-len(eye.uv) :, :2], expected, atol=0.51)
    # Linear (0.8, 0.5, 0.25) in sRGB.
    teeth = rgb[len(head.parts[0].uv) - 3]
    assert_array_equal(teeth, (231, 188, 137))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
def test_textures_of_one_texel_a_side_are_fine(tmp_path, size):
    texture = np.full((*size, 3), 77, dtype=np.uint8)
    write_ply(RiggedHead((square("skin"),), (Material("skin", texture),)), tmp_path / "face.ply")
    mesh = trimesh.load(tmp_path / "face.ply", process=False)
    assert_array_equal(mesh.visual.vertex_colors[:, :3], np.full((4, 3), 77))


def test_uv_outside_the_texture_repeat_its_edge(tmp_path, four_texels):
    part = replace(square("skin"), uv=UV * 8 - 3)
    write_ply(RiggedHead((part,), (Material("skin", four_texels),)), tmp_path / "face.ply")
    colors = trimesh.load(tmp_path / "face.ply", process=False).visual.vertex_colors[:, :3]
    assert_array_equal(colors, ((0, 0, 255), (255, 255, 255), (0, 255, 0), (255, 0, 0)))


@pytest.mark.parametrize("existing", ["head.obj", "head.mtl", "head.skin.png"])
def test_no_file_is_written_if_one_of_them_exists(head, tmp_path, existing):
    (tmp_path / existing).touch()
    with pytest.raises(OutputExistsError, match=existing.replace(".", r"\.")):
        write_obj(head, tmp_path / "head.obj")
    assert [entry.name for entry in tmp_path.iterdir()] == [existing]
    write_obj(head, tmp_path / "head.obj", overwrite=True)
    assert (tmp_path / "head.obj").stat().st_size > 0


def test_equal_heads_give_equal_files(head, tmp_path):
    for folder in ("first", "second"):
        write_obj(head, tmp_path / folder / "head.obj")
        write_ply(head, tmp_path / folder / "head.ply")
    for first in (tmp_path / "first").iterdir():
        assert first.read_bytes() == (tmp_path / "second" / first.name).read_bytes()


def test_obj_material_and_texture_appear_together_or_not_at_all(head, tmp_path, monkeypatch):
    original = os.link

    def full(source, target):
        if target.suffix == ".obj" and target.parent == tmp_path:
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr("monoface.core.files.os.link", full)
    with pytest.raises(OSError, match="No space left"):
        write_obj(head, tmp_path / "head.obj")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stem", ["a\nb", os.fsdecode(b"lat\xe9"), "x" * 251])
def test_names_that_no_line_of_text_can_hold_are_written_otherwise(head, tmp_path, stem):
    written = write_obj(head, tmp_path / f"{stem}.obj")
    assert all(path.is_file() for path in written)
    lines = written[-1].read_text(encoding="utf-8").splitlines()
    [library] = [line.removeprefix("mtllib ") for line in lines if line.startswith("mtllib ")]
    assert (tmp_path / library).is_file()
    material = (tmp_path / library).read_text(encoding="utf-8").splitlines()
    [texture] = {line.removeprefix("map_Kd ") for line in material if line.startswith("map_Kd ")}
    assert (tmp_path / texture).is_file()


def test_names_of_materials_are_one_line(tmp_path, four_texels):
    material = Material("a\nb/c", four_texels)
    part = replace(square("skin"), material="a\nb/c")
    written = write_obj(RiggedHead((part,), (material,)), tmp_path / "face.obj")
    assert [path.name for path in written] == ["face.a%0Ab%2Fc.png", "face.mtl", "face.obj"]
    assert "usemtl a%0Ab%2Fc\n" in written[-1].read_text()
    assert "newmtl a%0Ab%2Fc\n" in written[1].read_text()
