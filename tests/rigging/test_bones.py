"""Bones: joints where anatomy has them, weights that are smooth, and a jaw that opens as the morph does."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.rigging.bones import Bones, jaw_hinge


def turned(weights, verts, place, angle):
    """Vertices skinned to one joint that turns about x, the others at rest."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array(((1, 0, 0), (0, cos, -sin), (0, sin, cos)))
    return verts + weights[:, None] * ((verts - place) @ turn.T + place - verts)


def test_joints_hang_from_each_other_as_in_a_body(rig):
    skeleton = rig.bones.skeleton
    parents = {j.name: None if j.parent is None else skeleton.names[j.parent] for j in skeleton.joints}
    assert parents == {
        "Spine2": None,
        "Neck": "Spine2", "Head": "Neck", "Jaw": "Head", "LeftEye": "Head", "RightEye": "Head",
    }  # fmt: skip
    places = {joint.name: joint.place_mm for joint in skeleton.joints}
    assert places["Spine2"][1] < places["Neck"][1] < places["Head"][1] < places["LeftEye"][1]
    assert places["LeftEye"][0] == pytest.approx(-places["RightEye"][0], abs=1e-3)
    assert places["LeftEye"][0] > 20


def test_the_hinge_explains_how_lower_teeth_move(shipped):
    data = shipped.data
    hinge = jaw_hinge(data)
    assert np.degrees(hinge.angle_rad) == pytest.approx(25.3, abs=0.2)
    mean = data.mean_mm.astype(np.float64)
    offsets = data.expression_basis_mm[data.expression_names.index("jawOpen")].astype(np.float64)
    lower = data.regions["teeth"] & (np.abs(offsets[:, 1]) > 5)
    moved = turned(np.ones(lower.sum()), mean[lower], hinge.place_mm, hinge.angle_rad)
    assert np.abs(moved - mean[lower] - offsets[lower]).max() < 0.25


def test_the_jaw_bone_opens_the_mouth_as_the_morph_does(shipped, rig):
    data, bones = shipped.data, rig.bones
    mean = data.mean_mm.astype(np.float64)
    offsets = data.expression_basis_mm[data.expression_names.index("jawOpen")].astype(np.float64)
    weights = bones.weights[:, bones.skeleton.names.index("Jaw")]
    moved = turned(weights, mean, bones.hinge.place_mm, bones.hinge.angle_rad) - mean
    points = data.landmarks["ibug68"]
    weight, index = points.weight.astype(np.float64)[..., None], points.index
    error = np.linalg.norm((weight * (moved - offsets)[index]).sum(axis=1), axis=1)
    way = np.linalg.norm((weight * offsets[index]).sum(axis=1), axis=1)
    # The chin goes 41 mm; the throat behind it is pushed down besides, which a turn cannot do.
    assert way.max() > 40
    assert np.sqrt((error**2).mean()) < 1.8
    assert error.max() < 5.5


def test_weights_sum_to_one_and_do_not_jump_along_edges(shipped, rig):
    weights = rig.bones.weights
    assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    assert weights.min() >= 0
    data = shipped.data
    faces = data.faces[data.face_part == data.part_names.index("skin")]
    mean = data.mean_mm.astype(np.float64)
    # Lips touch but move apart.
    calm = ~data.regions["lips"][faces].any(axis=1)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        ends = faces[calm][:, [a, b]]
        jump = np.abs(weights[ends[:, 0]] - weights[ends[:, 1]]).max(axis=1)
        length = np.linalg.norm(mean[ends[:, 0]] - mean[ends[:, 1]], axis=1)
        assert (jump / np.maximum(length, 1)).max() < 0.12


def test_eyes_follow_their_bones_alone_and_face_and_skull_the_head(shipped, rig):
    names, weights = rig.bones.skeleton.names, rig.bones.weights
    for part, joint in (("eye_left", "LeftEye"), ("eye_right", "RightEye")):
        ball = shipped.data.regions[part]
        assert (weights[ball][:, names.index(joint)] == 1).all()
    head = weights[:, names.index("Head")] + weights[:, names.index("Jaw")]
    upper = shipped.data.mean_mm[:, 1] > -20
    eyes = shipped.data.regions["eyes"]
    assert (head[upper & shipped.data.regions["face"] & ~eyes] > 0.99).all()


def test_joints_of_a_person_go_with_what_is_around_them(shipped, rig, neutrals):
    moved = neutrals[0] + np.float32((0, 3, 5))
    for mine, mean in zip(rig.skeleton(moved).joints, rig.skeleton(neutrals[0]).joints, strict=True):
        assert_allclose(mine.place_mm - mean.place_mm, (0, 3, 5), atol=1e-3)


def test_without_a_jaw_there_is_no_bone_of_it(shipped):
    data = shipped.data
    names = tuple("other" if name == "jawOpen" else name for name in data.expression_names)
    bones = Bones.of(replace(data, expression_names=names))
    assert "Jaw" not in bones.skeleton.names
    assert_allclose(bones.weights.sum(axis=1), 1)
