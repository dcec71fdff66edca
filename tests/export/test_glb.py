import io
import json
import struct
import time
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface import __version__
from monoface.core.errors import OutputExistsError
from monoface.export import Material, MeshPart, RiggedHead, encode_glb, write_glb


def document_of(glb):
    (length,) = struct.unpack_from("<I", glb, 12)
    return json.loads(glb[20 : 20 + length])


def named(items, name):
    return next(item for item in items if item["name"] == name)


@pytest.fixture
def document(head):
    return document_of(encode_glb(head))


def test_the_container_is_as_long_as_it_says_and_aligned(head):
    glb = encode_glb(head)
    magic, version, length = struct.unpack_from("<4sII", glb)
    (json_length,) = struct.unpack_from("<I", glb, 12)
    binary_length, kind = struct.unpack_from("<I4s", glb, 20 + json_length)
    assert (magic, version, length, kind) == (b"glTF", 2, len(glb), b"BIN\0")
    assert json_length % 4 == binary_length % 4 == 0
    assert 28 + json_length + binary_length == length
    assert document_of(glb)["buffers"] == [{"byteLength": binary_length}]


def test_it_says_what_wrote_it_and_that_it_is_unlit(document):
    assert document["asset"] == {"version": "2.0", "generator": f"monoface {__version__}"}
    assert document["extensionsUsed"] == ["KHR_materials_unlit"]
    assert all(material["extensions"] == {"KHR_materials_unlit": {}} for material in document["materials"])


def test_parts_hang_below_the_head_and_the_camera_stands_beside_it(document):
    nodes = document["nodes"]
    top = [nodes[number]["name"] for number in document["scenes"][0]["nodes"]]
    assert top == ["head", "photo_camera"]
    head = named(nodes, "head")
    assert [nodes[number]["name"] for number in head["children"]] == ["skin", "teeth", "eye_left"]
    assert [mesh["name"] for mesh in document["meshes"]] == ["skin", "teeth", "eye_left"]
    assert head["extras"] == {"confidence": 0.75, "weights": "pretrain"}


def test_meshes_that_move_list_all_morphs_in_one_order_and_others_none(document, head):
    for name in ("skin", "teeth"):
        mesh = named(document["meshes"], name)
        assert mesh["extras"]["targetNames"] == list(head.morph_names)
        assert mesh["weights"] == [0.5, 0.25, 1.0]
        assert len(mesh["primitives"][0]["targets"]) == 3
    eye = named(document["meshes"], "eye_left")
    assert not {"weights", "extras"} & eye.keys()
    assert "targets" not in eye["primitives"][0]


def test_morphs_of_few_vertices_are_sparse_and_others_are_not(document):
    targets = named(document["meshes"], "skin")["primitives"][0]["targets"]
    whole, still, few = (document["accessors"][target["POSITION"]] for target in targets)
    assert "sparse" not in whole
    # Four vertices move, and three of them have a copy along the seam.
    assert few["sparse"]["count"] == 7
    assert "sparse" not in still
    assert still["min"] == still["max"] == [0, 0, 0]
    assert still["bufferView"] == few["bufferView"]


def test_an_eye_is_a_node_at_its_centre_turned_to_the_gaze(document):
    eye = named(document["nodes"], "eye_left")
    accessor = document["accessors"][
        document["meshes"][eye["mesh"]]["primitives"][0]["attributes"]["POSITION"]
    ]
    assert_allclose(eye["translation"], (0.032, 0.025, 0.070), atol=1e-9)
    half = np.hypot(0.1, 0.4) / 2
    assert_allclose(
        eye["rotation"], (*(np.sin(half) * np.array((0.1, 0.4, 0)) / (2 * half)), np.cos(half)), atol=1e-9
    )
    assert_allclose(accessor["max"], (0.012,) * 3, atol=1e-7)


def test_materials_that_share_an_array_share_an_image(document):
    skin, teeth, eyes = (material["pbrMetallicRoughness"] for material in document["materials"])
    assert len(document["images"]) == len(document["textures"]) == 1
    assert skin["baseColorTexture"] == eyes["baseColorTexture"] == {"index": 0}
    assert teeth["baseColorFactor"] == [0.8, 0.5, 0.25, 1]
    assert "baseColorTexture" not in teeth


def test_another_program_reads_the_same_surface_and_texture(head, texture):
    scene = trimesh.load(io.BytesIO(encode_glb(head)), file_type="glb", process=False)
    for part in head.parts:
        transform, geometry = scene.graph[part.name]
        mesh = scene.geometry[geometry].copy()
        mesh.apply_transform(transform)
        eye = head.eye_of(part)
        # trimesh knows no morphs: it reads the neutral face, but the eye's node is turned.
        expected = part.verts_mm if eye is None else head.posed_verts_mm(part)
        assert_allclose(1000 * mesh.vertices, expected, atol=1e-3)
        assert_array_equal(mesh.faces, part.faces)
    skin = scene.geometry[scene.graph["skin"][1]]
    assert_allclose(
        skin.visual.uv, np.stack((head.parts[0].uv[:, 0], 1 - head.parts[0].uv[:, 1]), axis=1), atol=1e-6
    )
    assert_allclose(skin.vertex_normals, head.parts[0].neutral_normals(), atol=1e-5)
    image = skin.visual.material.baseColorTexture.convert("RGB")
    assert np.abs(np.asarray(image).astype(int) - texture).mean() < 2


