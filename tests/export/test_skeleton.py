"""Skeletons in GLB, VRM and USDZ files, as other programs' readers and our own arithmetic find them."""

import io
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from monoface.export import ExportError, Material, encode_glb
from monoface.export.skeleton import Joint, Skeleton, SkeletonError, strongest_influences
from monoface.export.usd import usd_is_installed, write_usdz
from monoface.export.vrm import VrmMeta, encode_vrm, write_vrm

REQUIRED = {
    "hips", "spine", "head",
    *(f"{side}{bone}" for side in ("left", "right")
      for bone in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")),
}  # fmt: skip


@pytest.fixture
def rigged(head):
    """The small head on two bones, its skin between both."""
    joints = (
        Joint("Spine2", None, np.array((0.0, -150.0, -20.0))),
        Joint("Head", 0, np.array((0.0, -20.0, 0.0))),
        Joint("LeftEye", 1, np.array((32.0, 25.0, 70.0))),
    )

    def bound(part):
        share = np.clip((part.verts_mm[:, 1] + 90) / 180, 0, 1)[:, None]
        eye = np.full_like(share, part.name == "eye_left")
        return replace(
            part, joint_weights=np.concatenate(((1 - eye) * (1 - share), (1 - eye) * share, eye), axis=1)
        )

    lashes = replace(head.parts[1], name="lashes", material="lashes")
    hairs = Material("lashes", np.zeros((4, 8, 4), np.uint8), see_through=True)
    return replace(
        head,
        parts=tuple(bound(part) for part in (*head.parts, lashes)),
        materials=(*head.materials, hairs),
        eyes=(),
        skeleton=Skeleton(joints),
    )


def contents_of(glb):
    (length,) = struct.unpack_from("<I", glb, 12)
    return json.loads(glb[20 : 20 + length]), glb[28 + length :]


def accessor(document, binary, number):
    entry = document["accessors"][number]
    kind = {5126: "<f4", 5121: "u1", 5123: "<u2"}[entry["componentType"]]
    axes = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
    start = document["bufferViews"][entry["bufferView"]]["byteOffset"]
    return np.frombuffer(binary, kind, entry["count"] * axes, start).reshape(-1, axes)


def places_of(document):
    """Where each node is, of nodes that are moved and not turned."""
    places, pending = {}, [(number, np.zeros(3)) for number in document["scenes"][0]["nodes"]]
    while pending:
        number, start = pending.pop()
        node = document["nodes"][number]
        places[node["name"]] = start + np.array(node.get("translation", (0, 0, 0)))
        pending += [(child, places[node["name"]]) for child in node.get("children", ())]
    return places


def test_joints_are_nodes_where_bones_are_and_at_rest_nothing_moves(rigged):
    document, binary = contents_of(encode_glb(rigged))
    (skin,) = document["skins"]
    names = [document["nodes"][number]["name"] for number in skin["joints"]]
    assert names == ["Spine2", "Head", "LeftEye"]
    places = places_of(document)
    matrices = accessor(document, binary, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    for joint, matrix in zip(rigged.skeleton.joints, matrices, strict=True):
        assert_allclose(places[joint.name], joint.place_mm / 1000, atol=1e-9)
        assert_allclose(matrix[:3, 3], -places[joint.name], atol=1e-7)
        assert_allclose(matrix[:3, :3], np.eye(3))


def test_parts_on_bones_stand_beside_the_head_and_name_their_joints(rigged):
    document, binary = contents_of(encode_glb(rigged))
    top = [document["nodes"][number]["name"] for number in document["scenes"][0]["nodes"]]
    assert top == ["head", "skin", "teeth", "eye_left", "lashes", "photo_camera"]
    for part in rigged.parts:
        node = next(node for node in document["nodes"] if node["name"] == part.name)
        assert node["skin"] == 0
        assert not {"translation", "rotation", "scale"} & node.keys()
        attributes = document["meshes"][node["mesh"]]["primitives"][0]["attributes"]
        joints = accessor(document, binary, attributes["JOINTS_0"])
        weights = accessor(document, binary, attributes["WEIGHTS_0"])
        found = np.zeros((len(joints), 3))
        np.add.at(found, (np.arange(len(joints))[:, None], joints), weights)
        assert_allclose(found, part.joint_weights, atol=1e-6)


def test_lashes_let_light_through(rigged):
    document, _ = contents_of(encode_glb(rigged))
    lashes = next(material for material in document["materials"] if material["name"] == "lashes")
    assert (lashes["alphaMode"], lashes["doubleSided"]) == ("BLEND", True)
    assert {image["mimeType"] for image in document["images"]} == {"image/jpeg", "image/png"}


def test_four_joints_are_kept_and_sum_to_one():
    weights = np.array(((0.5, 0.2, 0.15, 0.1, 0.05), (0, 0, 1, 0, 0)))
    joints, shares = strongest_influences(weights)
    assert_array_equal(joints, ((0, 1, 2, 3), (2, 0, 0, 0)))
    assert_allclose(shares[0], np.array((0.5, 0.2, 0.15, 0.1)) / 0.95, rtol=1e-6)
    assert_array_equal(shares[1], (1, 0, 0, 0))


@pytest.mark.parametrize(
    "joints",
    [(), (("a", None), ("a", 0)), (("a", None), ("b", None)), (("a", 0),), (("a", None), ("b", 2), ("c", 0))],
)
def test_skeletons_are_trees_of_names(joints):
    with pytest.raises(SkeletonError):
        Skeleton(tuple(Joint(name, parent, np.zeros(3)) for name, parent in joints))


def test_weights_of_other_joints_are_refused(rigged):
    with pytest.raises(ExportError, match="expected weights of 0 joints, got 3"):
        replace(rigged, skeleton=None)


def test_opacity_is_for_what_is_seen_through():
    with pytest.raises(ExportError, match="expected a texture of 4 channels, got 3"):
        Material("lashes", np.zeros((2, 2, 3), np.uint8), see_through=True)


def test_vrm_has_all_bones_expressions_look_at_and_meta(rigged):
    document, _ = contents_of(encode_vrm(rigged, VrmMeta("me", ("myself",))))
    vrm = document["extensions"]["VRMC_vrm"]
    assert "VRMC_vrm" in document["extensionsUsed"]
    assert vrm["specVersion"] == "1.0"
    bones = vrm["humanoid"]["humanBones"]
    assert REQUIRED | {"chest", "leftEye"} == bones.keys()
    places = places_of(document)
    by_bone = {bone: places[document["nodes"][entry["node"]]["name"]] for bone, entry in bones.items()}
    assert by_bone["leftFoot"][1] < by_bone["leftLowerLeg"][1] < by_bone["hips"][1] < by_bone["head"][1]
    assert by_bone["leftHand"][0] > by_bone["leftUpperArm"][0] > 0 > by_bone["rightHand"][0]
    assert {"aa", "blink", "happy", "lookLeft"} <= vrm["expressions"]["preset"].keys()
    assert list(vrm["expressions"]["custom"]) == list(rigged.morph_names)
    jaw = vrm["expressions"]["preset"]["aa"]["morphTargetBinds"]
    moving = [number for number, node in enumerate(document["nodes"]) if node.get("mesh") in (0, 1, 3)]
    assert [(bind["node"], bind["index"]) for bind in jaw] == [(node, 0) for node in moving]
    assert vrm["lookAt"]["type"] == "bone"
    assert_allclose(vrm["lookAt"]["offsetFromHeadBone"], (0.032, 0.045, 0.070), atol=1e-9)
    assert vrm["meta"]["name"] == "me"
    assert vrm["meta"]["authors"] == ["myself"]
    assert all(weight == 0 for mesh in document["meshes"] for weight in mesh.get("weights", ()))


def test_vrm_needs_a_head_bone(head, tmp_path):
    with pytest.raises(ExportError, match="a joint Head"):
        write_vrm(head, tmp_path / "head.vrm")


@pytest.mark.skipif(not usd_is_installed(), reason="usd-core is not installed")
def test_usd_reads_the_same_head_skinned_and_morphed(rigged, tmp_path):
    from pxr import Gf, Usd, UsdGeom, UsdSkel

    write_usdz(rigged, tmp_path / "head.usdz")
    stage = Usd.Stage.Open(str(tmp_path / "head.usdz"))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    skeleton = UsdSkel.Skeleton.Get(stage, "/head/skeleton")
    assert list(skeleton.GetJointsAttr().Get()) == ["Spine2", "Spine2/Head", "Spine2/Head/LeftEye"]
    animation = UsdSkel.Animation.Get(stage, "/head/skeleton/expression")
    assert list(animation.GetBlendShapesAttr().Get()) == list(rigged.morph_names)
    # Pixar's own code bakes skeleton and blend shapes into points.
    assert UsdSkel.BakeSkinning(root, Gf.Interval(0, 0))
    for part in rigged.parts:
        mesh = UsdGeom.Mesh.Get(stage, f"/head/{part.name}")
        points = np.array(mesh.GetPointsAttr().Get(Usd.TimeCode(0)))
        assert_allclose(1000 * points, rigged.posed_verts_mm(part), atol=2e-2)
        assert_array_equal(np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3), part.faces)


def test_usd_needs_a_skeleton_or_its_extra(head, tmp_path, monkeypatch):
    if usd_is_installed():
        with pytest.raises(ExportError, match="with a skeleton"):
            write_usdz(head, tmp_path / "head.usdz")
    monkeypatch.setattr("monoface.export.usd.usd_is_installed", lambda: False)
    with pytest.raises(ExportError, match="expected the package usd-core"):
        write_usdz(head, tmp_path / "head.usdz")
    assert not list(tmp_path.iterdir())


def test_the_container_of_a_vrm_is_a_glb(rigged):
    file = io.BytesIO(encode_vrm(rigged, VrmMeta()))
    assert file.read(4) == b"glTF"