@pytest.mark.parametrize(("count", "component"), [(65535, 5123), (65536, 5125)])
def test_indices_take_two_bytes_where_they_fit(count, component):
    faces = np.array(((0, 1, count - 1),))
    part = MeshPart(
        "big", np.random.default_rng(0).normal(size=(count, 3)), faces, np.zeros((count, 2)), "plain"
    )
    document = document_of(encode_glb(RiggedHead((part,), (Material("plain"),))))
    indices = document["meshes"][0]["primitives"][0]["indices"]
    assert document["accessors"][indices]["componentType"] == component


def test_a_head_without_morphs_eyes_textures_and_camera_is_a_plain_mesh(head):
    plain = MeshPart("skin", head.parts[0].verts_mm, head.parts[0].faces, head.parts[0].uv, "plain")
    document = document_of(encode_glb(RiggedHead((plain,), (Material("plain"),))))
    assert not {"cameras", "images", "textures", "samplers"} & document.keys()
    assert "extras" not in document["nodes"][0]


def test_equal_heads_give_equal_bytes(head):
    assert encode_glb(head) == encode_glb(replace(head))


def test_the_texture_is_a_jpeg_of_the_same_size(head):
    glb = encode_glb(head)
    document = document_of(glb)
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    start = glb.index(b"BIN\0") + 4 + view["byteOffset"]
    image = Image.open(io.BytesIO(glb[start : start + view["byteLength"]]))
    assert (image.format, image.size, document["images"][0]["mimeType"]) == ("JPEG", (64, 32), "image/jpeg")


def test_a_file_that_exists_is_replaced_only_when_asked(head, tmp_path):
    path = tmp_path / "new" / "head.glb"
    write_glb(head, path)
    with pytest.raises(OutputExistsError):
        write_glb(head, path)
    write_glb(head, path, overwrite=True)
    assert path.read_bytes() == encode_glb(head)


def test_a_head_of_realistic_size_is_small_and_fast_to_write():
    rng = np.random.default_rng(1)
    sphere = trimesh.creation.uv_sphere(radius=90.0, count=(95, 95))
    verts = np.asarray(sphere.vertices, dtype=np.float32)
    morphs = {}
    for number in range(51):
        centre = verts[rng.integers(len(verts))]
        falloff = np.clip(1 - np.linalg.norm(verts - centre, axis=1, keepdims=True) / 60, 0, None)
        morphs[f"morph{number}"] = (falloff * rng.normal(0, 4, 3)).astype(np.float32)
    part = MeshPart("skin", verts, np.asarray(sphere.faces), verts[:, :2], "skin", morphs)
    smooth = np.asarray(
        Image.fromarray(rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)).resize((1024, 1024))
    )
    head = RiggedHead((part,), (Material("skin", smooth),), tuple(morphs), np.full(51, 0.1))

    durations = []
    for _ in range(3):
        start = time.process_time()
        glb = encode_glb(head)
        durations.append(time.process_time() - start)
    assert len(verts) > 8500
    assert len(glb) < 6e6
    # 25 ms of processor time when nothing else runs; the bound leaves room for busy machines.
    assert min(durations) < 0.3


def test_offsets_below_a_micrometre_are_left_out(head):
    skin = head.parts[0]
    tiny = np.full_like(skin.verts_mm, 0.0009)
    tiny[5] = (0.0, -0.0011, 0.0)
    part = replace(skin, morphs_mm={"jawOpen": tiny, "mouthSmileLeft": np.minimum(tiny, 0.0009) * 0.5})
    document = document_of(encode_glb(replace(head, parts=(part,), eyes=())))
    targets = document["meshes"][0]["primitives"][0]["targets"]
    open_jaw, smile, blink = (document["accessors"][target["POSITION"]] for target in targets)
    assert open_jaw["sparse"]["count"] == 1
    assert_allclose(open_jaw["min"], (0, -1.1e-6, 0), atol=1e-12)
    assert "sparse" not in smile
    assert smile["max"] == blink["max"] == [0, 0, 0]


@pytest.fixture
def bumpy(head, texture):
    """The head with a normal map on its skin, lit by the viewer."""
    flat = np.full((16, 16, 3), (128, 128, 255), np.uint8)
    flat[4, 5] = (90, 140, 240)
    skin, *others = head.materials
    lit = (replace(skin, normal_map=flat, lit=True), *(replace(material, lit=True) for material in others))
    return replace(head, materials=lit), flat


def test_normal_maps_are_stored_without_loss_and_lit(bumpy):
    head, flat = bumpy
    glb = encode_glb(head)
    document = document_of(glb)
    assert "extensionsUsed" not in document
    skin = named(document["materials"], "skin")
    assert "extensions" not in skin
    image = document["images"][document["textures"][skin["normalTexture"]["index"]]["source"]]
    view = document["bufferViews"][image["bufferView"]]
    start = 20 + struct.unpack_from("<I", glb, 12)[0] + 8 + view["byteOffset"]
    assert image["mimeType"] == "image/png"
    assert_array_equal(np.asarray(Image.open(io.BytesIO(glb[start : start + view["byteLength"]]))), flat)
    assert "normalTexture" not in named(document["materials"], "teeth")


def test_meshes_with_a_normal_map_have_unit_tangents_across_their_normals(bumpy):
    head, _ = bumpy
    document = document_of(encode_glb(head))
    attributes = [mesh["primitives"][0]["attributes"] for mesh in document["meshes"]]
    assert ["TANGENT" in each for each in attributes] == [True, False, False]
    assert document["accessors"][attributes[0]["TANGENT"]]["type"] == "VEC4"
    skin = head.parts[0]
    tangents = skin.tangents()
    assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-6)
    assert_allclose((tangents[:, :3] * skin.neutral_normals()).sum(axis=1), 0, atol=1e-6)
    assert set(np.unique(tangents[:, 3])) <= {-1.0, 1.0}
